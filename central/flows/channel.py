"""Approve and withdraw: operations say which release of a task may run."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

import msgspec

from agent.core.pointer import Pointer, parse_pointer, pointer_path
from agent.errors import TrustError
from central.core.approval import (
    CHANNEL,
    Wish,
    approved,
    facts,
    remarks,
    withdrawn,
)
from central.core.roles import Waiting
from central.core.shelf import (
    Issue,
    approve_role,
    check_task,
    issue_of,
    issues,
    release_role,
    revocable,
)
from central.ports import Desk, Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What came of approving or withdrawing.

    Attributes:
        pointer: What is signed now.
        is_new: Whether that is something else than before.
        remarks: What a person may not expect of it.
        waiting: Roles that still lack signatures; empty: it holds.
    """

    pointer: Pointer
    is_new: bool
    remarks: tuple[str, ...]
    waiting: tuple[Waiting, ...]

    def facts(self) -> dict[str, object]:
        """Return what is signed now, as the log tells of it."""
        waiting = [str(each) for each in self.waiting]
        return {**facts(self.pointer), "waiting": waiting}


def approve(
    desk: Desk,
    *,
    shelf: Shelf,
    task: str,
    version: int,
    wish: Wish,
    revoke: Iterable[str] = (),
) -> Approval:
    """Let a published release run on a share of the fleet.

    Args:
        desk: Where it is signed.
        shelf: What is published; a release that lacks signatures is not.
        task: Of the release.
        version: Of the release.
        wish: What is asked besides; what is None stays as it is.
        revoke: Versions or digests that may not run any more.

    Raises:
        ConfigError: The repository does not know the task.
        TrustError: The release is not published, below the floor, or revoked.
    """
    check_task(task, known=desk.tasks())
    issue = issue_of(version, among=_published(shelf, task), task=task)
    signed = issues(task, desk.targets(release_role(task)))
    digests = {revocable(text, among=signed, task=task) for text in revoke}
    wish = replace(wish, revoke=wish.revoke | digests)
    last = _last(desk, task)
    return _signed(desk, last, approved(last, issue=issue, wish=wish))


def withdraw(
    desk: Desk,
    *,
    shelf: Shelf,
    task: str,
    version: int,
    back: Container[int],
    to: int | None = None,
) -> Approval:
    """Revoke a release for ever; if it is the approved one, send hosts back.

    Args:
        desk: Where it is signed.
        shelf: What is published.
        task: Of the release.
        version: Of the release.
        back: Versions that hosts may be sent to where `to` is None; of those that may
            run, the newest is taken.
        to: Where hosts are to go; None: a person did not say.

    Raises:
        ConfigError: The repository does not know the task.
        TrustError: Nothing of the task is approved, or a version is not published or
            may not run.
    """
    check_task(task, known=desk.tasks())
    last = _last(desk, task)
    if last is None:
        raise TrustError(
            f"{task}: nothing was ever approved, so no host runs it: there is nothing "
            "to withdraw"
        )
    published = _published(shelf, task)
    pointer = withdrawn(
        last,
        issue=issue_of(version, among=published, task=task),
        to=None if to is None else issue_of(to, among=published, task=task),
        among=[issue for issue in published if issue.version in back],
    )
    return _signed(desk, last, pointer)


def _published(shelf: Shelf, task: str) -> tuple[Issue, ...]:
    return issues(task, shelf.targets(release_role(task)))


def _last(desk: Desk, task: str) -> Pointer | None:
    """Return the pointer that was signed last, also if it lacks signatures."""
    path = pointer_path(task, CHANNEL)
    if path not in desk.targets(approve_role(task)):
        return None
    return parse_pointer(desk.file(path).read_bytes(), task=task, channel=CHANNEL)


def _signed(desk: Desk, last: Pointer | None, pointer: Pointer) -> Approval:
    if pointer is not last:
        path = pointer_path(pointer.task, CHANNEL)
        content = msgspec.json.encode(pointer)
        desk.put(approve_role(pointer.task), path=path, content=content)
    return Approval(
        pointer=pointer,
        is_new=pointer is not last,
        remarks=tuple(remarks(last, pointer)),
        waiting=desk.publish(),
    )
