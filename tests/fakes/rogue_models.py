"""Models that load, or not, and then do not come back: crash, loop, one huge node.

None of them gets past the scan and the trial; these tests are of what holds after that.
"""

import numpy as np
from onnx import TensorProto, helper

from tests.fakes.onnx_files import _constant, model, sized

# 250 Gflop in 100 MB: seconds on any processor.
_SIDE = 5_000


def crash() -> bytes:
    """Return a model at whose run ONNX Runtime dies: an operand without a name."""
    nodes = [
        helper.make_node(
            "Einsum", ["features", ""], ["probability"], equation="ij,jk->ik"
        )
    ]
    return model(nodes)


def forever() -> bytes:
    """Return a loop without end, of nodes that each end."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["going_on"]),
            helper.make_node("Identity", ["before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("going_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
        ],
    )
    return model(
        [
            helper.make_node("ReduceMax", ["features"], ["start"], keepdims=1),
            helper.make_node("Loop", ["", "yes", "start"], ["probability"], body=body),
        ],
        initializers=[_constant("yes", np.array(True))],
    )


def huge_node() -> bytes:
    """Return a model with one node that runs for minutes, depending on its input."""
    return _product(start="features")


def huge_load() -> bytes:
    """Return a model whose loading does so: the node is constant, and is folded."""
    return _product(start="nothing")


def _product(*, start: str) -> bytes:
    nodes = [
        helper.make_node("ReduceMax", [start], ["one"], keepdims=0),
        helper.make_node("Expand", ["one", "shape"], ["square"]),
        helper.make_node("MatMul", ["square", "square"], ["product"]),
        helper.make_node("ReduceMax", ["product"], ["most"], keepdims=0),
        helper.make_node("Reshape", ["most", "answer"], ["probability"]),
    ]
    return model(
        nodes,
        initializers=[
            sized("shape", [_SIDE, _SIDE]),
            sized("answer", [1, 1]),
            _constant("nothing", np.zeros(1, dtype=np.float32)),
        ],
    )
