"""The operators that a model may use, and where each takes sizes from.

One invariant lets the trial tell what a model will take at work: **no dimension hangs
on the values of the features**. Whatever an operator takes as a size, a count or an
axis must be a constant or picked from the shape of something; then it is the same in
the trial as at work, for as many rows. So operators whose answer is as long as the
values say (NonZero, Compress, Unique, Loop) are out, and so is all that no forecast
needs: chance, text, sequences, pictures.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, NamedTuple


class Answer(Enum):
    """What may be known of an operator's answer without running it."""

    COMPUTED = auto()
    """Nothing."""
    CONSTANT = auto()
    """It is the same at every run."""
    SHAPE = auto()
    """It holds sizes."""
    PICKED = auto()
    """Each of its numbers is one of the first input's; the others say which."""
    JOINED = auto()
    """Each of its numbers is one of an input's."""


class Operator(NamedTuple):
    """How an operator treats its inputs.

    Attributes:
        sizes: Places of the inputs from which it takes sizes, counts or axes.
        optional: Places of the inputs that may be left out by an empty name.
        answer: What may be known of its answer.
    """

    sizes: tuple[int, ...] = ()
    optional: tuple[int, ...] = ()
    answer: Answer = Answer.COMPUTED


ML_DOMAIN: Final = "ai.onnx.ml"
DEFAULT_DOMAINS: Final = frozenset({"", "ai.onnx"})

_BY_NUMBER: Final = """
Abs Add And Atan BatchNormalization Cast Ceil Celu Cos CumSum Div Elu Equal Erf Exp
Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish IsInf IsNaN LeakyRelu Less
LessOrEqual Log LogSoftmax Max Mean Min Mul Neg Not Or PRelu Pow Reciprocal Relu Round
Selu Sigmoid Sign Sin Softmax Softplus Softsign Sqrt Sub Sum Tanh ThresholdedRelu Where
Xor
"""
_BY_SHAPE: Final = "ArgMax ArgMin Flatten GatherElements MatMul Transpose"
_BY_AXES: Final = """
ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
ReduceSum ReduceSumSquare
"""
_ML: Final = """
ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier
LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsemble
TreeEnsembleClassifier TreeEnsembleRegressor
"""

OPERATORS: Final[Mapping[str, Operator]] = {
    **dict.fromkeys((_BY_NUMBER + _BY_SHAPE).split(), Operator()),
    **dict.fromkeys(_BY_AXES.split(), Operator(sizes=(1,), optional=(1,))),
    **dict.fromkeys((f"{ML_DOMAIN}.{name}" for name in _ML.split()), Operator()),
    "Clip": Operator(optional=(1, 2)),
    "Concat": Operator(answer=Answer.JOINED),
    "Constant": Operator(answer=Answer.CONSTANT),
    "ConstantOfShape": Operator(sizes=(0,)),
    "Expand": Operator(sizes=(1,)),
    "Gather": Operator(answer=Answer.PICKED),
    "Gemm": Operator(optional=(2,)),
    "Identity": Operator(answer=Answer.PICKED),
    "LayerNormalization": Operator(optional=(2,)),
    "Reshape": Operator(sizes=(1,), answer=Answer.PICKED),
    "Shape": Operator(answer=Answer.SHAPE),
    "Slice": Operator(sizes=(1, 2, 3, 4), optional=(3, 4), answer=Answer.PICKED),
    "Split": Operator(sizes=(1,), optional=(1,)),
    "Squeeze": Operator(sizes=(1,), optional=(1,), answer=Answer.PICKED),
    "TopK": Operator(sizes=(1,)),
    "Unsqueeze": Operator(sizes=(1,), answer=Answer.PICKED),
}


def full_name(domain: str, kind: str) -> str:
    """Return an operator's name in the list: bare where its domain is the default."""
    return kind if domain in DEFAULT_DOMAINS else f"{domain}.{kind}"
