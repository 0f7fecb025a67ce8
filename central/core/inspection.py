"""What is to be said of a repository that was walked through as an agent does."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from agent.core.manifest import Manifest
from agent.core.pointer import Pointer
from agent.core.trust import SignedRole
from central.core.roles import Holder, signers_text
from central.core.shelf import Issue

_PART: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStanding:
    """How a task stands in a repository.

    Attributes:
        published: Every version that is published, oldest first.
        version: That its pointer names; None: it has none that can be read.
        percent: For how much of the fleet.
        state: In words.
    """

    task: str
    published: tuple[int, ...]
    version: int | None = None
    percent: int | None = None
    state: str = "nothing is approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a walk through a repository found.

    Attributes:
        roles: Every role that was verified.
        tasks: Every task that has roles.
        findings: What an agent would refuse.
        warnings: What an agent would not notice, and a person should.
    """

    roles: tuple[SignedRole, ...]
    tasks: tuple[TaskStanding, ...] = ()
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def expired(
    roles: Iterable[SignedRole],
    *,
    now: datetime,
    keepers: Mapping[str, Sequence[Holder]],
) -> Iterator[str]:
    """Yield what is to be said of each role that is out of date.

    Args:
        roles: As verified.
        now: At which they must not have expired.
        keepers: Whose signatures count, by role.
    """
    for role in roles:
        if role.expires <= now:
            yield (
                f"{role.name}: expired at {role.expires:%Y-%m-%d %H:%M} UTC; "
                f"{signers_text(keepers.get(role.name, ()))} must sign it anew"
            )


def bad_name(path: str) -> str | None:
    """Return what is wrong with the name of a target, or None."""
    if all(_PART.fullmatch(part) for part in path.split("/")):
        return None
    return (
        f'target "{path}": bad name: expected parts of a-z, 0-9, ".", "_" and "-" that '
        "begin with a letter or digit"
    )


def disagreement(manifest: Manifest, issue: Issue) -> str | None:
    """Return in what a manifest is not about the release it is published as, or None.

    Args:
        manifest: As it was signed.
        issue: What the release role signs under that task and version.
    """
    name = f"release {issue.task} {issue.version}"
    about = (manifest.task, manifest.version)
    if about != (issue.task, issue.version):
        return f"{name}: its manifest is of {about[0]} {about[1]}"
    pinned = None if manifest.model is None else manifest.model.sha256
    if pinned != issue.model:
        expected, got = _named(pinned), _named(issue.model)
        return f"{name}: its manifest asks for {expected}, signed is {got}"
    return None


def misdirection(pointer: Pointer, issue: Issue | None) -> str | None:
    """Return why a pointer leads to no release that the data team signed, or None."""
    name = f"pointer of {pointer.task}"
    if issue is None:
        return f"{name}: version {pointer.version} is not published"
    approved, signed = (
        (pointer.sha256, pointer.length),
        (issue.digest, issue.length),
    )
    if approved != signed:
        return (
            f"{name}: the approval is for another file: expected sha256 "
            f"{approved[0][:12]} of {approved[1]} bytes, the data team signed "
            f"{signed[0][:12]} of {signed[1]}"
        )
    return None


def state(pointer: Pointer, issue: Issue | None, *, now: datetime) -> str:
    """Return how an approval stands, in words."""
    if issue is not None and not issue.digests.isdisjoint(pointer.revoked):
        return "revoked"
    if pointer.version < pointer.floor_version:
        return f"below the floor {pointer.floor_version}"
    if pointer.not_before is not None and now < pointer.not_before:
        return f"approved from {pointer.not_before:%Y-%m-%d %H:%M} UTC on"
    return "approved"


def _named(sha256: str | None) -> str:
    return "no model" if sha256 is None else f"the model {sha256[:12]}"
