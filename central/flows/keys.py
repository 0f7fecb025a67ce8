"""Keys: whose they are, and how one takes the place of another."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from agent.errors import ConfigError
from central.core.roles import Holder, Settled
from central.ports import KeyDesk, Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key in a role.

    Attributes:
        where: Address of its private part; empty: this machine knows none.
        threshold: Signatures that the role takes.
        expires: When the role's published version does; None: there is none yet.
    """

    role: str
    name: str
    key_id: str
    where: str
    threshold: int
    expires: datetime | None


def listed(desk: KeyDesk, *, keyring: Keyring) -> tuple[KeyRow, ...]:
    """Return every key of every role."""
    return tuple(
        KeyRow(
            role=state.role,
            name=holder.name,
            key_id=holder.key_id,
            where=keyring.where(holder.key_id),
            threshold=state.threshold,
            expires=state.expires,
        )
        for state in desk.roles()
        for holder in state.holders
    )


def add(desk: KeyDesk, role: str, *, keyring: Keyring, new: str) -> Settled:
    """Let one more key count for a role.

    Raises:
        ConfigError: The role or the key is not there.
    """
    _admit(desk, role, newcomer=keyring.take(new))
    return _settled(desk)


def rotate(
    desk: KeyDesk, role: str, *, keyring: Keyring, old: str, new: str
) -> Settled:
    """Let one key take the place of another; the role is signed anew.

    Done already, it changes nothing.

    Raises:
        ConfigError: The role or a key is not there.
    """
    leaver = _leaver(desk, role, name=old, keyring=keyring)
    _admit(desk, role, newcomer=keyring.take(new))
    if leaver is not None:
        desk.dismiss(role, leaver)
    return _settled(desk, leaver=leaver)


def revoke(desk: KeyDesk, role: str, *, keyring: Keyring, name: str) -> Settled:
    """Let a key no longer count for a role, which is signed anew.

    Done already, it changes nothing.

    Raises:
        ConfigError: The role or the key is not there, or too few keys would be left.
    """
    leaver = _leaver(desk, role, name=name, keyring=keyring)
    if leaver is not None:
        desk.dismiss(role, leaver)
    return _settled(desk, leaver=leaver)


def set_threshold(desk: KeyDesk, role: str, *, threshold: int) -> Settled:
    """Let a role take so many signatures.

    Raises:
        ConfigError: The role is not there, or has fewer keys.
    """
    if desk.role(role).threshold != threshold:
        desk.set_threshold(role, threshold)
    return _settled(desk)


def _admit(desk: KeyDesk, role: str, *, newcomer: Holder) -> None:
    if newcomer not in desk.role(role).holders:
        desk.admit(role, newcomer.name)


def _leaver(desk: KeyDesk, role: str, *, name: str, keyring: Keyring) -> Holder | None:
    """Return whose key is to leave; None: it has left, by a call that broke off."""
    state = desk.role(role)
    found = state.named(name)
    if found is None and not keyring.knows(name):
        names = ", ".join(map(str, state.holders))
        raise ConfigError(f"{role}: expected one of its keys {names}, got {name}")
    return found


def _settled(desk: KeyDesk, *, leaver: Holder | None = None) -> Settled:
    waiting = desk.publish()
    remarks = () if leaver is None else tuple(_remains(desk, leaver))
    return Settled(published=desk.published(), waiting=waiting, remarks=remarks)


def _remains(desk: KeyDesk, leaver: Holder) -> Iterator[str]:
    """Yield where a key still counts, which a thief would use as well."""
    key_ids = {s.role: {holder.key_id for holder in s.holders} for s in desk.roles()}
    roles = [role for role, of in key_ids.items() if leaver.key_id in of]
    if roles:
        yield f"{leaver.name}'s key still counts for: {', '.join(roles)}"
