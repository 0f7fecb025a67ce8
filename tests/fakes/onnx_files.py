"""Tiny ONNX models made on the spot, and manifests that fit them."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR = 8
SERIES = "system.cpu.utilization"


def logistic(
    weights: Sequence[float] = (1.0, -1.0), *, bias: float = 0.0, output: str = "(n,1)"
) -> bytes:
    """Return a logistic regression; `output` is its shape: (n,1), (n,) or (n,2)."""
    nodes = [
        helper.make_node("MatMul", ["features", "w"], ["dot"]),
        helper.make_node("Add", ["dot", "b"], ["logit"]),
    ]
    initializers = [
        _constant("w", np.array(weights, dtype=np.float32).reshape(-1, 1)),
        _constant("b", np.array([bias], dtype=np.float32)),
    ]
    if output == "(n,1)":
        nodes.append(helper.make_node("Sigmoid", ["logit"], ["probability"]))
        shape: list[Any] = ["n", 1]
    else:
        nodes.append(helper.make_node("Sigmoid", ["logit"], ["yes"]))
        shape = ["n"]
    if output == "(n,)":
        initializers.append(_constant("axis", np.array([1], dtype=np.int64)))
        nodes.append(helper.make_node("Squeeze", ["yes", "axis"], ["probability"]))
    if output == "(n,2)":
        initializers.append(_constant("one", np.array([1.0], dtype=np.float32)))
        nodes.append(helper.make_node("Sub", ["one", "yes"], ["no"]))
        nodes.append(helper.make_node("Concat", ["no", "yes"], ["probability"], axis=1))
        shape = ["n", 2]
    return model(
        nodes, width=len(weights), initializers=initializers, output_shape=shape
    )


def linear(weights: Sequence[Sequence[float]]) -> bytes:
    """Return a linear regression: a row of weights a feature, a column a quantile."""
    matrix = np.array(weights, dtype=np.float32)
    return model(
        [helper.make_node("MatMul", ["features", "w"], ["probability"])],
        width=matrix.shape[0],
        initializers=[_constant("w", matrix)],
        output_shape=["n", matrix.shape[1]],
    )


def constant(value: float, *, width: int = 2) -> bytes:
    """Return a model that answers `value` whatever it is asked; NaN and inf too."""
    return model(
        [
            helper.make_node("MatMul", ["features", "zeros"], ["nothing"]),
            helper.make_node("IsNaN", ["nothing"], ["gaps"]),
            helper.make_node("Where", ["gaps", "value", "value"], ["probability"]),
        ],
        width=width,
        initializers=[
            _constant("zeros", np.zeros((width, 1), dtype=np.float32)),
            _constant("value", np.array([value], dtype=np.float32)),
        ],
    )


def model(
    nodes: Sequence[Any],
    *,
    width: int = 2,
    initializers: Sequence[Any] = (),
    output_shape: Sequence[Any] = ("n", 1),
    output_type: int = TensorProto.FLOAT,
    inputs: Sequence[Any] | None = None,
) -> bytes:
    """Return the bytes of a model made of `nodes`, unchecked: it may be nonsense."""
    features = helper.make_tensor_value_info(
        "features", TensorProto.FLOAT, ["n", width]
    )
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [features] if inputs is None else list(inputs),
        [helper.make_tensor_value_info("probability", output_type, list(output_shape))],
        initializer=list(initializers),
    )
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR
    )
    return bytes(made.SerializeToString())


def sha256(document: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(document).hexdigest()


def sigmoid(value: float) -> float:
    """Return what a logistic model answers for a logit."""
    return float(1 / (1 + np.exp(-value)))


def manifest_of(document: bytes | None, *, width: int = 2, **changes: Any) -> bytes:
    """Return an event manifest of task "cpu-busy" for a model; None makes a survey.

    Keywords replace keys of the manifest; `...` as value removes the key.
    """
    content: dict[str, Any] = {
        "schema": 1,
        "task": "cpu-busy",
        "version": 1,
        "title": "The processors will be busy",
        "target": {
            "kind": "event",
            "series": SERIES,
            "condition": ">= 0.9",
            "within": "10m",
        },
        "features": [f"avg_over_time({SERIES}[{n + 1}m])" for n in range(width)],
        "requires": {"metrics": [SERIES]},
    }
    if document is not None:
        content["model"] = {
            "sha256": sha256(document),
            "length": len(document),
            "opset": OPSET,
            "ir": IR,
        }
        content["decision"] = {"threshold": 0.5, "clear": 0.4}
        content["golden"] = [{"features": [0.0] * width, "score": [0.5]}]
    content.update(changes)
    return json.dumps({k: v for k, v in content.items() if v is not ...}).encode()


def sized(name: str, shape: Sequence[int]) -> Any:
    """Return an initializer that holds a shape."""
    return _constant(name, np.array(shape, dtype=np.int64))


def floats(name: str, values: Any) -> Any:
    """Return an initializer that holds numbers."""
    return _constant(name, np.array(values, dtype=np.float32))


def _constant(name: str, values: Any) -> Any:
    return numpy_helper.from_array(values, name)
