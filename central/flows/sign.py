"""Signing what is pending, round by round, until it can be published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.errors import TrustError
from central.core.roles import Holder, Proposal, Taken, Waiting
from central.ports import KeyDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What came of a round.

    Attributes:
        added: Who signed just now, here or on a copy, by role.
        refused: Key ids of signatures on copies that do not count, by role.
        published: Roles that clients now see anew.
        waiting: Who is missing for the others.
    """

    added: Mapping[str, tuple[Holder, ...]]
    refused: Mapping[str, tuple[str, ...]]
    published: tuple[str, ...]
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """What came of dropping what was pending.

    Attributes:
        dropped: What it would have changed.
        waiting: Who is missing for what is still pending.
    """

    dropped: tuple[Proposal, ...]
    waiting: tuple[Waiting, ...]


def shown(desk: KeyDesk, roles: Sequence[str] = ()) -> tuple[Proposal, ...]:
    """Return what is pending, of these roles or all: so people know what they sign.

    Raises:
        UnknownNameError: Nothing is pending of a role.
    """
    return tuple(desk.proposal(role) for role in roles or desk.pending())


def discard(desk: KeyDesk, roles: Sequence[str]) -> Discarded:
    """Drop what is pending of roles; what is published stays as it is.

    Raises:
        UnknownNameError: Nothing is pending of a role.
        ConfigError: The rest could not be published without it.
    """
    before = shown(desk)
    gone = desk.discard(roles)
    return Discarded(
        dropped=tuple(each for each in before if each.role in gone),
        waiting=desk.settle(),
    )


def sign(
    desk: KeyDesk, *, roles: Sequence[str] = (), copies: Sequence[Path] = ()
) -> Signed:
    """Take in what was signed on copies, sign what is at hand, publish the complete.

    Args:
        desk: Opened with the signers who may sign; without any, with all at hand.
        roles: That are signed; without any, and without copies, all that is pending.
        copies: Of what is pending, signed elsewhere.

    Raises:
        ConfigError: Nothing is pending of a role, or a chosen key is not at hand.
        TrustError: A signature or a signer does not count.
    """
    taken = [_taken(desk, path) for path in copies]
    added = {one.role: one.added for one in taken}
    for role in roles:
        added[role] = added.get(role, ()) + desk.sign(role, is_named=True)
    if not roles and not copies:
        added |= {r: desk.sign(r, is_named=False) for r in desk.pending()}
    waiting = desk.settle()
    return Signed(
        added={role: holders for role, holders in added.items() if holders},
        refused={one.role: one.refused for one in taken if one.refused},
        published=desk.published(),
        waiting=waiting,
    )


def _taken(desk: KeyDesk, path: Path) -> Taken:
    taken = desk.take_in(path)
    if taken.refused and not taken.added:
        holders = ", ".join(map(str, desk.role(taken.role).holders))
        refused = ", ".join(f"{key_id[:8]}…" for key_id in taken.refused)
        raise TrustError(
            f"{path}: expected signatures of {taken.role} by {holders}, got only ones "
            f"that do not count: {refused}"
        )
    return taken
