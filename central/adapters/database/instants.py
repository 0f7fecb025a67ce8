"""Instants and days, to and from the numbers and texts of the database."""

from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


def stamp(at: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def instant(stamped: int) -> datetime:
    """Return the instant that was stamped; aware, UTC."""
    return _EPOCH + timedelta(microseconds=stamped)


def maybe_instant(stamped: int | None) -> datetime | None:
    """Return the instant that was stamped; None: there was none."""
    return None if stamped is None else instant(stamped)


def utc_day(at: datetime) -> str:
    """Return the UTC day of an instant, as ISO writes it.

    The first and the last hours that a clock can show may lie in no day of UTC; they
    count to the day that is nearest.
    """
    ordinal = _EPOCH.toordinal() + (at - _EPOCH) // _DAY
    nearest = min(max(ordinal, date.min.toordinal()), date.max.toordinal())
    return date.fromordinal(nearest).isoformat()


def minute(at: datetime) -> int:
    """Return the minute of an instant, as whole minutes since 1970."""
    return (at - _EPOCH) // timedelta(minutes=1)
