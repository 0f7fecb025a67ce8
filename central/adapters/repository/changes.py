"""What may be changed about roles: who they are, whose keys, how many signatures."""

from collections.abc import Sequence
from typing import Any

from securesystemslib.signer import (  # type: ignore[attr-defined] # public, unmarked
    Key,
)
from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    DelegatedRole,
    Delegations,
    Root,
    Targets,
)

from central.adapters.repository.book import Book
from central.adapters.repository.signatures import keys_of
from central.core.profile import ONLINE, TOP, delegator_of
from central.core.roles import checked_counts


def make(
    book: Book, role: str, *, keys: Sequence[Key], threshold: int, paths: str
) -> None:
    """Make a role; one that is there stays as it is.

    Raises:
        ConfigError: The threshold cannot be met.
    """
    checked_counts(role, keys=len({key.keyid for key in keys}), threshold=threshold)
    if role == "root" and role not in book.newest:
        book.enter(role, Root(consistent_snapshot=True))
    # The root knows its four roles from the start, but not yet anybody's keys.
    if not keys_of(book.newest, role):
        _name_keys(book, role, keys=keys, threshold=threshold, paths=paths)
    if role not in book.newest and role not in ONLINE:
        is_top = role in TOP
        below = Delegations(keys={}, roles={}) if is_top else None
        book.enter(role, Targets(delegations=below))


def admit(book: Book, role: str, *, key: Key) -> None:
    """Let a key count for a role from its next version on."""
    book.signed(role)
    book.draft(delegator_of(role)).add_key(key, role)
    renew(book, role)


def dismiss(book: Book, role: str, *, key_id: str) -> None:
    """Let a key no longer count for a role.

    The role is signed anew at once: what was signed before would stay valid wherever
    the other signatures on it are enough, and with it whatever the key's thief made.

    Raises:
        ConfigError: Its threshold could no longer be met.
    """
    known = _roles(book, role)[role]
    checked_counts(role, keys=len(known.keyids) - 1, threshold=known.threshold)
    book.draft(delegator_of(role)).revoke_key(key_id, role)
    renew(book, role)


def set_threshold(book: Book, role: str, threshold: int) -> None:
    """Let a role take so many signatures.

    Raises:
        ConfigError: It has fewer keys.
    """
    book.signed(role)
    keys = len(_roles(book, role)[role].keyids)
    checked_counts(role, keys=keys, threshold=threshold)
    _roles(book, role, is_changed=True)[role].threshold = threshold
    renew(book, role)


def renew(book: Book, role: str) -> None:
    """Let a role be signed anew: an online one when published, another as a draft."""
    if role in ONLINE:
        book.stale.add(role)
    else:
        book.draft(role)


def _name_keys(
    book: Book, role: str, *, keys: Sequence[Key], threshold: int, paths: str
) -> None:
    roles = _roles(book, role, is_changed=True)
    if role not in TOP:
        roles[role] = DelegatedRole(role, [], threshold, True, [paths])
    roles[role].threshold = threshold
    for key in keys:
        book.draft(delegator_of(role)).add_key(key, role)


def _roles(book: Book, role: str, *, is_changed: bool = False) -> Any:  # noqa: ANN401
    """Return the table that says whose keys a role has, to be read or changed."""
    delegator = delegator_of(role)
    signed = book.draft(delegator) if is_changed else book.signed(delegator)
    return signed.roles if delegator == "root" else signed.delegations.roles
