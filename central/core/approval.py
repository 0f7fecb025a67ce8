"""The next channel pointer of a task: which release may run, for how many hosts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from agent.core.pointer import EVERY_HOST, SCHEMA, Pointer, Rollout, manifest_path
from agent.errors import TrustError
from central.core.log import Action, Entry
from central.core.shelf import Issue, approve_role

CHANNEL: Final = "stable"
# After these the channel names what the entry's evidence says.
_NAMING: Final = frozenset({Action.APPROVE, Action.WITHDRAW})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What operations ask of an approval; None and empty leave things as they are.

    Attributes:
        percent: Share of the fleet, 0..100.
        salt: Another one draws other hosts.
        not_before: When the approval begins.
        floor: No version below it may run.
        revoke: Digests that may not run any more, besides those that are revoked.
    """

    percent: int | None = None
    salt: str | None = None
    not_before: datetime | None = None
    floor: int | None = None
    revoke: frozenset[str] = frozenset()


def approved(last: Pointer | None, *, issue: Issue, wish: Wish) -> Pointer:
    """Return the pointer that lets a release run; `last` itself if nothing changes.

    The same release keeps share, salt and beginning, so that a growing share holds
    the hosts that it had. Another one begins at once, for every host unless the wish
    names a share, and with a salt of its own: it is not always the same hosts that go
    first. Floor and revocations stay for ever.

    Raises:
        TrustError: The release is below the floor, or revoked.
    """
    before = last if last is not None and last.sha256 == issue.digest else None
    floor = wish.floor or (last.floor_version if last else 1)
    revoked = wish.revoke.union(last.revoked if last else ())
    _check_may_run(issue, floor=floor, revoked=revoked)
    pointer = Pointer(
        schema=SCHEMA,
        task=issue.task,
        channel=CHANNEL,
        serial=last.serial if last else 0,
        manifest=manifest_path(issue.task, issue.version),
        sha256=issue.digest,
        length=issue.length,
        version=issue.version,
        floor_version=floor,
        revoked=tuple(sorted(revoked)),
        rollout=_rollout(before, issue=issue, wish=wish),
        not_before=wish.not_before or (before.not_before if before else None),
    )
    return _counted(last, pointer)


def withdrawn(
    last: Pointer, *, issue: Issue, to: Issue | None, among: Iterable[Issue]
) -> Pointer:
    """Return the pointer after a release is revoked; `last` itself if it was.

    If it is the approved one, every host is sent to `to`, or to the newest of `among`
    that may run; where there is none the pointer goes on naming it, and hosts fall to
    the baseline.

    Args:
        last: The pointer before.
        issue: What is revoked.
        to: Where a person sends hosts; None: nowhere in particular.
        among: Where hosts may be sent without being told: nothing that was never
            approved.

    Raises:
        TrustError: `to` is given but the release is not the approved one, or `to` is
            below the floor or revoked.
    """
    revoked = frozenset({*last.revoked, issue.digest})
    kept = msgspec.structs.replace(last, revoked=tuple(sorted(revoked)))
    if last.version != issue.version:
        if to is not None:
            raise TrustError(
                f"{issue.task}: version {issue.version} is not the approved one, "
                f"version {last.version} is; approve another version instead"
            )
        return _counted(last, kept)
    if to is not None:
        _check_may_run(to, floor=last.floor_version, revoked=revoked)
    back = to or _newest(among, floor=last.floor_version, revoked=revoked)
    if back is None:
        return _counted(last, kept)
    return approved(kept, issue=back, wish=Wish(percent=EVERY_HOST))


def once_named(entries: Iterable[Entry], *, task: str) -> frozenset[int]:
    """Return the versions that a task's channel has named to hosts, as the log tells.

    An approval that lacks signatures names nothing until the last of them is given.
    """
    role, found, pending = approve_role(task), set[int](), set[int]()
    for entry in entries:
        told = entry.evidence
        if entry.action in _NAMING and entry.subject.task == task:
            # A later pointer stands in the place of one that is pending.
            pending = {told["version"]}
            if not any(each.startswith(f"{role}:") for each in told["waiting"]):
                found |= pending
        elif entry.action is Action.SIGN and role in told["published"]:
            found |= pending
        elif entry.action is Action.DISCARD and role in told["dropped"]:
            pending = set()
    return frozenset(found)


def remarks(last: Pointer | None, pointer: Pointer) -> Iterator[str]:
    """Yield what a person may not expect of a new pointer."""
    if pointer.sha256 in pointer.revoked:
        yield (
            f"no release of {pointer.task} that was approved before is left to go "
            "back to: hosts fall to the baseline, until another is approved"
        )
    if last is None:
        return
    if pointer.version < last.version:
        yield (
            f"version {last.version} -> {pointer.version}: hosts with a newer version "
            "go back"
        )
    if pointer.floor_version < last.floor_version:
        yield f"the floor goes down: {last.floor_version} -> {pointer.floor_version}"
    before, after = share(last), share(pointer)
    if pointer.sha256 == last.sha256 and after < before:
        yield (
            f"percent goes down: {before} -> {after}; hosts that have taken the "
            "release in keep it"
        )


def share(pointer: Pointer) -> int:
    """Return for how many percent of the fleet a pointer is meant."""
    return EVERY_HOST if pointer.rollout is None else pointer.rollout.percent


def facts(pointer: Pointer) -> dict[str, object]:
    """Return what a pointer says, as the log tells of it."""
    return {
        "serial": pointer.serial,
        "version": pointer.version,
        "percent": share(pointer),
        "floor": pointer.floor_version,
        "revoked": list(pointer.revoked),
    }


def _rollout(before: Pointer | None, *, issue: Issue, wish: Wish) -> Rollout:
    percent, salt = EVERY_HOST, f"{issue.task}-{issue.version}"
    if before is not None:
        percent = share(before)
        salt = before.rollout.salt if before.rollout else salt
    return Rollout(
        percent=percent if wish.percent is None else wish.percent,
        salt=salt if wish.salt is None else wish.salt,
    )


def _counted(last: Pointer | None, pointer: Pointer) -> Pointer:
    """Return the pointer with the next serial, unless it says what `last` does."""
    if pointer == last:
        return last
    return msgspec.structs.replace(pointer, serial=last.serial + 1 if last else 1)


def _newest(
    among: Iterable[Issue], *, floor: int, revoked: frozenset[str]
) -> Issue | None:
    may_run = (
        each
        for each in among
        if floor <= each.version and each.digests.isdisjoint(revoked)
    )
    return max(may_run, key=lambda each: each.version, default=None)


def _check_may_run(issue: Issue, *, floor: int, revoked: frozenset[str]) -> None:
    name = f"{issue.task}: version {issue.version}"
    if issue.version < floor:
        raise TrustError(f"{name} is below the floor {floor}")
    if not issue.digests.isdisjoint(revoked):
        raise TrustError(f"{name} is revoked; publish a newer version instead")
