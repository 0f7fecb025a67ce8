from datetime import UTC, datetime, timedelta

import pytest

from agent.errors import ConfigError
from central.core.roles import (
    Holder,
    RoleState,
    Settled,
    Waiting,
    checked_counts,
    upward,
    with_awaited,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ALICE = Holder(name="alice", key_id="aaaaaaaaaa11")
BOB = Holder(name="bob", key_id="bbbbbbbbbb22")
LACKS = "approve-cpu: 1 of 2 signatures; missing any 1 of:"


def row(role="approve-cpu", *, have=1, need=2, missing=(BOB,), **more):
    return Waiting(role=role, version=7, have=have, need=need, missing=missing, **more)


def state(*, expires=NOW + 30 * DAY, drafted=None, holders=(ALICE, BOB)):
    return RoleState(
        role="approve-cpu",
        version=1 if expires else None,
        expires=expires,
        drafted=drafted,
        threshold=2,
        renewal=15 * DAY,
        holders=holders,
    )


@pytest.mark.parametrize(
    ("waiting", "words"),
    [
        (row(missing=(ALICE, BOB)), f"{LACKS} alice (aaaaaaaa…), bob (bbbbbbbb…)"),
        (
            row(dropped=2),
            f"{LACKS} bob (bbbbbbbb…) (changed again: 2 before do not count)",
        ),
        (
            row(keys="old"),
            f"{LACKS.replace(';', ' of the old keys;')} bob (bbbbbbbb…)",
        ),
        (
            row(have=2, awaits=("targets", "timestamp")),
            "approve-cpu: complete, waits for targets, timestamp",
        ),
    ],
)
def test_what_is_missing_in_words(waiting, words):
    assert str(waiting) == words


@pytest.mark.parametrize(
    ("expires", "drafted", "is_due", "is_expiring"),
    [
        pytest.param(NOW + 15 * DAY, None, False, False, id="half_of_its_life_left"),
        pytest.param(NOW + 14 * DAY, None, True, True, id="less_than_half"),
        pytest.param(NOW - DAY, None, True, True, id="expired"),
        pytest.param(NOW + 14 * DAY, NOW + 30 * DAY, False, True, id="drafted_already"),
        pytest.param(NOW + DAY, NOW + 14 * DAY, True, True, id="drafted_long_ago"),
        pytest.param(None, NOW + 30 * DAY, False, False, id="not_yet_published"),
        pytest.param(None, NOW + 14 * DAY, True, False, id="not_published_for_long"),
        pytest.param(None, None, False, False, id="not_there"),
    ],
)
def test_when_a_role_is_to_be_signed_anew(expires, drafted, is_due, is_expiring):
    role = state(expires=expires, drafted=drafted)
    assert (role.is_due(now=NOW), role.is_expiring(now=NOW)) == (is_due, is_expiring)


@pytest.mark.parametrize(
    ("name", "found"),
    [("alice", ALICE), ("bbbbbb", BOB), ("bbbbb", None), ("carol", None), ("", None)],
)
def test_a_holder_by_name_or_by_the_first_digits_of_the_key_id(name, found):
    assert state().named(name) == found


@pytest.mark.parametrize(("keys", "threshold"), [(1, 1), (3, 2), (2, 2)])
def test_a_threshold_that_can_be_met(keys, threshold):
    checked_counts("root", keys=keys, threshold=threshold)


@pytest.mark.parametrize(("keys", "threshold"), [(1, 2), (0, 1), (1, 0)])
def test_a_threshold_that_cannot_be_met(keys, threshold):
    with pytest.raises(ConfigError, match=f"threshold of {threshold}, got {keys}; add"):
        checked_counts("root", keys=keys, threshold=threshold)


@pytest.mark.parametrize(
    ("rows", "awaits"),
    [
        pytest.param([row()], [()], id="lacks_itself"),
        pytest.param(
            [row(have=2), row("targets"), row("release-cpu")],
            [("targets",), (), ()],
            id="the_role_above",
        ),
        pytest.param(
            [row("targets", have=2), row(), row("root")],
            [("approve-cpu", "root"), (), ()],
            id="above_and_below",
        ),
        pytest.param(
            [row(have=2), row("timestamp")], [("timestamp",), ()], id="neither"
        ),
    ],
)
def test_what_is_complete_names_what_it_waits_for(rows, awaits):
    assert [row.awaits for row in with_awaited(rows)] == awaits


def test_a_role_is_written_before_the_one_that_names_its_keys():
    roles = ["root", "release-z", "targets", "approve-a"]
    assert upward(roles) == ["approve-a", "release-z", "targets", "root"]


def test_what_was_settled_is_told_to_the_log():
    found = Settled(published=("root",), waiting=(row(),)).facts()
    assert found == {"published": ("root",), "waiting": [str(row())]}
