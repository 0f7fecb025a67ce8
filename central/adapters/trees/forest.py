"""Trees as LightGBM dumps them, written as one TreeEnsemble: splits here, leaves there.

LightGBM numbers the splits of a tree and its leaves from 0 on, each for themselves, and
so does TreeEnsemble: what is left to do is to count on from one tree to the next.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from onnx import helper, numpy_helper

Dump: TypeAlias = dict[str, Any]

_SUM: Final = 1
_AT_MOST: Final = 0
_NO_SPLIT: Final = {
    "split_index": 0,
    "split_feature": 0,
    "threshold": 0.0,
    "missing_type": "NaN",
    "default_left": True,
}


class Part(NamedTuple):
    """A tree in its place.

    Attributes:
        tree: A node, its children in it.
        output: To which output it adds.
        share: By which factor.
    """

    tree: Dump
    output: int
    share: float = 1.0


class _Split(NamedTuple):
    """A row of the splits, under the names that the operator gives the columns."""

    featureids: int
    splits: float
    modes: int
    missing_value_tracks_true: int
    truenodeids: int
    trueleafs: int
    falsenodeids: int
    falseleafs: int


class _Leaf(NamedTuple):
    """A row of the leaves, likewise."""

    targetids: int
    weights: float


def trees_of(dump: Dump, *, output: int = 0, share: float = 1.0) -> list[Part]:
    """Return the trees of a booster, all in one place."""
    return [Part(info["tree_structure"], output, share) for info in dump["tree_info"]]


def forest(
    parts: Sequence[Part], name: str, *, outputs: int, starts: Sequence[float] = ()
) -> Any:  # noqa: ANN401 - untyped library
    """Return the node that sums up trees of "features", shape (n, outputs).

    Args:
        parts: The trees.
        name: Of what it answers.
        outputs: How many sums there are.
        starts: Where each sum starts; none: at 0.
    """
    # The operator knows no start, but a tree of one leaf is one.
    begun = [Part({"leaf_value": at}, nr) for nr, at in enumerate(starts) if at]
    roots, splits, leaves = _tables([*parts, *begun])
    columns = _columns(_Split, splits, prefix="nodes_")
    columns |= _columns(_Leaf, leaves, prefix="leaf_")
    for column, kind in _TENSORS.items():
        numbers = np.array(columns[column], dtype=kind)
        columns[column] = numpy_helper.from_array(numbers, column)
    return helper.make_node(
        "TreeEnsemble",
        ["features"],
        [name],
        domain="ai.onnx.ml",
        n_targets=outputs,
        aggregate_function=_SUM,
        tree_roots=roots,
        **columns,
    )


_TENSORS: Final = {
    "nodes_splits": np.float32,
    "nodes_modes": np.uint8,
    "leaf_weights": np.float32,
}


def _columns(
    kind: type[_Split | _Leaf],
    rows: Sequence[_Split | _Leaf],
    *,
    prefix: str,
) -> dict[str, Any]:
    columns = zip(*rows, strict=True)
    return {
        prefix + name: column
        for name, column in zip(kind._fields, columns, strict=True)
    }


def _tables(parts: Sequence[Part]) -> tuple[list[int], list[_Split], list[_Leaf]]:
    """Return the first split of each tree, all splits and all leaves."""
    roots: list[int] = []
    splits: list[_Split] = []
    leaves: list[_Leaf] = []
    for dumped, output, share in parts:
        tree, first = _rooted(dumped), (len(splits), len(leaves))
        roots.append(first[0])
        splits += (_split(node, first) for node in _by_number(tree, "split_index"))
        leaves += (
            _Leaf(output, share * float(node["leaf_value"]))
            for node in _by_number(tree, "leaf_index")
        )
    return roots, splits, leaves


def _by_number(tree: Dump, number: str) -> list[Dump]:
    """Return the splits of a tree, or its leaves, in the order of their numbers."""
    found = (node for node in _walk(tree) if number in node)
    return sorted(found, key=lambda node: int(node[number]))


def _rooted(tree: Dump) -> Dump:
    """Return the tree with a split at its root: a lone leaf is put on both sides."""
    if "left_child" in tree:
        return tree
    # Not the very same leaf, as the operator's text advises: of such a tree ONNX
    # Runtime 1.28 takes the leaf that has the number of the split.
    left, right = ({**tree, "leaf_index": number} for number in (0, 1))
    return {**_NO_SPLIT, "left_child": left, "right_child": right}


def _walk(tree: Dump) -> Iterator[Dump]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [
            node[side] for side in ("left_child", "right_child") if side in node
        ]


def _split(node: Dump, first: tuple[int, int]) -> _Split:
    """Return a split's row; its tree begins after so many splits and leaves."""
    left, right = node["left_child"], node["right_child"]
    # Where no gap was seen in training, LightGBM takes one for 0, which is to say that
    # the limit is met. Here it goes where most examples went.
    has_gaps = node["missing_type"] == "NaN"
    gap_goes_left = node["default_left"] if has_gaps else _count(left) >= _count(right)
    return _Split(
        node["split_feature"],
        _rounded_down(float(node["threshold"])),
        _AT_MOST,
        int(gap_goes_left),
        *_place(left, first),
        *_place(right, first),
    )


def _place(node: Dump, first: tuple[int, int]) -> tuple[int, int]:
    """Return the number of a node among its kind, and 1 where it is a leaf."""
    if "leaf_index" in node:
        return first[1] + node["leaf_index"], 1
    return first[0] + node["split_index"], 0


def _count(node: Dump) -> int:
    return int(node["leaf_count" if "leaf_index" in node else "internal_count"])


def _rounded_down(threshold: float) -> float:
    """Return the largest float32 not above: what is below stays below."""
    with np.errstate(over="ignore"):
        near = np.float32(threshold)
    if float(near) > threshold:
        near = np.nextafter(near, np.float32(-np.inf))
    return float(near)
