"""What this host remembers of trust, and what it therefore does not take.

The Update Framework compares what is offered with the metadata that the host has kept.
Whoever removes that metadata could offer old roles as new (a rollback attack), and
whoever turns the clock back could offer expired ones. So the versions and the time of
the last good update are kept apart from it, in the state database.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

# No host has run this program before it was written.
EARLIEST: Final = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRole:
    """One role's metadata, as it was verified.

    Attributes:
        name: `root`, `timestamp`, `snapshot`, `targets`, or a delegated role.
        version: Of the metadata.
        expires: Until when it may be taken; UTC.
        keyids: The keys that may sign for the role, sorted.
        signed_by: Those of them that did, sorted.
        threshold: How many must.
        anchor: What the count of versions hangs on instead of the keys; empty: they.
            Root versions only ever follow each other, from the root that the host was
            given, so new keys of root begin no other count.
    """

    name: str
    version: int
    expires: datetime
    keyids: tuple[str, ...]
    signed_by: tuple[str, ...]
    threshold: int
    anchor: str = ""

    @property
    def counted_by(self) -> tuple[str, ...]:
        """What a floor is kept for: when it changes, another count begins."""
        return (self.anchor,) if self.anchor else self.keyids


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The oldest version of a role that is taken, as long as its keys are the same."""

    role: str
    keyids: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How this host stands with its repository.

    Attributes:
        checked_at: When it was last asked; None: never.
        verified_at: The latest instant at which all was well; the clock is never
            believed to be before it.
        reason: Why it is not well now; None: it is.
        failures: How often in a row it was not.
        expires_at: When the first of the verified roles expires.
        expires_first: Which one that is.
    """

    checked_at: datetime | None = None
    verified_at: datetime | None = None
    reason: str | None = None
    failures: int = 0
    expires_at: datetime | None = None
    expires_first: str | None = None

    def earliest_now(self) -> datetime:
        """Return the instant that the present cannot be before."""
        return max(EARLIEST, self.verified_at or EARLIEST)

    def failed(self, reason: str, *, now: datetime) -> "Trust":
        """Return how the host stands after an update that went wrong."""
        return Trust(
            checked_at=now,
            verified_at=self.verified_at,
            reason=reason,
            failures=self.failures + 1,
            expires_at=self.expires_at,
            expires_first=self.expires_first,
        )

    def verified(self, roles: Iterable[SignedRole], *, now: datetime) -> "Trust":
        """Return how the host stands after an update that went well."""
        first = min(roles, key=lambda role: role.expires)
        return Trust(
            checked_at=now,
            # The roles were valid at this instant, so a clock that is far ahead cannot
            # raise the floor by more than the life of the shortest-lived role.
            verified_at=max(now, self.earliest_now()),
            expires_at=first.expires,
            expires_first=first.name,
        )


def rollback_attack(roles: Iterable[SignedRole], floors: Iterable[Floor]) -> str | None:
    """Return which role is older than one that was seen before, or None.

    A role whose keys were changed begins anew: that is how its keepers recover from a
    stolen key that signed a version too high to follow. Not so root, by which the keys
    of all others are known.
    """
    lowest = {floor.role: floor for floor in floors}
    for role in roles:
        floor = lowest.get(role.name)
        if floor is None or floor.keyids != role.counted_by:
            continue
        if role.version < floor.version:
            return (
                f"{role.name}: rollback attack or a restored backup: expected at least "
                f"version {floor.version}, as was seen before, got {role.version}; the "
                "publisher must offer the newest metadata"
            )
    return None


def raised(
    roles: Iterable[SignedRole], *, floors: Iterable[Floor]
) -> tuple[Floor, ...]:
    """Return the floors that verified roles raise, or begin anew with other keys."""
    lowest = {floor.role: floor for floor in floors}
    found = (
        Floor(role=role.name, keyids=role.counted_by, version=role.version)
        for role in roles
    )
    return tuple(floor for floor in found if _is_above(floor, lowest.get(floor.role)))


def _is_above(floor: Floor, before: Floor | None) -> bool:
    if before is None or before.keyids != floor.keyids:
        return True
    return floor.version > before.version


def expiry(
    roles: Iterable[SignedRole], *, now: datetime, floor: datetime
) -> str | None:
    """Return which role has expired although the host's clock denies it, or None.

    Args:
        roles: What the host's own clock found to be valid.
        now: What that clock says.
        floor: An instant that the present cannot be before.
    """
    late = [role for role in roles if role.expires <= max(now, floor)]
    if not late:
        return None
    role = min(late, key=lambda each: each.expires)
    return (
        f"{role.name}: expired at {role.expires:%Y-%m-%d %H:%M} UTC"
        f"{clock_fault(now, floor=floor)}; its keepers must sign it anew"
    )


def clock_fault(now: datetime, *, floor: datetime) -> str:
    """Return what is wrong with a clock, to be put after other words; may be empty."""
    if now >= floor:
        return ""
    return (
        f"; the clock of this host says {now:%Y-%m-%d %H:%M} UTC, which is before "
        f"{floor:%Y-%m-%d %H:%M}: set it"
    )
