"""What the scan may find: one table, which the documents print."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Rule(StrEnum):
    """Why a model is refused for what its bytes say."""

    NOT_A_MODEL = "not-a-model"
    ORT_FORMAT = "ort-format"
    TRAILING_DATA = "trailing-data"
    NO_GRAPH = "no-graph"
    IR = "ir"
    OPSET = "opset"
    FUNCTIONS = "functions"
    ORT_CONFIG = "ort-config"
    METADATA_TOO_BIG = "metadata-too-big"
    BAD_NAME = "bad-name"
    DUPLICATE_NAME = "duplicate-name"
    TOO_MANY_NODES = "too-many-nodes"
    NESTING = "nesting"
    DOMAIN = "domain"
    OP = "op"
    EMPTY_INPUT = "empty-input"
    SHAPE_FROM_VALUES = "shape-from-values"
    EXTERNAL_DATA = "external-data"
    SPARSE = "sparse"
    DTYPE = "dtype"
    DIMS = "dims"
    RAW_DATA_LENGTH = "raw-data-length"


MEANINGS: Final[Mapping[Rule, str]] = {
    Rule.NOT_A_MODEL: "The bytes are no ONNX model: cut short, garbled, or with parts "
    "that the format does not have.",
    Rule.ORT_FORMAT: "The file is in the runtime's own format, which another parser "
    "would read.",
    Rule.TRAILING_DATA: "What may stand once stands twice: something was appended, and "
    "the runtime would merge it.",
    Rule.NO_GRAPH: "There is nothing to compute.",
    Rule.IR: "The version of the file format is missing, too new, or not the "
    "manifest's.",
    Rule.OPSET: "The version of the operators is missing, too new, ambiguous, or not "
    "the manifest's.",
    Rule.FUNCTIONS: "The model brings operators or training steps of its own; few "
    "bytes of them unfold to endless work.",
    Rule.ORT_CONFIG: "The model brings options of the runtime, which may go before "
    "ours.",
    Rule.METADATA_TOO_BIG: "Too many bytes that compute nothing.",
    Rule.BAD_NAME: "A name is too long, no UTF-8, or has characters that do not print.",
    Rule.DUPLICATE_NAME: "Two values of a graph have one name.",
    Rule.TOO_MANY_NODES: "The runtime would take too long to load it.",
    Rule.NESTING: "Graphs within graphs are too deep.",
    Rule.DOMAIN: "An operator is of neither the default domain nor `ai.onnx.ml`.",
    Rule.OP: "An operator is not on the list.",
    Rule.EMPTY_INPUT: "An operator lacks an input that it must have; some kill the "
    "runtime.",
    Rule.SHAPE_FROM_VALUES: "The size of something hangs on the values of the "
    "features; a trial cannot tell what it will take.",
    Rule.EXTERNAL_DATA: "A tensor keeps its data in a file beside the model, or "
    "anywhere on this host.",
    Rule.SPARSE: "A sparse tensor: few bytes that become many.",
    Rule.DTYPE: "A tensor's type does not exist, or no forecast needs it.",
    Rule.DIMS: "A tensor's dimensions are negative, too many or too large.",
    Rule.RAW_DATA_LENGTH: "A tensor has more or fewer data than its dimensions say.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a model is refused: the rule that it breaks, and where.

    Attributes:
        rule: The rule.
        detail: One line of words that print.
    """

    rule: Rule
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


class FindingError(Exception):
    """A finding after which there is no sense in reading on."""

    def __init__(self, rule: Rule, detail: str) -> None:
        super().__init__(rule, detail)
        self.finding = Finding(rule, detail)
