"""How a task stands in the repository: its releases, and what its channel says."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.manifest import Manifest, parse_manifest
from agent.core.pointer import Pointer, manifest_path, parse_pointer, pointer_path
from agent.core.target import EventTarget
from central.core.approval import CHANNEL
from central.core.autopilot import Candidate
from central.core.lineage import Published
from central.core.shelf import Issue, approve_role, check_task, issues, release_role
from central.ports import KeyDesk, Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A task in the repository.

    Attributes:
        signed_for: Every release that is signed for, pending ones too, oldest first.
        published: Those of them that hosts can see.
        pointer: What the channel says, as pending or else as published.
        seen: What it says to hosts.
        waiting: Who must sign what of this task, in words.
    """

    task: str
    signed_for: tuple[Issue, ...]
    published: tuple[Issue, ...]
    pointer: Pointer | None
    seen: Pointer | None
    waiting: tuple[str, ...]

    @property
    def newest(self) -> int:
        """Version that is signed for; 0: none is."""
        return max((issue.version for issue in self.signed_for), default=0)

    def issue(self, digest: str) -> Issue | None:
        """Return the release of a digest that is signed for; None: there is none."""
        return next((i for i in self.signed_for if i.digest == digest), None)


def standing(desk: KeyDesk, *, shelf: Shelf, task: str) -> Standing:
    """Return how a task stands.

    Raises:
        UnknownNameError: The repository does not know the task.
    """
    check_task(task, known=desk.tasks())
    release, approve = release_role(task), approve_role(task)
    path = pointer_path(task, CHANNEL)
    signed = path in desk.targets(approve)
    seen = shelf.content(approve, path)
    pending = [role for role in (release, approve) if role in desk.pending()]
    return Standing(
        task=task,
        signed_for=issues(task, desk.targets(release)),
        published=issues(task, shelf.targets(release)),
        pointer=_pointer(desk.file(path).read_bytes(), task) if signed else None,
        seen=None if seen is None else _pointer(seen, task),
        waiting=tuple(
            str(each) for role in pending for each in desk.proposal(role).waiting
        ),
    )


def manifest_of(desk: KeyDesk, issue: Issue) -> Manifest:
    """Return what was signed about a release."""
    path = manifest_path(issue.task, issue.version)
    return parse_manifest(desk.file(path).read_bytes())


def manifests(desk: KeyDesk, found: Standing) -> Mapping[str, Published]:
    """Return every release that is signed for, by digest."""
    return {
        issue.digest: Published(digest=issue.digest, manifest=manifest_of(desk, issue))
        for issue in found.signed_for
    }


def candidate(desk: KeyDesk, issue: Issue, *, among: Standing) -> Candidate:
    """Return a release as one that may be rolled out."""
    manifest = manifest_of(desk, issue)
    return Candidate(
        version=issue.version,
        digest=issue.digest,
        margin=manifest.guard.margin,
        has_events=isinstance(manifest.target, EventTarget),
        is_published=issue in among.published,
    )


def _pointer(document: bytes, task: str) -> Pointer:
    return parse_pointer(document, task=task, channel=CHANNEL)
