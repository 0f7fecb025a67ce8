"""Verify: a walk through the whole published repository, as an agent would go."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from agent.core import manifest as manifests
from agent.core import pointer as pointers
from agent.core.manifest import parse_manifest
from agent.core.pointer import Pointer, manifest_path, parse_pointer, pointer_path
from agent.errors import TrustError
from central.core.approval import CHANNEL, share
from central.core.inspection import (
    Inspection,
    TaskStanding,
    bad_name,
    disagreement,
    expired,
    misdirection,
    state,
)
from central.core.roles import Target
from central.core.shelf import Issue, approve_role, issues, release_role
from central.ports import Mirror

_STRAY: Final = (
    "no role has ever signed for this file, so no agent asks for it: harmless; if "
    "`forewarn-central sign --show` names nothing pending that it belongs to, remove it"
)
_Seen = TypeVar("_Seen")
_Signed = Mapping[str, Mapping[str, Target]]


def verify(mirror: Mirror, *, now: datetime) -> Inspection:
    """Return what is to be said of a repository; what is wrong raises nothing.

    Args:
        mirror: The repository.
        now: At which the roles must not have expired.
    """
    return _Walk(mirror, now=now).inspection()


class _Walk:
    """One walk; what goes wrong on the way is noted, and the walk goes on."""

    def __init__(self, mirror: Mirror, *, now: datetime) -> None:
        self._mirror = mirror
        self._now = now
        self._findings: list[str] = []
        self._warnings: list[str] = []

    def inspection(self) -> Inspection:
        tasks = self._attempt(self._tasks) or ()
        roles = self._mirror.roles()
        keepers = self._mirror.keepers()
        self._findings += expired(roles, now=self._now, keepers=keepers)
        return Inspection(
            roles=roles,
            tasks=tasks,
            findings=tuple(dict.fromkeys(self._findings)),
            warnings=tuple(self._warnings),
        )

    def _tasks(self) -> tuple[TaskStanding, ...]:
        self._mirror.refresh()
        signed = {
            role: self._attempt(partial(self._mirror.targets, role)) or {}
            for role in self._mirror.delegated()
        }
        self._look_at_files(signed)
        return tuple(self._task(task, signed) for task in _tasks(signed))

    def _look_at_files(self, signed: _Signed) -> None:
        for path in sorted(path for targets in signed.values() for path in targets):
            self._note(bad_name(path))
            self._attempt(partial(self._mirror.check, path))
        for path in self._mirror.strays():
            self._warnings.append(f"{path}: {_STRAY}")

    def _task(self, task: str, signed: _Signed) -> TaskStanding:
        published = issues(task, signed.get(release_role(task), {}))
        for issue in published:
            self._note(self._attempt(partial(self._release_fault, issue)))
        pointer = self._attempt(partial(self._pointer, task, signed))
        versions = {issue.version: issue for issue in published}
        if pointer is None:
            return TaskStanding(task=task, published=tuple(versions))
        approved = versions.get(pointer.version)
        self._note(misdirection(pointer, approved))
        return TaskStanding(
            task=task,
            version=pointer.version,
            percent=share(pointer),
            state=state(pointer, approved, now=self._now),
            published=tuple(versions),
        )

    def _release_fault(self, issue: Issue) -> str | None:
        path = manifest_path(issue.task, issue.version)
        document = self._mirror.document(path, limit=manifests.MAX_BYTES)
        return disagreement(parse_manifest(document), issue)

    def _pointer(self, task: str, signed: _Signed) -> Pointer | None:
        path = pointer_path(task, CHANNEL)
        if path not in signed.get(approve_role(task), {}):
            return None
        document = self._mirror.document(path, limit=pointers.MAX_BYTES)
        return parse_pointer(document, task=task, channel=CHANNEL)

    def _attempt(self, look: Callable[[], _Seen]) -> _Seen | None:
        """Return what a look shows; None where it shows that something is wrong."""
        try:
            return look()
        except TrustError as error:
            self._note(str(error))
            return None

    def _note(self, finding: str | None) -> None:
        if finding is not None:
            self._findings.append(finding)


def _tasks(signed: _Signed) -> list[str]:
    """Return the tasks that have a role of either kind, sorted."""
    first, second = release_role(""), approve_role("")
    return sorted(
        {
            role.removeprefix(prefix)
            for role in signed
            for prefix in (first, second)
            if role.startswith(prefix)
        }
    )
