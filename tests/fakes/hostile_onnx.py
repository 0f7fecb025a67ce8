"""Models that the scan must refuse by their bytes alone, made on the spot.

`CASES` has a row a case: how its bytes are made, and the rule that it breaks.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from agent.core.scan import Rule
from tests.fakes.onnx_files import logistic, model, sized
from tests.fakes.wire import field

Make = Callable[[], bytes]


def node(kind: str, inputs: Sequence[str], **attributes: Any) -> Any:
    """Return a node that answers "probability"."""
    return helper.make_node(kind, inputs, ["probability"], **attributes)


def changed(change: Callable[[ModelProto], Any]) -> Make:
    """Return what makes the bytes of a fair model after a change."""

    def made() -> bytes:
        proto = onnx.load_model_from_string(logistic())
        change(proto)
        return bytes(proto.SerializeToString())

    return made


def elsewhere(tensor: TensorProto, location: str) -> TensorProto:
    """Say that a tensor's data are in a file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def external(location: str) -> Make:
    """Return a model whose weights are in a file."""
    return changed(lambda m: elsewhere(m.graph.initializer[0], location))


def external_in_attribute() -> bytes:
    """Return a model with a constant whose data are in a file."""
    tensor = numpy_helper.from_array(np.zeros((2, 1), np.float32), "hidden")
    constant = helper.make_node("Constant", [], ["w"], value=elsewhere(tensor, "w.bin"))
    return model([constant, node("MatMul", ["features", "w"])])


def sparse(*, in_file: bool = False) -> Any:
    """Return a tensor that is almost all zeros."""
    values = numpy_helper.from_array(np.ones(1, np.float32), "sparse")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "indices")
    if in_file:
        elsewhere(values, "w.bin")
    return helper.make_sparse_tensor(values, indices, [2])


def sparse_constant() -> bytes:
    """Return a model with a sparse constant."""
    constant = helper.make_node("Constant", [], ["w"], sparse_value=sparse())
    return model([constant, node("Add", ["features", "w"])])


def duplicate_keys(proto: ModelProto) -> None:
    """Name two files for one tensor."""
    tensor = elsewhere(proto.graph.initializer[0], "w.bin")
    tensor.external_data.add(key="location", value="../../secret")


def tensor_with(**changes: Any) -> Make:
    """Return a model whose first weights say something else of themselves."""

    def change(proto: ModelProto) -> None:
        tensor = proto.graph.initializer[0]
        for key, value in changes.items():
            tensor.ClearField(key)
            if isinstance(value, list):
                getattr(tensor, key).extend(value)
            elif value is not None:
                setattr(tensor, key, value)

    return changed(change)


def values_as_size() -> bytes:
    """Return a model that answers as many zeros as the first feature says."""
    return model(
        [
            helper.make_node("ReduceMax", ["features"], ["top"], keepdims=0),
            helper.make_node("Cast", ["top"], ["size"], to=TensorProto.INT64),
            helper.make_node("Unsqueeze", ["size", "axis"], ["shape"]),
            helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
            helper.make_node("ReduceSum", ["zeros"], ["zero"], keepdims=0),
            node("Add", ["features", "zero"]),
        ],
        initializers=[sized("axis", [0])],
    )


def functions(bodies: Mapping[str, Sequence[str]]) -> Make:
    """Return a model with functions, each calling those in its body."""

    def change(proto: ModelProto) -> None:
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
        proto.opset_import.add(domain="own", version=1)
        proto.graph.node[0].op_type = next(iter(bodies))
        proto.graph.node[0].domain = "own"
        for name, calls in bodies.items():
            nodes = [helper.make_node(c, ["x"], ["y"], domain="own") for c in calls]
            proto.functions.append(
                helper.make_function("own", name, ["x"], ["y"], nodes, opsets)
            )

    return changed(change)


def nested(depth: int) -> bytes:
    """Return a model with a graph in a graph, and so on."""
    graph = field(2, b"innermost")
    for _ in range(depth):
        attribute = field(1, b"then_branch") + field(6, graph) + b"\xa0\x01\x05"
        graph = field(1, field(4, b"If") + field(1, b"c") + field(5, attribute))
    opset = field(1, b"") + b"\x10\x11"
    return b"\x08\x08" + field(7, graph) + field(8, opset)


def loop(*, accumulate: bool = False) -> bytes:
    """Return a model that goes round for ever, keeping every round if told to."""
    info = helper.make_tensor_value_info
    outputs = [info("on", TensorProto.BOOL, []), info("next", TensorProto.FLOAT, None)]
    nodes = [
        helper.make_node("Identity", ["going"], ["on"]),
        helper.make_node("Identity", ["state"], ["next"]),
    ]
    if accumulate:
        nodes.append(helper.make_node("Identity", ["state"], ["kept"]))
        outputs.append(info("kept", TensorProto.FLOAT, None))
    inputs = [
        info("round", TensorProto.INT64, []),
        info("going", TensorProto.BOOL, []),
        info("state", TensorProto.FLOAT, None),
    ]
    body = helper.make_graph(nodes, "body", inputs, outputs)
    last = ["last", "all"] if accumulate else ["last"]
    return model(
        [
            helper.make_node("Loop", ["", "true", "features"], last, body=body),
            node("ReduceMean", ["last"], axes=[1], keepdims=1),
        ],
        initializers=[helper.make_tensor("true", TensorProto.BOOL, [], [True])],
    )


def chain(length: int) -> bytes:
    """Return a model of so many nodes, one after another."""
    names = ["features", *(f"v{n}" for n in range(length - 1)), "probability"]
    nodes = [helper.make_node("Identity", [a], [b]) for a, b in pairwise(names)]
    return model(nodes)


def of_domain(domain: str, kind: str) -> Make:
    """Return a model with one operator of another domain."""

    def made() -> bytes:
        proto = onnx.load_model_from_string(
            model([node(kind, ["features"], domain=domain)])
        )
        proto.opset_import.add(domain=domain, version=1)
        return bytes(proto.SerializeToString())

    return made


def chance() -> bytes:
    """Return a model that draws its answers."""
    return model(
        [
            helper.make_node("RandomUniformLike", ["features"], ["any"], dtype=1),
            node("ReduceMean", ["any"], axes=[1], keepdims=1),
        ]
    )


def metadata(key: str, value: str) -> Callable[[ModelProto], Any]:
    """Return what adds an entry of metadata."""
    return lambda m: m.metadata_props.add(key=key, value=value)


def named(name: str) -> Callable[[ModelProto], Any]:
    """Return what names a node."""
    return lambda m: setattr(m.graph.node[0], "name", name)


CASES: Mapping[str, tuple[Make, Rule]] = {
    "ext_absolute": (external("/etc/passwd"), Rule.EXTERNAL_DATA),
    "ext_traversal": (external("../../etc/passwd"), Rule.EXTERNAL_DATA),
    "ext_symlink": (external("link"), Rule.EXTERNAL_DATA),
    "ext_in_attribute": (external_in_attribute, Rule.EXTERNAL_DATA),
    "ext_in_sparse": (
        changed(lambda m: m.graph.sparse_initializer.append(sparse(in_file=True))),
        Rule.SPARSE,
    ),
    "sparse_initializer": (
        changed(lambda m: m.graph.sparse_initializer.append(sparse())),
        Rule.SPARSE,
    ),
    "sparse_attribute": (sparse_constant, Rule.SPARSE),
    "ext_plain": (external("w.bin"), Rule.EXTERNAL_DATA),
    "ext_mem_marker": (external("*/_ORT_MEM_ADDR_/*"), Rule.EXTERNAL_DATA),
    "ext_duplicate_keys": (changed(duplicate_keys), Rule.EXTERNAL_DATA),
    "empty": (lambda: b"", Rule.NOT_A_MODEL),
    "garbage": (lambda: b"garbage", Rule.NOT_A_MODEL),
    "zeros": (lambda: bytes(100), Rule.NOT_A_MODEL),
    "html": (lambda: b"<!doctype html><html></html>", Rule.NOT_A_MODEL),
    "truncated": (lambda: logistic()[:-9], Rule.NOT_A_MODEL),
    "no_graph": (changed(lambda m: m.ClearField("graph")), Rule.NO_GRAPH),
    "trailing": (lambda: logistic() * 2, Rule.TRAILING_DATA),
    "trailing_graph": (lambda: logistic() + field(7, b""), Rule.TRAILING_DATA),
    "ort_format": (lambda: b"\x18\0\0\0ORTM" + bytes(64), Rule.ORT_FORMAT),
    "dims_huge_no_data": (tensor_with(dims=[10**6, 10**6], raw_data=None), Rule.DIMS),
    "dims_no_data": (tensor_with(dims=[2, 10**6], raw_data=None), Rule.RAW_DATA_LENGTH),
    "dims_overflow": (tensor_with(dims=[2**62, 8]), Rule.DIMS),
    "dims_negative": (tensor_with(dims=[-2, 1]), Rule.DIMS),
    "dims_many": (tensor_with(dims=[1] * 9), Rule.DIMS),
    "raw_short": (tensor_with(raw_data=b"abc"), Rule.RAW_DATA_LENGTH),
    "typed_too": (tensor_with(float_data=[1.0]), Rule.RAW_DATA_LENGTH),
    "dtype_invalid": (tensor_with(data_type=99), Rule.DTYPE),
    "dtype_missing": (tensor_with(data_type=None), Rule.DTYPE),
    "bomb_input_driven": (values_as_size, Rule.SHAPE_FROM_VALUES),
    "bomb_functions": (
        functions({f"f{n}": [f"f{n + 1}"] * 2 for n in range(24)}),
        Rule.FUNCTIONS,
    ),
    "function_recursion": (functions({"f": ["f"]}), Rule.FUNCTIONS),
    "training": (changed(lambda m: m.training_info.add()), Rule.FUNCTIONS),
    "nested_20": (lambda: nested(20), Rule.NESTING),
    "nested_300": (lambda: nested(300), Rule.NESTING),
    "loop_forever": (loop, Rule.OP),
    "loop_accumulate": (lambda: loop(accumulate=True), Rule.OP),
    "many_nodes": (lambda: chain(100_000), Rule.TOO_MANY_NODES),
    "custom_domain": (of_domain("com.example", "Fast"), Rule.DOMAIN),
    "azure_op": (of_domain("com.microsoft.extensions", "AzureText"), Rule.DOMAIN),
    "ep_context": (of_domain("com.microsoft", "EPContext"), Rule.DOMAIN),
    "contrib_domain": (of_domain("com.microsoft", "Gelu"), Rule.DOMAIN),
    "opset_future": (
        changed(lambda m: setattr(m.opset_import[0], "version", 99)),
        Rule.OPSET,
    ),
    "opset_missing": (changed(lambda m: m.ClearField("opset_import")), Rule.OPSET),
    "opset_twice": (
        changed(lambda m: m.opset_import.add(domain="ai.onnx", version=9)),
        Rule.OPSET,
    ),
    "opset_ml_future": (
        changed(lambda m: m.opset_import.add(domain="ai.onnx.ml", version=6)),
        Rule.OPSET,
    ),
    "opset_ml_missing": (
        lambda: model([node("Scaler", ["features"], domain="ai.onnx.ml")]),
        Rule.OPSET,
    ),
    "ir_future": (changed(lambda m: setattr(m, "ir_version", 99)), Rule.IR),
    "ir_zero": (changed(lambda m: setattr(m, "ir_version", 0)), Rule.IR),
    "ir_missing": (changed(lambda m: m.ClearField("ir_version")), Rule.IR),
    "ort_config_meta": (
        changed(metadata("ort_config", '{"session_options": {}}')),
        Rule.ORT_CONFIG,
    ),
    "meta_big": (changed(metadata("card", "x" * 10**6)), Rule.METADATA_TOO_BIG),
    "doc_big": (
        changed(lambda m: setattr(m.graph.node[0], "doc_string", "x" * 10**6)),
        Rule.METADATA_TOO_BIG,
    ),
    "duplicate_output": (
        changed(lambda m: m.graph.node.append(m.graph.node[0])),
        Rule.DUPLICATE_NAME,
    ),
    "duplicate_initializer": (
        changed(lambda m: m.graph.initializer.append(m.graph.initializer[0])),
        Rule.DUPLICATE_NAME,
    ),
    "empty_input": (
        changed(lambda m: m.graph.node[0].input.insert(0, "")),
        Rule.EMPTY_INPUT,
    ),
    "names_control": (changed(named("a\nb\x1b[2J")), Rule.BAD_NAME),
    "names_long": (changed(named("x" * 1000)), Rule.BAD_NAME),
    "random_out": (chance, Rule.OP),
}
