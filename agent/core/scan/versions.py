"""The versions that a model says it is written in, for whoever describes it."""

from dataclasses import dataclass

from agent.core.scan import layout
from agent.core.scan.operators import DEFAULT_DOMAINS
from agent.core.scan.rule import FindingError
from agent.core.scan.wire import Span, Wire, signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What a manifest says of a model's versions.

    Attributes:
        opset: Of the default domain; None if it cannot be read.
        ir: Of the file format; None if it cannot be read.
    """

    opset: int | None = None
    ir: int | None = None


def versions(document: bytes | memoryview) -> Versions:
    """Return the versions of a model, whatever the bytes are; the first that it names.

    Whether they are good ones is for `scan` to say.
    """
    wire = Wire(document)
    opset: int | None = None
    ir: int | None = None
    try:
        for number, first, end in wire.fields((0, len(document)), of=layout.MODEL):
            if number == layout.MODEL_IR:
                ir = signed(first)
            elif number == layout.MODEL_OPSET and opset is None:
                opset = _default_opset(wire, (first, end))
    except FindingError:
        return Versions()
    return Versions(opset=opset, ir=ir)


def _default_opset(wire: Wire, span: Span) -> int | None:
    """Return the version of a set of operators; None if it is of another domain."""
    domain, version = "", 0
    for number, first, end in wire.fields(span, of=layout.OPSET):
        if number == layout.OPSET_DOMAIN:
            domain = wire.name(first, end)
        else:
            version = signed(first)
    return version if domain in DEFAULT_DOMAINS else None
