"""The rules of signed roles: who is missing, what to renew, what a role may hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Final

from agent.errors import ConfigError
from central.core.profile import TOP, delegator_of

_ID_DIGITS: Final = 6
# The name travels with the key, so that whoever has the metadata can tell people apart.
NAME_FIELD: Final = "x-forewarn-name"


class UnknownNameError(ConfigError):
    """No role or task is called so, or nothing is pending of it."""

    exit_status = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A file that a role has signed for.

    Attributes:
        length: In bytes.
        sha256: Of its bytes, in lower-case hexadecimal digits.
    """

    length: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose signature counts for a role.

    Attributes:
        name: Of the key, as `keys list` shows it.
        key_id: As the metadata names it.
    """

    name: str
    key_id: str

    def __str__(self) -> str:
        return f"{self.name} ({self.key_id[:8]}…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A changed role that is not published yet.

    Attributes:
        version: That it will have.
        have: Signatures that count.
        need: Signatures that it takes.
        missing: Whose signatures would count.
        awaits: Roles that must be complete before; empty if only signatures lack.
        dropped: Signatures of its pending state before that no longer count, because
            it was changed again.
        keys: Which keys are meant, where the old and the new differ; else empty.
    """

    role: str
    version: int
    have: int
    need: int
    missing: tuple[Holder, ...]
    awaits: tuple[str, ...] = ()
    dropped: int = 0
    keys: str = ""

    def __str__(self) -> str:
        again = f" (changed again: {self.dropped} before do not count)"
        return self._words() + (again if self.dropped else "")

    def _words(self) -> str:
        lacking = self.need - self.have
        if lacking <= 0:
            return f"{self.role}: complete, waits for {', '.join(self.awaits)}"
        names = ", ".join(map(str, self.missing))
        words = f"{self.have} of {self.need} signatures"
        words += f" of the {self.keys} keys" if self.keys else ""
        return f"{self.role}: {words}; missing any {lacking} of: {names}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of a change.

    Attributes:
        published: Roles that clients now see anew.
        waiting: Who is missing for the others.
        remarks: What a person may not expect of it.
    """

    published: tuple[str, ...]
    waiting: tuple[Waiting, ...]
    remarks: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """Return what came of it, as the log tells of it."""
        return {
            "published": self.published,
            "waiting": [str(each) for each in self.waiting],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is pending of a role, as those who sign it should see it.

    Attributes:
        facts: What it changes, a line each: `+` comes, `-` goes.
        says: What the documents say that it newly signs for, by path, a line each.
        signed: Whose signatures it has.
        waiting: Whose signatures it still lacks.
    """

    role: str
    facts: tuple[str, ...]
    says: Mapping[str, Sequence[str]]
    signed: tuple[Holder, ...]
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of signatures that were made on a copy.

    Attributes:
        added: Whose signatures count from now on.
        refused: Key ids of signatures that do not: strangers, or not over this copy.
    """

    role: str
    added: tuple[Holder, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleState:
    """A role as it stands.

    Attributes:
        version: Published; None: it is not published yet.
        expires: When the published version does; None as before.
        drafted: When the pending version expires; None: nothing is pending.
        threshold: Signatures that it takes.
        renewal: It is to be signed anew when less than this is left.
        holders: Whose signatures count.
    """

    role: str
    version: int | None
    expires: datetime | None
    drafted: datetime | None
    threshold: int
    renewal: timedelta
    holders: tuple[Holder, ...]

    def is_due(self, *, now: datetime) -> bool:
        """Return whether to sign it anew, unless what is pending already does that."""
        until = self.drafted or self.expires
        return until is not None and until - now < self.renewal

    def is_expiring(self, *, now: datetime) -> bool:
        """Return whether clients should have had a newer version by now."""
        return self.expires is not None and self.expires - now < self.renewal

    def named(self, name: str) -> Holder | None:
        """Return the holder of this name, or whose key's id begins so."""
        return next(
            (
                holder
                for holder in self.holders
                if holder.name == name
                or (len(name) >= _ID_DIGITS and holder.key_id.startswith(name))
            ),
            None,
        )


def signers_text(holders: Sequence[Holder]) -> str:
    """Return who signs a role, in words; nobody knows: its keepers."""
    if not holders:
        return "its keepers"
    return f"its keepers ({', '.join(map(str, holders))})"


def unknown(name: str, *, what: str, known: Iterable[str]) -> str:
    """Return the words about a name that is none, with the one that may be meant."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    listed = ", ".join(names) or "none"
    return f"{name}: no such {what} in this repository{meant} (known: {listed})"


def checked_counts(role: str, *, keys: int, threshold: int) -> None:
    """Raise ConfigError if a role would have fewer keys than it takes signatures."""
    if not 1 <= threshold <= keys:
        raise ConfigError(
            f"{role}: expected at least as many keys as its threshold of {threshold}, "
            f"got {keys}; add a key first, or lower the threshold"
        )


def with_awaited(rows: Sequence[Waiting]) -> tuple[Waiting, ...]:
    """Return the rows; those that lack no signature name the roles they wait for."""
    open_roles = {row.role for row in rows if row.have < row.need}
    return tuple(
        row
        if row.role in open_roles
        else replace(row, awaits=_awaited(row.role, open_roles))
        for row in rows
    )


def upward(roles: Iterable[str]) -> list[str]:
    """Return roles so that each comes before the one that names its keys.

    Written in this order, what is interrupted is never known without being there.
    """
    return sorted(roles, key=lambda role: (role in TOP, role == "root", role))


def _awaited(role: str, open_roles: Iterable[str]) -> tuple[str, ...]:
    """Return the open roles above and below this one; all if none of them is."""
    near = {
        other
        for other in open_roles
        if other == delegator_of(role) or delegator_of(other) == role
    }
    return tuple(sorted(near or set(open_roles)))
