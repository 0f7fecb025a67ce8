"""Fair models of every kind that may run: what the laws and the fuzzing start from.

Each takes two features and answers probabilities: one half, where both are zero.
"""

from collections.abc import Callable, Mapping

from onnx import TensorProto, helper

from tests.fakes import ml_onnx
from tests.fakes.onnx_files import floats, logistic, model, sized


def layers() -> bytes:
    """Return a small neural network."""
    return model(
        [
            helper.make_node("Gemm", ["features", "w1", "b1"], ["hidden"]),
            helper.make_node("LayerNormalization", ["hidden", "scale"], ["normal"]),
            helper.make_node("Relu", ["normal"], ["bent"]),
            helper.make_node("Gemm", ["bent", "w2"], ["logit"], transB=1),
            helper.make_node("Sigmoid", ["logit"], ["probability"]),
        ],
        initializers=[
            floats("w1", [[1, -1, 0.5], [0.5, 1, -1]]),
            floats("b1", [0, 0, 0]),
            floats("scale", [1, 1, 1]),
            floats("w2", [[1, 1, -1]]),
        ],
    )


def distances() -> bytes:
    """Return how likely the nearer of two centres is, as k-means would have it."""
    return model(
        [
            helper.make_node("ReduceSumSquare", ["features"], ["own"], axes=[1]),
            helper.make_node(
                "Gemm", ["features", "centres"], ["dot"], alpha=-2.0, transB=1
            ),
            helper.make_node("Add", ["own", "dot"], ["sum"]),
            helper.make_node("Add", ["sum", "squares"], ["squared"]),
            helper.make_node("Clip", ["squared", "zero"], ["positive"]),
            helper.make_node("Sqrt", ["positive"], ["distance"]),
            helper.make_node("ArgMin", ["distance"], ["label"], axis=1),
            helper.make_node("Neg", ["distance"], ["near"]),
            helper.make_node("Softmax", ["near"], ["both"], axis=1),
            helper.make_node("ReduceMax", ["both"], ["probability"], axes=[1]),
        ],
        initializers=[
            floats("centres", [[1, 0], [0, 1]]),
            floats("squares", [1, 1]),
            floats("zero", 0),
        ],
    )


def mixture() -> bytes:
    """Return how likely the first of two bells is."""
    return model(
        [
            helper.make_node("Sub", ["features", "mean"], ["off"]),
            helper.make_node("Pow", ["off", "two"], ["square"]),
            helper.make_node("MatMul", ["square", "w"], ["log"]),
            helper.make_node("ReduceLogSumExp", ["log"], ["norm"], axes=[1]),
            helper.make_node("Sub", ["log", "norm"], ["share"]),
            helper.make_node("Exp", ["share"], ["shares"]),
            helper.make_node("Gather", ["shares", "first"], ["probability"], axis=1),
        ],
        initializers=[
            floats("mean", [0.5, -0.5]),
            floats("two", 2),
            floats("w", [[-1, 0], [0, -1]]),
            sized("first", [0]),
        ],
    )


def shaped() -> bytes:
    """Return one half for each row, by way of shapes."""
    return model(
        [
            helper.make_node("Shape", ["features"], ["all"]),
            helper.make_node("Gather", ["all", "first"], ["rows"]),
            helper.make_node("Concat", ["rows", "one"], ["column"], axis=0),
            helper.make_node("ConstantOfShape", ["column"], ["zeros"]),
            helper.make_node("Expand", ["half", "column"], ["halves"]),
            helper.make_node("Reshape", ["zeros", "flat"], ["row"]),
            helper.make_node("Unsqueeze", ["row", "one"], ["again"]),
            helper.make_node("Add", ["again", "halves"], ["probability"]),
        ],
        initializers=[
            sized("first", [0]),
            sized("one", [1]),
            sized("flat", [-1]),
            floats("half", 0.5),
        ],
    )


def sliced() -> bytes:
    """Return the larger of two halves, by way of pieces."""
    return model(
        [
            helper.make_node("Sigmoid", ["features"], ["both"]),
            helper.make_node("Split", ["both", "sizes"], ["a", "b"], axis=1),
            helper.make_node("Concat", ["b", "a"], ["turned"], axis=1),
            helper.make_node("TopK", ["turned", "one"], ["top", "places"], axis=1),
            helper.make_node("Slice", ["top", "zero", "one", "one"], ["cut"]),
            helper.make_node("Squeeze", ["cut", "one"], ["row"]),
            helper.make_node("Flatten", ["row"], ["probability"], axis=1),
        ],
        initializers=[sized("sizes", [1, 1]), sized("one", [1]), sized("zero", [0])],
    )


def gaps() -> bytes:
    """Return the share of the features that are there, or a half."""
    return model(
        [
            helper.make_node("IsNaN", ["features"], ["gone"]),
            helper.make_node("Not", ["gone"], ["there"]),
            helper.make_node("Cast", ["there"], ["ones"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["ones"], ["share"], axes=[1]),
            helper.make_node("GreaterOrEqual", ["share", "half"], ["enough"]),
            helper.make_node("Where", ["enough", "half", "share"], ["probability"]),
        ],
        initializers=[floats("half", 0.5)],
    )


SEEDS: Mapping[str, Callable[[], bytes]] = {
    "logistic": logistic,
    "logistic_row": lambda: logistic(output="(n,)"),
    "logistic_both": lambda: logistic(output="(n,2)"),
    "layers": layers,
    "distances": distances,
    "mixture": mixture,
    "shaped": shaped,
    "sliced": sliced,
    "gaps": gaps,
    "tree": ml_onnx.tree,
    "tree_average": lambda: ml_onnx.tree(aggregate_function="AVERAGE"),
    "forest": ml_onnx.forest,
    "classifier": ml_onnx.classifier,
    "svm": ml_onnx.svm,
    "svm_rbf": lambda: ml_onnx.svm(kernel_type="RBF"),
    "scaled": ml_onnx.scaled,
    "encoded": ml_onnx.encoded,
}
