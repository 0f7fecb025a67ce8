"""Whether a model is one at all, of versions that we know, and brings nothing along."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from agent.core.scan import layout
from agent.core.scan.graph import Graphs
from agent.core.scan.operators import DEFAULT_DOMAINS, ML_DOMAIN
from agent.core.scan.policy import ScanPolicy
from agent.core.scan.rule import Finding, Rule
from agent.core.scan.wire import Span, Wire, signed

# Metadata that the runtime takes for its options, if its environment says so.
_ORT_CONFIG: Final = "ort_config"
_BROUGHT: Final = {
    layout.MODEL_FUNCTION: "functions",
    layout.MODEL_TRAINING: "training steps",
}


@dataclass(slots=True, kw_only=True)
class Head:
    """What a model says of itself beside its graph.

    Attributes:
        ir: File format; 0 where it is not said.
        opset: Versions of the default operators; there should be one.
        ml_opset: Versions of those of `ai.onnx.ml`; at most one.
        graph: Where the graph stands; None: nowhere.
        has_options: It brings options of the runtime.
        brought: What else it should not bring.
    """

    ir: int = 0
    opset: set[int] = field(default_factory=set)
    ml_opset: set[int] = field(default_factory=set)
    graph: Span | None = None
    has_options: bool = False
    brought: set[str] = field(default_factory=set)

    def findings(
        self, *, policy: ScanPolicy, opset: int | None, ir: int | None
    ) -> Iterator[Finding]:
        """Yield what is wrong with it, beside what the manifest says of it."""
        if self.has_options:
            yield Finding(Rule.ORT_CONFIG, "the model brings options of the runtime")
        for what in sorted(self.brought):
            yield Finding(Rule.FUNCTIONS, f"the model brings {what}")
        yield from _wrong(Rule.IR, "file format", {self.ir}, policy.max_ir, wanted=ir)
        yield from _wrong(
            Rule.OPSET,
            "default domain",
            self.opset or {0},
            policy.max_opset,
            wanted=opset,
        )
        yield from _wrong(Rule.OPSET, ML_DOMAIN, self.ml_opset, policy.max_ml_opset)


def model_findings(
    wire: Wire, span: Span, *, policy: ScanPolicy, opset: int | None, ir: int | None
) -> Iterator[Finding]:
    """Yield what is wrong with the model in these bytes.

    Args:
        wire: What they are part of.
        span: Where they begin and end.
        policy: What the site allows.
        opset: The default operator set that the manifest names; None: any.
        ir: The file format that it names; None: any.

    Raises:
        FindingError: There is no sense in reading on.
    """
    head = _head(wire, span)
    yield from head.findings(policy=policy, opset=opset, ir=ir)
    if head.graph is None:
        yield Finding(Rule.NO_GRAPH, "the model has no graph")
    else:
        graphs = Graphs(wire, policy=policy)
        yield from graphs.findings(head.graph)
        if ML_DOMAIN in graphs.domains and not head.ml_opset:
            yield Finding(Rule.OPSET, f"{ML_DOMAIN}: its version is missing")
    if wire.words_bytes > policy.max_words_bytes:
        yield Finding(
            Rule.METADATA_TOO_BIG,
            f"expected at most {policy.max_words_bytes} bytes of metadata and doc "
            f"strings, got {wire.words_bytes}",
        )


def _head(wire: Wire, span: Span) -> Head:
    head = Head()
    for number, first, end in wire.fields(span, of=layout.MODEL):
        if number == layout.MODEL_IR:
            head.ir = signed(first)
        elif number == layout.MODEL_GRAPH:
            head.graph = (first, end)
        elif number == layout.MODEL_OPSET:
            _take_opset(wire, (first, end), head=head)
        elif number == layout.MODEL_METADATA:
            head.has_options |= _key(wire, (first, end)) == _ORT_CONFIG
        elif number in _BROUGHT:
            head.brought.add(_BROUGHT[number])
    return head


def _take_opset(wire: Wire, span: Span, *, head: Head) -> None:
    """Take note of an imported operator set; other domains are found at their nodes."""
    domain, version = "", 0
    for number, first, end in wire.fields(span, of=layout.OPSET):
        if number == layout.OPSET_DOMAIN:
            domain = wire.name(first, end)
        else:
            version = signed(first)
    if domain in DEFAULT_DOMAINS:
        head.opset.add(version)
    elif domain == ML_DOMAIN:
        head.ml_opset.add(version)


def _key(wire: Wire, span: Span) -> str:
    """Return the key of an entry of metadata."""
    return "".join(wire.name(a, b) for _, a, b in wire.fields(span, of=layout.ENTRY))


def _wrong(
    rule: Rule, name: str, found: set[int], newest: int, *, wanted: int | None = None
) -> Iterator[Finding]:
    """Yield a finding unless the versions are one, within 1..newest, and as wanted."""
    got = ", ".join(map(str, sorted(found)[:3]))
    if len(found) > 1 or not found <= set(range(1, newest + 1)):
        yield Finding(rule, f"{name}: expected 1 to {newest}, got {got}")
    elif wanted is not None and found != {wanted}:
        yield Finding(rule, f"{name}: the manifest says {wanted}, the model {got}")
