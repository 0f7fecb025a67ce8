"""What a host remembers of trust lets no older role in, and locks no keeper out."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.trust import (
    EARLIEST,
    Floor,
    SignedRole,
    Trust,
    clock_fault,
    expiry,
    raised,
    rollback_attack,
)

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OURS, THEIRS = ("k1", "k2"), ("k1", "k3")


def role(name="timestamp", *, version=1, expires=NOW + DAY, keyids=OURS):
    return SignedRole(
        name=name,
        version=version,
        expires=expires,
        keyids=keyids,
        signed_by=keyids[:1],
        threshold=1,
    )


def floor(name="timestamp", *, version=1, keyids=OURS):
    return Floor(role=name, keyids=keyids, version=version)


def test_an_older_version_by_the_same_keys_is_an_attack():
    assert rollback_attack([role(version=2)], [floor(version=3)]) == (
        "timestamp: rollback attack or a restored backup: expected at least version 3, "
        "as was seen before, got 2; the publisher must offer the newest metadata"
    )


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(role(version=3), id="the_same_version"),
        pytest.param(role(version=4), id="a_newer_version"),
        pytest.param(role(version=1, keyids=THEIRS), id="other_keys_begin_anew"),
        pytest.param(role("snapshot"), id="never_seen_before"),
    ],
)
def test_what_is_no_attack(seen):
    assert rollback_attack([seen], [floor(version=3)]) is None


def test_every_role_is_looked_at():
    roles = [role("root", version=9), role("targets", version=1)]
    floors = [floor("root", version=9), floor("targets", version=2)]
    assert rollback_attack(roles, floors).startswith("targets: rollback attack")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([], [floor(version=5)], id="first"),
        pytest.param([floor(version=4)], [floor(version=5)], id="higher"),
        pytest.param([floor(version=5)], [], id="the_same"),
        pytest.param([floor(version=6)], [], id="never_lower"),
        pytest.param(
            [floor(version=9, keyids=THEIRS)], [floor(version=5)], id="other_keys"
        ),
    ],
)
def test_floors_are_raised_or_begin_anew(before, after):
    assert list(raised([role(version=5)], floors=before)) == after


@given(st.lists(st.integers(1, 20), min_size=1, max_size=20))
def test_what_was_taken_once_keeps_all_that_is_older_out(versions):
    floors, highest = (), 0
    for version in versions:
        is_attack = rollback_attack([role(version=version)], floors) is not None
        assert is_attack == (version < highest)
        if not is_attack:
            floors = raised([role(version=version)], floors=floors) or floors
            highest = version


def test_what_never_was_updated_trusts_no_clock_before_this_program():
    assert Trust().earliest_now() == EARLIEST
    assert Trust(verified_at=EARLIEST - DAY).earliest_now() == EARLIEST
    assert Trust(verified_at=NOW).earliest_now() == NOW


def test_failures_are_counted_and_take_nothing_away():
    good = Trust().verified([role()], now=NOW)
    bad = good.failed("unsigned", now=NOW + DAY).failed("expired", now=NOW + 2 * DAY)
    assert bad == Trust(
        checked_at=NOW + 2 * DAY,
        verified_at=NOW,
        reason="expired",
        failures=2,
        expires_at=NOW + DAY,
        expires_first="timestamp",
    )


def test_a_good_update_forgets_failures_and_names_what_expires_first():
    roles = [role("root", expires=NOW + 9 * DAY), role("snapshot", expires=NOW + DAY)]
    good = Trust(reason="expired", failures=3).verified(roles, now=NOW)
    assert good == Trust(
        checked_at=NOW,
        verified_at=NOW,
        expires_at=NOW + DAY,
        expires_first="snapshot",
    )


def test_a_clock_that_goes_back_lowers_no_floor():
    trust = Trust().verified([role()], now=NOW).verified([role()], now=NOW - DAY)
    assert (trust.checked_at, trust.verified_at) == (NOW - DAY, NOW)


@pytest.mark.parametrize(
    ("now", "earliest", "words"),
    [
        pytest.param(NOW, NOW - DAY, None, id="valid"),
        pytest.param(
            NOW + DAY,
            NOW,
            "timestamp: expired at 2027-03-02 12:00 UTC; its keepers must sign it anew",
            id="expires_at_the_very_instant",
        ),
        pytest.param(
            datetime(1970, 1, 1, tzinfo=UTC),
            NOW + DAY,
            "timestamp: expired at 2027-03-02 12:00 UTC; the clock of this host says "
            "1970-01-01 00:00 UTC, which is before 2027-03-02 12:00: set it; its "
            "keepers must sign it anew",
            id="by_the_floor",
        ),
    ],
)
def test_expiry_is_told_by_the_later_of_clock_and_floor(now, earliest, words):
    assert expiry([role()], now=now, floor=earliest) == words


def test_the_role_that_expired_first_is_named():
    roles = [role("root", expires=NOW - DAY), role("targets", expires=NOW - 2 * DAY)]
    assert expiry(roles, now=NOW, floor=EARLIEST).startswith("targets: expired at")


def test_a_clock_that_is_not_behind_is_no_fault():
    assert clock_fault(NOW, floor=NOW) == ""
    assert clock_fault(NOW - DAY, floor=NOW).startswith("; the clock of this host says")
