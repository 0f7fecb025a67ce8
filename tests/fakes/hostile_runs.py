"""Models that only a trial can find out: loaded and run, in a child that may die.

`CASES` has a row a case. Where the scan would refuse the operator first, the row says
that the site allows it, so that the runtime itself is met.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.fakes.hostile_onnx import chance, loop, node
from tests.fakes.ml_onnx import forest, svm, tree
from tests.fakes.onnx_files import constant, floats, logistic, model, sized

NOT_LOADED = r"cannot be loaded: \w+"
REFUSED = r"(cannot be loaded|raised) \w*|cannot be loaded: \w+"

# The runtime is built to end rather than to read beyond what it has.
DIED = "died of SIGABRT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case.

    Attributes:
        make: Makes the bytes.
        reason: What the verdict says, as a regular expression.
        extra_ops: Operators that the site allows.
        changes: To the manifest.
        wall_s: How long the trial may last.
        is_conclusive: Whether another trial would end alike.
    """

    make: Callable[[], bytes]
    reason: str = REFUSED
    extra_ops: frozenset[str] = frozenset()
    changes: Mapping[str, Any] = field(default_factory=dict)
    wall_s: float = 60.0
    is_conclusive: bool = True


def constant_bomb() -> bytes:
    """Ask for 40 GB while running."""
    return model(
        [
            helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
            helper.make_node("ReduceMean", ["zeros"], ["mean"], keepdims=0),
            helper.make_node("Add", ["features", "mean"], ["sum"]),
            node("ReduceMean", ["sum"], axes=[1], keepdims=1),
        ],
        initializers=[sized("shape", [100_000, 100_000])],
    )


def expand_bomb(*, of_rows: bool) -> bytes:
    """Ask for more than there is: always, or by the fifth power of the rows."""
    shape = [helper.make_node("Shape", ["features"], ["all"])]
    shape.append(helper.make_node("Gather", ["all", "rows"], ["n"]))
    shape.append(helper.make_node("Concat", ["n"] * 5 + ["two"], ["shape"], axis=0))
    return model(
        [
            *(shape if of_rows else []),
            helper.make_node("Expand", ["features", "shape"], ["wide"]),
            helper.make_node("ReduceMean", ["wide"], ["mean"], keepdims=0),
            helper.make_node("Sub", ["mean", "mean"], ["nothing"]),
            helper.make_node("Sigmoid", ["nothing"], ["half"]),
            helper.make_node("ReduceMean", ["features"], ["each"], axes=[1]),
            helper.make_node("Sub", ["each", "each"], ["zero"]),
            node("Add", ["zero", "half"]),
        ],
        initializers=[
            sized("rows", [0]),
            sized("two", [2]),
            *([] if of_rows else [sized("shape", [100_000, 50_000, 1, 2])]),
        ],
    )


def slow(*, folded: bool) -> bytes:
    """Multiply matrices for half a minute: at each run, or once when it is loaded."""
    side, times = 3000, 30
    names = [f"m{n}" for n in range(times + 1)]
    first = [helper.make_node("Expand", ["small", "size"], ["square"])]
    if folded:
        first.append(helper.make_node("Identity", ["square"], ["m0"]))
    else:
        first.append(helper.make_node("ReduceMax", ["features"], ["top"], keepdims=0))
        first.append(helper.make_node("Add", ["square", "top"], ["m0"]))
    return model(
        [
            *first,
            *(
                helper.make_node("MatMul", [a, "square"], [b])
                for a, b in pairwise(names)
            ),
            helper.make_node("ReduceMean", [names[-1]], ["mean"], keepdims=0),
            helper.make_node("Add", ["features", "mean"], ["sum"]),
            node("ReduceMean", ["sum"], axes=[1], keepdims=1),
        ],
        initializers=[floats("small", 0.5 / side), sized("size", [side, side])],
    )


def two_inputs() -> bytes:
    """Want something beside the features."""
    info = helper.make_tensor_value_info
    inputs = [
        info("features", TensorProto.FLOAT, ["n", 2]),
        info("more", TensorProto.FLOAT, ["n", 2]),
    ]
    nodes = [
        helper.make_node("Add", ["features", "more"], ["sum"]),
        node("ReduceMean", ["sum"], axes=[1], keepdims=1),
    ]
    return model(nodes, inputs=inputs)


def rank_three() -> bytes:
    """Take a cube where a table is given."""
    cube = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 2, 1])
    return model(
        [node("ReduceMean", ["features"], axes=[1], keepdims=1)], inputs=[cube]
    )


def sequence_out() -> bytes:
    """Answer a list of tensors."""
    proto = onnx.load_model_from_string(
        model([node("SplitToSequence", ["features"], axis=1)])
    )
    answer = helper.make_tensor_sequence_value_info(
        "probability", TensorProto.FLOAT, None
    )
    proto.graph.output[0].CopyFrom(answer)
    return bytes(proto.SerializeToString())


def averaged(nodes: Sequence[Any], *, initializers: Sequence[Any] = ()) -> bytes:
    """Return a model that averages the columns of "wide"."""
    last = node("ReduceMean", ["wide"], axes=[1], keepdims=1)
    return model([*nodes, last], initializers=initializers)


def crash_einsum() -> bytes:
    """Leave out an input, which kills ONNX Runtime itself."""
    return model([node("Einsum", ["features", ""], equation="ij,jk->ik")])


def added(*names: str) -> frozenset[str]:
    """Return operators that the site allows."""
    return frozenset(names)


_WEIGHTS = floats("w", [[1.0], [-1.0]])
_ONE_ROUND = {"nodes_truenodeids": [0, 0, 0], "nodes_falsenodeids": [0, 0, 0]}

CASES: Mapping[str, Case] = {
    "bomb_constant_of_shape": Case(make=constant_bomb, reason="alloc|memory"),
    "bomb_expand_runtime": Case(
        make=lambda: expand_bomb(of_rows=False), reason="alloc|memory"
    ),
    "bomb_of_rows": Case(make=lambda: expand_bomb(of_rows=True), reason="alloc|memory"),
    "slow_node": Case(
        make=lambda: slow(folded=False), reason="more processor time than a trial may"
    ),
    "slow_fold": Case(
        make=lambda: slow(folded=True),
        reason="not over after 3 s",
        wall_s=3,
        is_conclusive=False,
    ),
    "loop_forever_allowed": Case(
        make=loop,
        reason="not over after 1.5 s",
        extra_ops=added("Loop"),
        wall_s=1.5,
        is_conclusive=False,
    ),
    "loop_accumulate_allowed": Case(
        make=lambda: loop(accumulate=True),
        reason="memory|alloc|died|processor time",
        extra_ops=added("Loop"),
    ),
    "random_out_allowed": Case(
        make=chance, reason="golden vector 1", extra_ops=added("RandomUniformLike")
    ),
    "nan_out": Case(make=lambda: constant(np.nan), reason="got nan"),
    "inf_out": Case(make=lambda: constant(np.inf), reason="got inf"),
    "no_probability": Case(make=lambda: constant(7.0), reason="got 7"),
    "wrong_rank": Case(make=rank_three, reason=r"expected tensor\(float\) of shape"),
    "wrong_width": Case(make=lambda: logistic([1, 1, 1]), reason=r"shape \[n, 2\]"),
    "wrong_dtype": Case(
        make=lambda: model(
            [node("Cast", ["features"], to=TensorProto.DOUBLE)],
            output_type=TensorProto.DOUBLE,
        ),
        reason=r"expected tensor\(float\), got tensor\(double\)",
    ),
    "extra_input": Case(make=two_inputs, reason='expected one input "features"'),
    "string_out": Case(
        make=lambda: model(
            [node("Cast", ["features"], to=TensorProto.STRING)],
            output_type=TensorProto.STRING,
        ),
        reason=r"expected tensor\(float\), got tensor\(string\)",
    ),
    "sequence_out": Case(
        make=sequence_out,
        reason=r"expected tensor\(float\), got seq\(tensor\(float\)\)",
        extra_ops=added("SplitToSequence"),
    ),
    "cycle": Case(
        make=lambda: averaged(
            [
                helper.make_node("Add", ["features", "b"], ["a"]),
                helper.make_node("Identity", ["a"], ["b"]),
                helper.make_node("Add", ["a", "b"], ["wide"]),
            ]
        ),
    ),
    "dangling": Case(
        make=lambda: averaged([helper.make_node("Add", ["features", "gone"], ["wide"])])
    ),
    "resize_negative": Case(
        make=lambda: averaged(
            [helper.make_node("Resize", ["features", "", "", "sizes"], ["wide"])],
            initializers=[sized("sizes", [-5, 2])],
        ),
        extra_ops=added("Resize"),
    ),
    "pad_overflow": Case(
        make=lambda: averaged(
            [helper.make_node("Pad", ["features", "pads"], ["wide"])],
            initializers=[sized("pads", [2**62, 2**62, 2**62, 2**62])],
        ),
        extra_ops=added("Pad"),
    ),
    "tree_feature_oob": Case(make=lambda: tree(nodes_featureids=[2**30, 0, 0])),
    "tree_feature_oob_small": Case(make=lambda: tree(nodes_featureids=[2, 0, 0])),
    "tree_feature_negative": Case(make=lambda: tree(nodes_featureids=[-5, 0, 0])),
    "tree_target_oob": Case(make=lambda: tree(target_ids=[7, 7])),
    "tree_cycle": Case(make=lambda: tree(**_ONE_ROUND)),
    "tree_lengths": Case(make=lambda: tree(nodes_featureids=[0])),
    "forest_feature_oob": Case(make=lambda: forest(nodes_featureids=[2])),
    "forest_feature_negative": Case(make=lambda: forest(nodes_featureids=[-5])),
    "forest_target_oob": Case(make=lambda: forest(leaf_targetids=[7, 7])),
    "forest_leaf_oob": Case(make=lambda: forest(nodes_truenodeids=[2]), reason=DIED),
    "forest_root_oob": Case(make=lambda: forest(tree_roots=[1]), reason=DIED),
    "forest_cycle": Case(
        make=lambda: forest(nodes_trueleafs=[0]), reason="memory|alloc|processor time"
    ),
    "forest_lengths": Case(make=lambda: forest(nodes_trueleafs=[1, 1])),
    "svm_short": Case(make=lambda: svm(n_supports=1000)),
    "gather_oob": Case(
        make=lambda: averaged(
            [helper.make_node("Gather", ["features", "places"], ["wide"], axis=1)],
            initializers=[sized("places", [2**40])],
        )
    ),
    "scatter_oob": Case(
        make=lambda: averaged(
            [
                helper.make_node(
                    "ScatterElements", ["features", "places", "w"], ["wide"], axis=1
                )
            ],
            initializers=[sized("places", [[2**40]]), floats("w", [[1.0]])],
        ),
        extra_ops=added("ScatterElements"),
    ),
    "crash_einsum": Case(
        make=crash_einsum, reason="died of SIGSEGV", extra_ops=added("Einsum")
    ),
}
