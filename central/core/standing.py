"""How a host stands with central: whether it reports, is silent, new or shut out."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

# Three reports, as hosts send them unless they are told otherwise.
SILENT_AFTER: Final = timedelta(hours=3)


class Standing(StrEnum):
    """How a host stands."""

    REPORTING = "reporting"
    SILENT = "silent"
    NEW = "new"
    REVOKED = "revoked"


def standing(
    *, reported_at: datetime | None, revoked_at: datetime | None, now: datetime
) -> Standing:
    """Return how a host stands.

    Args:
        reported_at: When its newest report came; None: it never sent one.
        revoked_at: Since when it is not let in; None: it is.
        now: The present.
    """
    if revoked_at is not None:
        return Standing.REVOKED
    if reported_at is None:
        return Standing.NEW
    is_silent = now - reported_at > SILENT_AFTER
    return Standing.SILENT if is_silent else Standing.REPORTING
