"""Boosted trees: trained by LightGBM, written as plain ONNX, run by ONNX Runtime.

The file is put together from the booster's own dump: one TreeEnsembleRegressor, one
Sigmoid, one output. No label, no ZipMap, nothing of the training stays in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import lightgbm
import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import TensorProto, checker, helper

OPSET: Final = 13
IR: Final = 7
_ML_OPSET: Final = 1
_SMALLEST_LEAF: Final = 200
_ROWS_A_RUN: Final = 200_000

_SETTINGS: Final = {
    "objective": "binary",
    "num_leaves": 8,
    "learning_rate": 0.05,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "monotone_constraints_method": "intermediate",
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "verbosity": -1,
}


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
        """Return the probabilities, shape (n,), by the very runtime of the agent."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        session = onnxruntime.InferenceSession(
            self.document, sess_options=options, providers=["CPUExecutionProvider"]
        )
        parts = [
            session.run(["probability"], {"features": features[at : at + _ROWS_A_RUN]})
            for at in range(0, len(features), _ROWS_A_RUN)
        ]
        empty = np.empty((0, 1), dtype=np.float32)
        found = np.concatenate([empty, *(part for (part,) in parts)])
        return np.asarray(found[:, 0], dtype=np.float64)


class TreeTrainer:
    """Trains boosted trees, the same ones from the same examples.

    Args:
        seed: Of whatever is drawn.
        rounds: Trees.
    """

    def __init__(self, *, seed: int, rounds: int = 90) -> None:
        self._seed = seed
        self._rounds = rounds

    def train(
        self,
        features: npt.NDArray[np.float32],
        happened: npt.NDArray[np.bool_],
        *,
        signs: Sequence[int],
    ) -> OnnxTrees:
        """Return a model of the rate; no class is weighed, so it is calibrated."""
        booster = self._booster(features, happened, signs=signs)
        return OnnxTrees(document=_onnx(booster.dump_model(), width=features.shape[1]))

    def _booster(
        self,
        features: npt.NDArray[np.float32],
        happened: npt.NDArray[np.bool_],
        *,
        signs: Sequence[int],
    ) -> Any:  # noqa: ANN401 - untyped library
        # What happens once in a thousand moments needs large leaves: a small one
        # without an event would be sent far off by a single step.
        smallest = max(_SMALLEST_LEAF, len(features) // 1000)
        settings = {
            **_SETTINGS,
            "min_data_in_leaf": smallest,
            "min_sum_hessian_in_leaf": smallest / 20,
            "seed": self._seed,
            "monotone_constraints": list(signs),
        }
        examples = lightgbm.Dataset(features, label=happened.astype(np.float32))
        return lightgbm.train(settings, examples, num_boost_round=self._rounds)


def _onnx(dump: dict[str, Any], *, width: int) -> bytes:
    """Return the bytes of a model that answers as the dumped booster does."""
    columns: dict[str, Any] = dict(_columns(dump))
    trees = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["logit"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        **columns,
    )
    sigmoid = helper.make_node("Sigmoid", ["logit"], ["probability"])
    graph = helper.make_graph(
        [trees, sigmoid],
        "trees",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", 1])],
    )
    model = helper.make_model(
        graph,
        opset_imports=[
            helper.make_opsetid("", OPSET),
            helper.make_opsetid("ai.onnx.ml", _ML_OPSET),
        ],
        ir_version=IR,
    )
    checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _columns(dump: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the attributes of a TreeEnsembleRegressor, one entry a node or leaf."""
    found: dict[str, list[Any]] = {name: [] for name in (*_NODE, *_LEAF)}
    for tree, info in enumerate(dump["tree_info"]):
        for number, node, kids in _walk(info["tree_structure"]):
            row = _node_row(node, kids) if kids else _END_ROW
            for name, value in zip(_NODE, (tree, number, *row), strict=True):
                found[name].append(value)
            if not kids:
                leaf = (tree, number, 0, float(node["leaf_value"]))
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
