"""What a site lets a model be; the manifest has no say in it."""

from dataclasses import dataclass

from agent.core.qualify import MAX_IR, MAX_OPSET


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPolicy:
    """The bounds of a scan.

    Attributes:
        max_nodes: Nodes of a model; initializers, inputs, outputs and described values,
            each for itself.
        max_nesting: Graphs in one another; it matters only to a site that adds
            operators with graphs, for none is on the list.
        max_opset: Version of the default operators.
        max_ml_opset: Version of the operators of `ai.onnx.ml`.
        max_ir: Version of the file format.
        max_words_bytes: Bytes of metadata, doc strings and the like.
        extra_ops: Operators beside those on the list: `Scan`, `com.example.Fast`.
    """

    max_nodes: int = 10_000
    max_nesting: int = 2
    max_opset: int = MAX_OPSET
    max_ml_opset: int = 5
    max_ir: int = MAX_IR
    max_words_bytes: int = 65_536
    extra_ops: frozenset[str] = frozenset()
