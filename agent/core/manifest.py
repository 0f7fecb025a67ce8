"""The manifest, schema 1: what was signed about a release, parsed strictly once."""

from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec

from agent.core.expression import Expression, parse, series_of
from agent.core.quantity import duration_s
from agent.core.series import Series, parse_series
from agent.core.target import (
    EventTarget,
    Target,
    ValueMeaning,
    ValueTarget,
    parse_condition,
)
from agent.errors import ExpressionError, ManifestError

SCHEMA = 1
MAX_BYTES = 1_000_000
_MAX_FEATURES = 512

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Duration(float):
    """Seconds, written as a number and a unit."""

    __slots__ = ()


class Formula:  # a plain class: msgspec hands only those to `_decoded`
    """An expression as it was written and as it was understood."""

    __slots__ = ("expression", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.expression: Expression = parse(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Formula) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the manifest: unknown keys are refused, naming the key."""


class EventText(_Part, frozen=True, kw_only=True, tag_field="kind", tag="event"):
    """An event target as written."""

    series: str
    condition: str
    within: Duration
    sustained: Duration = Duration(0)
    onset: bool = True


class ValueText(_Part, frozen=True, kw_only=True, tag_field="kind", tag="value"):
    """A value target as written."""

    expression: Formula
    ahead: Duration
    quantiles: tuple[Probability, ...] = (0.5,)
    as_: ValueMeaning = msgspec.field(name="as", default=ValueMeaning.LEVEL)


class ModelFile(_Part, frozen=True, kw_only=True):
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


class Decision(_Part, frozen=True, kw_only=True):
    """When a probability becomes an alert, and when the alert is over."""

    threshold: Probability
    clear: Probability


class Golden(_Part, frozen=True, kw_only=True):
    """A signed input with its expected score; a `null` feature is a gap."""

    features: tuple[float | None, ...]
    score: tuple[float, ...]
    tolerance: Positive = 1e-4


class Limits(_Part, frozen=True, kw_only=True):
    """What one scoring may cost."""

    latency_ms: Positive = 5.0
    memory_mb: Positive = 64.0


class Requires(_Part, frozen=True, kw_only=True):
    """What the host must have."""

    agent: Annotated[str, msgspec.Meta(max_length=100)] = ">=0"
    metrics: tuple[str, ...] = ()


class Reference(_Part, frozen=True, kw_only=True):
    """Quantiles of each feature in training, against which drift is measured."""

    quantiles: tuple[tuple[float | None, ...], ...]
    rows: Count


class GuardPolicy(_Part, frozen=True, kw_only=True):
    """How this release wants to be guarded; the site's own policy comes first."""

    margin: Probability = 0.1
    block: Duration | None = None


class Manifest(_Part, frozen=True, kw_only=True, dict=True):
    """What was signed about a release. A manifest without `model` is a survey.

    Attributes:
        features: In the order of the model's input.
        min_coverage: Share of a window's grid points that must be present.
        missing: `nan`: the model takes gaps; `skip`: no prediction then.
        decision: None for a value target.
        provenance: Free facts about the training, for people and for central.
    """

    schema: int
    task: Name
    version: Annotated[int, msgspec.Meta(gt=0)]
    title: str
    target_text: EventText | ValueText = msgspec.field(name="target")
    features: tuple[Formula, ...]
    entity: Name = "host"
    score_every: Duration = Duration(60)
    min_coverage: Probability = 0.8
    missing: Literal["nan", "skip"] = "nan"
    model: ModelFile | None = None
    decision: Decision | None = None
    golden: tuple[Golden, ...] = ()
    limits: Limits = Limits()
    requires: Requires = Requires()
    reference: Reference | None = None
    guard: GuardPolicy = GuardPolicy()
    provenance: dict[str, Any] = {}

    @cached_property
    def target(self) -> Target:
        """The target, parsed."""
        return _target(self.target_text)

    @property
    def outputs(self) -> int:
        """How many numbers the model answers a row."""
        target = self.target
        return 1 if isinstance(target, EventTarget) else len(target.quantiles)

    @property
    def entity_series(self) -> Series:
        """The series whose attribute enumerates the entities."""
        if isinstance(self.target, EventTarget):
            return self.target.series
        found = sorted(self.target.reads)
        return next((s for s in found if s.is_template), found[0])

    def all_series(self) -> frozenset[Series]:
        """Return every series that features and target read, `$entity` unfilled."""
        return self.target.reads.union(
            *(series_of(f.expression) for f in self.features)
        )


def parse_manifest(document: bytes) -> Manifest:
    """Return the manifest that the JSON document holds, every part understood.

    Raises:
        ManifestError: Names the key, what was expected and what was got.
    """
    if (size := len(document)) > MAX_BYTES:
        raise ManifestError(f"manifest: expected at most {MAX_BYTES} bytes, got {size}")
    try:
        _check_schema(document)
        manifest = msgspec.json.decode(document, type=Manifest, dec_hook=_decoded)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ManifestError(f"manifest: {error}") from error
    for law, is_kept in _laws(manifest):
        if not is_kept:
            raise ManifestError(f"manifest of {manifest.task}: {law}")
    return manifest


def _check_schema(document: bytes) -> None:
    class Head(msgspec.Struct):
        schema: int

    schema = msgspec.json.decode(document, type=Head).schema
    if schema != SCHEMA:
        raise ManifestError(f"manifest: expected schema {SCHEMA}, got {schema}")


def _laws(manifest: Manifest) -> list[tuple[str, bool]]:
    """Return what ties the parts together: each law in words, and whether it holds."""
    width, outputs = len(manifest.features), manifest.outputs
    is_event = isinstance(manifest.target, EventTarget)
    binds = any(s.is_template for s in manifest.all_series())
    decision = manifest.decision
    return [
        *_target_laws(manifest.target),
        ("score_every must be longer than 0", manifest.score_every > 0),
        (
            f"features: expected 1 to {_MAX_FEATURES}, got {width}",
            0 < width <= _MAX_FEATURES,
        ),
        (
            'entity: "host" has no $entity to fill in, every other needs one',
            binds == (manifest.entity != "host"),
        ),
        (
            "decision: an event with a model needs one, a value has none",
            (decision is not None) == (is_event and manifest.model is not None),
        ),
        (
            "decision.clear must not be above decision.threshold",
            decision is None or decision.clear <= decision.threshold,
        ),
        (
            f"golden: every vector needs {width} features and {outputs} scores",
            all(
                len(g.features) == width and len(g.score) == outputs
                for g in manifest.golden
            ),
        ),
        (
            f"reference.quantiles: expected {width} rows, one a feature",
            manifest.reference is None or len(manifest.reference.quantiles) == width,
        ),
    ]


def _target_laws(target: Target) -> list[tuple[str, bool]]:
    levels = (0.5,) if isinstance(target, EventTarget) else target.quantiles
    lasts_s = target.sustained_s if isinstance(target, EventTarget) else 0.0
    return [
        ("target: the horizon must be longer than 0", target.horizon_s > 0),
        ("target must read a series", bool(target.reads)),
        ("target.sustained must not exceed target.within", lasts_s <= target.horizon_s),
        ("target.quantiles must ascend", list(levels) == sorted(set(levels)) != []),
    ]


def _target(text: EventText | ValueText) -> Target:
    if isinstance(text, ValueText):
        return ValueTarget(
            expression=text.expression.expression,
            ahead_s=text.ahead,
            quantiles=text.quantiles,
            meaning=text.as_,
        )
    return EventTarget(
        series=parse_series(text.series),
        condition=parse_condition(text.condition),
        sustained_s=text.sustained,
        within_s=text.within,
        onset=text.onset,
    )


def _decoded(kind: type[Any], value: object) -> object:
    """Turn a string into what a field wants; msgspec names the field on ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"expected a string, got {type(value).__name__}")  # noqa: TRY004
    if kind is Duration:
        return Duration(duration_s(value))
    try:
        return Formula(value)
    except ExpressionError as error:
        raise ValueError(str(error)) from error
