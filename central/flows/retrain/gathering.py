"""Gathering: which releases a task has had, and the samples of their features."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.manifest import parse_manifest
from agent.core.pointer import manifest_path, model_path, parse_pointer, pointer_path
from agent.errors import ConfigError
from central.core.approval import CHANNEL
from central.core.fingerprint import in_order
from central.core.kin import (
    Family,
    Forebear,
    are_kin,
    families,
    levels_of,
    newest_with_model,
)
from central.core.shelf import approve_role, check_task, issues, release_role
from central.core.sifting import Sifted, sifted
from central.flows.retrain.judging import Incumbent
from central.ports import Desk
from central.ports.dataset import Dataset
from central.ports.fleet import Fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a task has come to.

    Attributes:
        releases: All that were signed for, or wait for signatures; oldest first.
        current: The one that is approved; None: none, a survey, or one that may not run
            any more.
    """

    task: str
    releases: tuple[Forebear, ...]
    current: Forebear | None

    @property
    def next_version(self) -> int:
        """The version of the next release."""
        return self.releases[-1].manifest.version + 1


def past(shelf: Desk, task: str) -> Past:
    """Return what a task has come to.

    Raises:
        ConfigError: The repository does not know the task, or nothing of it was ever
            published.
    """
    check_task(task, known=shelf.tasks())
    releases = tuple(
        _forebear(shelf, task, version=issue.version, digest=issue.digest)
        for issue in issues(task, shelf.targets(release_role(task)))
    )
    if not releases:
        raise ConfigError(
            f"{task}: expected a published manifest, got none; publish a survey, which "
            "is a manifest without a model, and approve it"
        )
    return Past(task=task, releases=releases, current=_current(shelf, task, releases))


def gathered(dataset: Dataset, past: Past) -> tuple[Family, Sifted]:
    """Return the sifted samples of those releases that have most, and which these are.

    Samples can be learnt from together where target and features are the same; of two
    such families with as many samples, the newer one's count.
    """
    known = frozenset(dataset.releases(past.task))
    found = [
        (family, dataset.read(past.task, releases=family.digests & known))
        for family in families(past.releases)
    ]
    family, samples = max(found, key=lambda each: len(each[1]))
    is_event = not levels_of(family.newest.manifest)
    return family, sifted(in_order(samples), is_event=is_event)


def incumbent(shelf: Desk, past: Past, *, family: Family) -> Incumbent | None:
    """Return the release that runs now, with its file if it can be asked anew."""
    current = past.current
    if current is None:
        return None
    manifest = current.manifest
    is_kin = are_kin(manifest, family.newest.manifest)
    path = model_path(past.task, manifest.version)
    return Incumbent(
        digest=current.digest,
        manifest=manifest,
        model=shelf.file(path) if is_kin else None,
    )


def labels(fleet: Fleet, name: str) -> Mapping[str, str]:
    """Return what a label says of each host that has it."""
    hosts = fleet.hosts()
    return {host.host_id: host.labels[name] for host in hosts if name in host.labels}


def _forebear(shelf: Desk, task: str, *, version: int, digest: str) -> Forebear:
    document = shelf.file(manifest_path(task, version)).read_bytes()
    return Forebear(digest=digest, document=document, manifest=parse_manifest(document))


def _current(shelf: Desk, task: str, releases: tuple[Forebear, ...]) -> Forebear | None:
    """Return the approved release; before the first approval, the newest one."""
    path = pointer_path(task, CHANNEL)
    if path not in shelf.targets(approve_role(task)):
        return newest_with_model(releases)
    document = shelf.file(path).read_bytes()
    pointer = parse_pointer(document, task=task, channel=CHANNEL)
    approved = [each for each in releases if each.digest == pointer.sha256]
    current = newest_with_model(approved)
    return (
        None if current is None or _names(current) & set(pointer.revoked) else current
    )


def _names(release: Forebear) -> set[str]:
    """Return by what a release can be revoked."""
    model = release.manifest.model
    return {release.digest} | ({model.sha256} if model else set())
