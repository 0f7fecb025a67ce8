"""The token bucket: a burst at once, then a steady pace."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from central.core.bucket import drawn

START = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def waits(offsets, *, a_minute):
    """Return the wait of each who comes at some second."""
    bucket, found = None, []
    for offset in offsets:
        bucket, wait_s = drawn(bucket, a_minute=a_minute, now=START + offset * SECOND)
        found.append(wait_s)
    return found


def test_a_minutes_worth_may_come_at_once_and_the_next_one_waits():
    assert waits([0, 0, 0, 0], a_minute=3) == [0, 0, 0, 20]


def test_who_waits_as_long_as_told_may_come():
    assert waits([0, 0, 0, 0, 20, 21], a_minute=3) == [0, 0, 0, 20, 0, 19]


def test_no_more_than_a_minutes_worth_is_saved_up():
    assert waits([0, 3600, 3600, 3600], a_minute=2) == [0, 0, 0, 30]


def test_a_clock_that_goes_back_adds_nothing():
    assert waits([100, 50, 50], a_minute=2) == [0, 0, 30]


@given(st.lists(st.integers(0, 600), max_size=80).map(sorted), st.integers(1, 30))
def test_in_no_minute_more_than_twice_the_allowance_comes_in(offsets, a_minute):
    found = waits(offsets, a_minute=a_minute)
    let_in = [at for at, wait_s in zip(offsets, found, strict=True) if not wait_s]
    for begin in let_in:
        assert sum(begin <= at < begin + 60 for at in let_in) <= 2 * a_minute
