"""Boosted trees as plain ONNX, put together from a booster's own dump.

One TreeEnsembleRegressor, one Sigmoid or TopK, one output. No label, no ZipMap, nothing
of the training stays in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import TensorProto, checker, helper

OPSET: Final = 13
IR: Final = 7
_ML_OPSET: Final = 1
_ROWS_A_RUN: Final = 200_000
Dump: TypeAlias = dict[str, Any]
# A tree, to which output it adds, and by which factor.
Part: TypeAlias = tuple[Dump, int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxTrees:
    """A trained model, as the file that is shipped.

    Attributes:
        document: The ONNX bytes.
        opset: Version of the default domain.
        ir: Version of the file format.
    """

    document: bytes
    opset: int = OPSET
    ir: int = IR

    def score(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the answers, shape (n,) or (n, quantiles), by the agent's runtime."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        session = onnxruntime.InferenceSession(
            self.document, sess_options=options, providers=["CPUExecutionProvider"]
        )
        width = session.get_outputs()[0].shape[1]
        parts = [
            session.run(None, {"features": features[at : at + _ROWS_A_RUN]})
            for at in range(0, len(features), _ROWS_A_RUN)
        ]
        empty = np.empty((0, width), dtype=np.float32)
        found = np.concatenate([empty, *(part for (part, *_) in parts)])
        return np.asarray(found[:, 0] if width == 1 else found, dtype=np.float64)


def onnx_trees(
    dumps: Sequence[Dump], *, width: int, slope: float = 1.0, shift: float = 0.0
) -> OnnxTrees:
    """Return the model whose log-odds are `slope` times the mean plus `shift`.

    Both are folded into the trees, so that no operator is needed for them.

    Args:
        dumps: Boosters as LightGBM dumps them; their log-odds are averaged.
        width: Features.
        slope: Factor of every leaf.
        shift: Where the sum starts.
    """
    share = slope / len(dumps)
    parts = [(info, 0, share) for dump in dumps for info in dump["tree_info"]]
    trees = _forest(parts, "logit", outputs=1, starts=[shift] if shift else [])
    tail = helper.make_node("Sigmoid", ["logit"], ["probability"])
    return _file([trees, tail], "probability", width=width, outputs=1)


def onnx_quantiles(dumps: Sequence[Dump], *, width: int) -> OnnxTrees:
    """Return the model that answers what each booster says, in rising order.

    Quantiles that were learnt one by one may cross, which means nothing; in order they
    are never further off.

    Args:
        dumps: Boosters as LightGBM dumps them, one a level.
        width: Features.

    Source:
        Chernozhukov, Fernandez-Val and Galichon, "Quantile and probability curves
        without crossing", Econometrica 78 (2010).
    """
    parts = [
        (info, level, 1.0)
        for level, dump in enumerate(dumps)
        for info in dump["tree_info"]
    ]
    count = len(dumps)
    trees = _forest(parts, "levels", outputs=count, starts=[])
    size = helper.make_tensor("count", TensorProto.INT64, [1], [count])
    tail = helper.make_node(
        "TopK",
        ["levels", "count"],
        ["quantiles", "places"],
        axis=1,
        largest=0,
        sorted=1,
    )
    return _file(
        [trees, tail], "quantiles", width=width, outputs=count, constants=[size]
    )


def _forest(
    parts: Sequence[Part], output: str, *, outputs: int, starts: Sequence[float]
) -> Any:  # noqa: ANN401 - untyped library
    columns: dict[str, Any] = dict(_columns(parts))
    if starts:
        columns["base_values"] = starts
    return helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        [output],
        domain="ai.onnx.ml",
        n_targets=outputs,
        aggregate_function="SUM",
        post_transform="NONE",
        **columns,
    )


def _file(
    nodes: Sequence[Any],
    output: str,
    *,
    width: int,
    outputs: int,
    constants: Sequence[Any] = (),
) -> OnnxTrees:
    given = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", width])
    found = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", outputs])
    model = helper.make_model(
        helper.make_graph(nodes, "trees", [given], [found], initializer=constants),
        opset_imports=[
            helper.make_opsetid("", OPSET),
            helper.make_opsetid("ai.onnx.ml", _ML_OPSET),
        ],
        ir_version=IR,
    )
    checker.check_model(model)
    return OnnxTrees(document=bytes(model.SerializeToString(deterministic=True)))


def _columns(parts: Sequence[Part]) -> dict[str, list[Any]]:
    """Return the attributes of a TreeEnsembleRegressor, one entry a node or leaf."""
    found: dict[str, list[Any]] = {name: [] for name in (*_NODE, *_LEAF)}
    for tree, (info, output, share) in enumerate(parts):
        for number, node, kids in _walk(info["tree_structure"]):
            row = _node_row(node, kids) if kids else _END_ROW
            for name, value in zip(_NODE, (tree, number, *row), strict=True):
                found[name].append(value)
            if not kids:
                leaf = (tree, number, output, share * float(node["leaf_value"]))
                for name, value in zip(_LEAF, leaf, strict=True):
                    found[name].append(value)
    return found


_NODE: Final = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_featureids",
    "nodes_values",
    "nodes_modes",
    "nodes_truenodeids",
    "nodes_falsenodeids",
    "nodes_missing_value_tracks_true",
)
_LEAF: Final = ("target_treeids", "target_nodeids", "target_ids", "target_weights")
_END_ROW: Final = (0, 0.0, "LEAF", 0, 0, 0)


def _walk(
    root: dict[str, Any],
) -> Iterator[tuple[int, dict[str, Any], tuple[int, int] | None]]:
    """Yield each node with its number and its children's; None for a leaf."""
    waiting = [(0, root)]
    following = 1
    while waiting:
        number, node = waiting.pop()
        if "left_child" not in node:
            yield number, node, None
            continue
        kids = following, following + 1
        following += 2
        yield number, node, kids
        waiting += [(kids[0], node["left_child"]), (kids[1], node["right_child"])]


def _node_row(node: dict[str, Any], kids: tuple[int, int]) -> tuple[Any, ...]:
    threshold = float(node["threshold"])
    # Where no gap was seen in training, LightGBM takes one for 0, which is to say that
    # the limit is met. Here it goes where most examples went.
    has_gaps = node["missing_type"] == "NaN"
    gap_goes_left = node["default_left"] if has_gaps else _is_left_larger(node)
    return (
        node["split_feature"],
        _rounded_down(threshold),
        "BRANCH_LEQ",
        *kids,
        int(gap_goes_left),
    )


def _is_left_larger(node: dict[str, Any]) -> bool:
    left, right = (
        kid["internal_count"] if "left_child" in kid else kid["leaf_count"]
        for kid in (node["left_child"], node["right_child"])
    )
    return bool(left >= right)


def _rounded_down(threshold: float) -> float:
    """Return the largest float32 not above: what is below stays below."""
    with np.errstate(over="ignore"):
        near = np.float32(threshold)
    if float(near) > threshold:
        near = np.nextafter(near, np.float32(-np.inf))
    return float(near)
