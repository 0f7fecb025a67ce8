"""How `forewarn status` tells of the trust in the repository."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from agent.cli.output import instant_text
from agent.core.trust import Trust, clock_fault


class TrustState(StrEnum):
    """Whether updates are taken."""

    UNKNOWN = "unknown"
    FRESH = "fresh"
    STALE = "stale"


class TrustStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How this host stands with its repository.

    Attributes:
        state: `stale`: scoring goes on, nothing new is taken in.
        reason: Why it is stale.
        checked_at: When the repository was last asked.
        verified_at: When all was well for the last time.
        failures: How often in a row it was not.
        expires_at: When the first of the verified roles expires.
        expires_first: Which one that is.
    """

    state: TrustState
    reason: str | None
    checked_at: datetime | None
    verified_at: datetime | None
    failures: int
    expires_at: datetime | None
    expires_first: str | None


def trust_status(trust: Trust, *, now: datetime) -> TrustStatus:
    """Return what `status` says of the trust."""
    reason = trust.reason
    if reason is None and trust.expires_at is not None and trust.expires_at <= now:
        reason = f"{trust.expires_first} expired at {instant_text(trust.expires_at)}"
    state = TrustState.FRESH if trust.verified_at else TrustState.UNKNOWN
    return TrustStatus(
        state=TrustState.STALE if reason else state,
        reason=reason,
        checked_at=trust.checked_at,
        verified_at=trust.verified_at,
        failures=trust.failures,
        expires_at=trust.expires_at,
        expires_first=trust.expires_first,
    )


def trust_problems(trust: TrustStatus, *, now: datetime) -> Iterator[str]:
    """Yield what a person must know of, as one line each."""
    if trust.reason is not None:
        yield (
            f"trust is stale, so nothing new is taken in; what is here goes on: "
            f"{trust.reason}"
        )
    if trust.verified_at is not None and now < trust.verified_at:
        yield clock_fault(now, floor=trust.verified_at).removeprefix("; ")


def trust_text(trust: TrustStatus) -> str:
    """Return the trust as one line for people."""
    if trust.checked_at is None:
        return "trust: the repository was not asked yet"
    parts = [f"trust: {trust.state}, asked at {instant_text(trust.checked_at)}"]
    if trust.failures:
        parts.append(f"{trust.failures} failures in a row")
    if trust.verified_at is not None and trust.reason is not None:
        parts.append(f"verified at {instant_text(trust.verified_at)}")
    if trust.expires_at is not None and trust.reason is None:
        parts.append(
            f"{trust.expires_first} expires at {instant_text(trust.expires_at)}"
        )
    return "; ".join(parts)
