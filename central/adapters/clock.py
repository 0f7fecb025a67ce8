"""The present: the one place of central that reads a clock."""

from datetime import UTC, datetime


class SystemClock:
    """This machine's own clock."""

    def now(self) -> datetime:
        """Return the present; aware, UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock that others are given
