"""The structural scan: what the bytes of a model say, before any runtime reads them.

It reads the wire bytes in place, in bounded time and memory, and never raises. What it
lets pass is not yet good: the trial comes next.
"""

from typing import Final

from agent.core.scan.model import model_findings
from agent.core.scan.operators import OPERATORS
from agent.core.scan.policy import ScanPolicy
from agent.core.scan.rule import MEANINGS, Finding, FindingError, Rule
from agent.core.scan.wire import Wire

__all__ = [
    "MAX_FINDINGS",
    "MEANINGS",
    "OPERATORS",
    "Finding",
    "Rule",
    "ScanPolicy",
    "scan",
]

MAX_FINDINGS: Final = 10

_DEFAULT: Final = ScanPolicy()
_ORT_MARK: Final = b"ORTM"
_ORT_MARK_PLACE: Final = slice(4, 8)


def scan(
    document: bytes | memoryview,
    *,
    policy: ScanPolicy = _DEFAULT,
    opset: int | None = None,
    ir: int | None = None,
) -> tuple[Finding, ...]:
    """Return why a model may not be loaded, in a fixed order; empty: it may.

    At most `MAX_FINDINGS` different ones.

    Args:
        document: The bytes of the model.
        policy: What the site allows.
        opset: The default operator set that the manifest names; None: any.
        ir: The file format that it names; None: any.
    """
    if document[_ORT_MARK_PLACE] == _ORT_MARK:
        return (
            Finding(Rule.ORT_FORMAT, "expected ONNX, got the runtime's own format"),
        )
    if not len(document):
        return (Finding(Rule.NOT_A_MODEL, "expected a model, got 0 bytes"),)
    wire, span = Wire(document), (0, len(document))
    # A dictionary keeps the order and drops what was found before.
    found: dict[Finding, None] = {}
    try:
        for finding in model_findings(wire, span, policy=policy, opset=opset, ir=ir):
            found[finding] = None
            if len(found) == MAX_FINDINGS:
                break
    except FindingError as error:
        found[error.finding] = None
    return tuple(found)
