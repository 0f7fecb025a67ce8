"""Kin: manifests whose samples can be learnt from together, and what they share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.core.manifest import Manifest
from agent.core.target import EventTarget, ValueTarget
from central.core.measure import EventMeasure, Measure, ValueMeasure
from central.core.plan import PLANS


@dataclass(frozen=True, slots=True, kw_only=True)
class Forebear:
    """A release as it was signed for.

    Attributes:
        digest: SHA-256 of its manifest.
        document: The manifest's bytes.
        manifest: As understood.
    """

    digest: str
    document: bytes
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Releases of the same features, in the same order, of the same target.

    Attributes:
        releases: Oldest first.
    """

    releases: tuple[Forebear, ...]

    @property
    def newest(self) -> Forebear:
        """The newest of them."""
        return self.releases[-1]

    @property
    def digests(self) -> frozenset[str]:
        """By which their samples are marked."""
        return frozenset(release.digest for release in self.releases)


def families(releases: Sequence[Forebear]) -> tuple[Family, ...]:
    """Return the families that predict what the newest release predicts, newest first.

    Args:
        releases: Of one task, oldest first.
    """
    found: dict[tuple[object, ...], list[Forebear]] = {}
    for release in reversed(releases):
        if _meaning(release) == _meaning(releases[-1]):
            found.setdefault(_trait(release.manifest), []).insert(0, release)
    return tuple(Family(releases=tuple(each)) for each in found.values())


def are_kin(one: Manifest, other: Manifest) -> bool:
    """Return whether the rows of one are rows of the other."""
    return _trait(one) == _trait(other)


def measure_of(manifest: Manifest) -> Measure:
    """Return how answers to a manifest's target are judged."""
    target = manifest.target
    if isinstance(target, ValueTarget):
        return ValueMeasure(levels=target.quantiles)
    return EventMeasure()


def levels_of(manifest: Manifest) -> tuple[float, ...]:
    """Return the quantiles that are forecast; empty for an event."""
    target = manifest.target
    return () if isinstance(target, EventTarget) else target.quantiles


def signs_of(manifest: Manifest) -> tuple[int, ...]:
    """Return which way each feature may move the answer, as far as anybody said.

    Whoever makes a release can say so in its provenance, as `signs`; of the starters'
    features it is known. 0: either way.
    """
    texts = [formula.text for formula in manifest.features]
    said = manifest.provenance.get("signs")
    if isinstance(said, list) and len(said) == len(texts) and set(said) <= {-1, 0, 1}:
        return tuple(said)
    known: dict[str, int] = {}
    for plan in PLANS:
        if plan.task == manifest.task:
            known = dict(zip(plan.spelled(), plan.signs, strict=True))
    return tuple(known.get(text, 0) for text in texts)


def newest_with_model(releases: Iterable[Forebear]) -> Forebear | None:
    """Return the newest release that has a model; None: all are surveys."""
    found = [each for each in releases if each.manifest.model is not None]
    return found[-1] if found else None


def _meaning(release: Forebear) -> tuple[object, ...]:
    return release.manifest.entity, release.manifest.target_text


def _trait(manifest: Manifest) -> tuple[object, ...]:
    """Return what two manifests share if rows of one are rows of the other."""
    return (
        manifest.entity,
        manifest.target_text,
        manifest.features,
        manifest.min_coverage,
    )
