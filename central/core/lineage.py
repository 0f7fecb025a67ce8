"""Where a release comes from: what it was trained on, and what was there before it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent.core.manifest import Manifest

_PARENT: Final = "parent"
# Of the provenance, what the log tells of a release that is published.
_GROUNDS: Final = (_PARENT, "rows", "hosts", "data_sha256", "split", "evaluation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published release: its name, and what was signed about it."""

    digest: str
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """One step of a lineage.

    Attributes:
        title: What it predicts, in words.
        is_survey: It has no model.
        provenance: All that was signed about its training.
        parent: What that names as the release before; None: nothing.
    """

    version: int
    digest: str
    title: str
    is_survey: bool
    provenance: Mapping[str, Any]
    parent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """A release and those that it comes from.

    Attributes:
        steps: The release first.
        missing: The parent of the last step, where no such release is published; None:
            the lineage is whole.
    """

    steps: tuple[Ancestor, ...]
    missing: str | None


def grounds(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return what speaks for a release, of all that is signed about its training."""
    return {key: provenance[key] for key in _GROUNDS if key in provenance}


def is_retrained(manifest: Manifest) -> bool:
    """Return whether a release was made of what hosts sent, after another one."""
    return _PARENT in manifest.provenance and "data_sha256" in manifest.provenance


def lineage(release: Published, *, among: Iterable[Published]) -> Lineage:
    """Return where a release comes from, back to the first.

    Args:
        release: Whose.
        among: The published releases of its task.
    """
    known = {each.digest: each for each in among}
    steps = [_ancestor(release)]
    while (parent := steps[-1].parent) is not None:
        before = known.get(parent)
        # A parent is older, so there is no circle.
        if before is None or before.manifest.version >= steps[-1].version:
            return Lineage(steps=tuple(steps), missing=parent)
        steps.append(_ancestor(before))
    return Lineage(steps=tuple(steps), missing=None)


def _ancestor(release: Published) -> Ancestor:
    manifest = release.manifest
    parent = manifest.provenance.get(_PARENT)
    return Ancestor(
        version=manifest.version,
        digest=release.digest,
        title=manifest.title,
        is_survey=manifest.model is None,
        provenance=manifest.provenance,
        parent=None if parent is None else str(parent),
    )
