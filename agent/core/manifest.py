"""The manifest, schema 1: what was signed about a release, parsed strictly once."""

from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec

from agent.core.expression import series_of
from agent.core.manifest_parts import (
    Count,
    Decision,
    Duration,
    EventText,
    Formula,
    Golden,
    GuardPolicy,
    Limits,
    ModelFile,
    Name,
    Part,
    Probability,
    Reference,
    Requires,
    Sha256,
    ValueText,
)
from agent.core.quantity import duration_s
from agent.core.series import Series, parse_series
from agent.core.target import (
    EventTarget,
    Target,
    ValueTarget,
    parse_condition,
)
from agent.errors import ExpressionError, ManifestError

__all__ = [
    "MAX_BYTES",
    "SCHEMA",
    "Count",
    "EventText",
    "Formula",
    "Golden",
    "Manifest",
    "ModelFile",
    "Name",
    "Sha256",
    "parse_manifest",
]

SCHEMA = 1
MAX_BYTES = 1_000_000
_MAX_FEATURES = 512


class Manifest(Part, frozen=True, kw_only=True, dict=True):
    """What was signed about a release. A manifest without `model` is a survey.

    Attributes:
        features: In the order of the model's input.
        min_coverage: Share of a window's grid points that must be present.
        missing: `nan`: the model takes gaps; `skip`: no prediction then.
        decision: None for a value target.
        calibration: `local`: each host puts the probabilities right by its own record.
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
    calibration: Literal["local"] | None = None
    golden: tuple[Golden, ...] = ()
    limits: Limits = Limits()
    requires: Requires = Requires()
    reference: Reference | None = None
    guard: GuardPolicy = GuardPolicy()
    provenance: dict[str, Any] = msgspec.field(default_factory=dict)

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
    binds = any(s.is_template for s in manifest.all_series())
    mean = manifest.guard.mean_output
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
        *_event_laws(manifest, is_event=isinstance(manifest.target, EventTarget)),
        (
            f"golden: every vector needs {width} features and {outputs} scores",
            all(
                len(g.features) == width and len(g.score) == outputs
                for g in manifest.golden
            ),
        ),
        (
            "guard.mean_output: expected the lower bound first",
            mean is None or mean[0] <= mean[1],
        ),
        (
            f"reference.quantiles: expected {width} rows, one a feature",
            manifest.reference is None or len(manifest.reference.quantiles) == width,
        ),
    ]


def _event_laws(manifest: Manifest, *, is_event: bool) -> list[tuple[str, bool]]:
    decision = manifest.decision
    return [
        (
            "decision: an event with a model needs one, a value has none",
            (decision is not None) == (is_event and manifest.model is not None),
        ),
        (
            "decision.clear must not be above decision.threshold",
            decision is None or decision.clear <= decision.threshold,
        ),
        (
            "calibration: only the probability of an event can be calibrated",
            manifest.calibration is None or is_event,
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
        (
            "target.quantiles must lie between 0 and 1",
            all(0 < level < 1 for level in levels),
        ),
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
