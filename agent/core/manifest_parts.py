"""The tables of a manifest, each as it is written."""

from typing import Annotated, Literal

import msgspec

from agent.core.expression import Expression, parse
from agent.core.target import ValueMeaning

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
# A release, or the baseline.
Forecaster = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64}|baseline)\Z")]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Duration(float):
    """Seconds, written as a number and a unit."""

    __slots__ = ()


class Formula:  # a plain class: msgspec hands only those to `dec_hook`
    """An expression as it was written and as it was understood."""

    __slots__ = ("expression", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.expression: Expression = parse(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Formula) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the manifest: unknown keys are refused, naming the key."""


class EventText(Part, frozen=True, kw_only=True, tag_field="kind", tag="event"):
    """An event target as written."""

    series: str
    condition: str
    within: Duration
    sustained: Duration = Duration(0)
    onset: bool = True


class ValueText(Part, frozen=True, kw_only=True, tag_field="kind", tag="value"):
    """A value target as written."""

    expression: Formula
    ahead: Duration
    quantiles: tuple[Probability, ...] = (0.5,)
    as_: ValueMeaning = msgspec.field(name="as", default=ValueMeaning.LEVEL)


class ModelFile(Part, frozen=True, kw_only=True):
    """The model that the manifest pins.

    Attributes:
        sha256: Of the file's bytes.
        length: Bytes.
        opset: Of the default ONNX domain.
        ir: ONNX file format version.
        input: Name of the input, float32 (n, features).
        output: Name of the output, float32 (n, 1) or (n, quantiles).
    """

    sha256: Sha256
    length: Annotated[int, msgspec.Meta(gt=0)]
    opset: Count
    ir: Count
    format: Literal["onnx"] = "onnx"
    input: str = "features"
    output: str = "probability"


class Decision(Part, frozen=True, kw_only=True):
    """When a probability becomes an alert, and when the alert is over."""

    threshold: Probability
    clear: Probability


class Golden(Part, frozen=True, kw_only=True):
    """A signed input with its expected score; a `null` feature is a gap."""

    features: tuple[float | None, ...]
    score: tuple[float, ...]
    tolerance: Positive = 1e-4


class Limits(Part, frozen=True, kw_only=True):
    """What one scoring may cost."""

    latency_ms: Positive = 5.0
    memory_mb: Positive = 64.0


class Requires(Part, frozen=True, kw_only=True):
    """What the host must have."""

    agent: Annotated[str, msgspec.Meta(max_length=100)] = ">=0"
    metrics: tuple[str, ...] = ()


class Reference(Part, frozen=True, kw_only=True):
    """Quantiles of each feature in training, against which drift is measured."""

    quantiles: tuple[tuple[float | None, ...], ...]
    rows: Count


class GuardPolicy(Part, frozen=True, kw_only=True):
    """How this release wants to be guarded; the site's own policy comes first.

    Attributes:
        margin: How much worse than its reference it may be.
        block: For how long the guard's stakes stay; at least two horizons.
        mean_output: Between what its mean answer over a block always lies.
    """

    margin: Probability = 0.1
    block: Duration | None = None
    mean_output: tuple[float, float] | None = None
