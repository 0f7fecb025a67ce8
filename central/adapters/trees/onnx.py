"""Boosted trees as plain ONNX, put together from a booster's own dump.

One TreeEnsemble, one Sigmoid or TopK, one output. No label, no ZipMap, nothing of the
training stays in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import TensorProto, checker, helper

from central.adapters.trees.forest import Dump, Part, forest, trees_of

OPSET: Final = 21
IR: Final = 10
_ML_OPSET: Final = 5
_ROWS_A_RUN: Final = 200_000


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
    parts = [part for dump in dumps for part in trees_of(dump, share=share)]
    trees = forest(parts, "logit", outputs=1, starts=[shift])
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
    count = len(dumps)
    trees = forest(_by_level(dumps), "levels", outputs=count)
    tail, size = _rising("levels", "quantiles", count=count)
    return _file(
        [trees, tail], "quantiles", width=width, outputs=count, constants=[size]
    )


def onnx_scaled(
    dumps: Sequence[Dump], *, shifts: Sequence[float], width: int, scale: int
) -> OnnxTrees:
    """Return the model that answers in natural units what is learnt in the host's own.

    Where the scale is a gap nothing is known of the host, and the answers are 0.

    Args:
        dumps: Boosters as LightGBM dumps them, one a level; none looks at the scale.
        shifts: What is added to each level before its unit is put back.
        width: Features, the scale among them.
        scale: Which feature it is that the answers are multiplied by.
    """
    count = len(dumps)
    trees = forest(_by_level(dumps), "levels", outputs=count, starts=shifts)
    tail, size = _rising("levels", "rising", count=count)
    nodes = [
        trees,
        tail,
        helper.make_node("Gather", ["features", "place"], ["given"], axis=1),
        helper.make_node("IsNaN", ["given"], ["is_gap"]),
        helper.make_node("Where", ["is_gap", "nothing", "given"], ["scale"]),
        helper.make_node("Mul", ["rising", "scale"], ["quantiles"]),
    ]
    constants = [
        size,
        helper.make_tensor("place", TensorProto.INT64, [1], [scale]),
        helper.make_tensor("nothing", TensorProto.FLOAT, [1], [0.0]),
    ]
    return _file(nodes, "quantiles", width=width, outputs=count, constants=constants)


def _by_level(dumps: Sequence[Dump]) -> list[Part]:
    return [
        part
        for level, dump in enumerate(dumps)
        for part in trees_of(dump, output=level)
    ]


def _rising(given: str, found: str, *, count: int) -> tuple[Any, Any]:
    """Return the node that puts a row's answers in rising order, and its constant."""
    size = helper.make_tensor("count", TensorProto.INT64, [1], [count])
    node = helper.make_node(
        "TopK", [given, "count"], [found, "places"], axis=1, largest=0, sorted=1
    )
    return node, size


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
