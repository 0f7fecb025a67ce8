"""The present: the one place that reads a clock."""

from datetime import UTC, datetime


class SystemClock:
    """The host's own clock."""

    def now(self) -> datetime:
        """Return the present; aware, UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock that others are given
