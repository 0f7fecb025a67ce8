"""The pace of the rounds: spread, patient with a central that is away, never sudden."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.pace import (
    MOST_A_ROUND,
    Round,
    is_due,
    report_wait_s,
    update_wait_s,
)

HOUR_S, DAY_S = 3600.0, 86_400.0
DRAWS = st.floats(0, 1)
PACES = st.sampled_from([update_wait_s, report_wait_s])


def test_an_update_comes_again_in_time_or_a_little_early():
    assert update_wait_s(Round(every_s=900), draw=1.0) == pytest.approx(810)
    assert update_wait_s(Round(every_s=900, is_first=True), draw=0.0) == 900


@pytest.mark.parametrize(
    ("failures", "expected"), [(1, 120), (2, 240), (5, 1920), (6, 3600), (60, 3600)]
)
def test_an_update_that_failed_is_tried_soon_then_ever_later(failures, expected):
    last = Round(every_s=900, failures=failures)
    assert update_wait_s(last, draw=1.0) == expected


def test_the_first_report_comes_when_it_would_have_come_anyway():
    first = Round(every_s=HOUR_S, is_first=True)
    waits = [report_wait_s(first, draw=draw) for draw in (0.0, 0.5, 1.0)]
    assert waits == pytest.approx([1, 1710, 3600])


def test_a_report_that_failed_is_drawn_from_two_spans_at_once():
    waits = [
        report_wait_s(Round(every_s=300, failures=n), draw=1.0) for n in range(1, 7)
    ]
    assert waits == [600, 1200, 2400, 3600, 3600, 3600]


def test_a_backlog_goes_at_twice_the_usual_pace_and_spread():
    last = Round(every_s=HOUR_S, has_backlog=True)
    assert [report_wait_s(last, draw=draw) for draw in (0.0, 0.5, 1.0)] == [
        900,
        1800,
        2700,
    ]


def test_who_reports_daily_waits_up_to_two_days():
    last = Round(every_s=DAY_S, failures=9)
    assert report_wait_s(last, draw=1.0) == 2 * DAY_S


@given(asked_s=st.floats(0, DAY_S), failures=st.integers(1, 99), draw=DRAWS)
def test_nobody_comes_before_the_time_that_central_asks_for(asked_s, failures, draw):
    last = Round(every_s=HOUR_S, failures=failures, after_s=asked_s)
    assert report_wait_s(last, draw=draw) >= asked_s


def test_no_server_silences_a_host_for_longer_than_a_day_and_its_own_wait():
    last = Round(every_s=HOUR_S, failures=1, after_s=1e9)
    assert report_wait_s(last, draw=1.0) == DAY_S + 2 * HOUR_S


@given(pace=PACES, failures=st.integers(0, 99), draw=DRAWS, is_first=st.booleans())
def test_no_round_follows_another_within_a_second_or_after_a_day(
    pace, failures, draw, is_first
):
    last = Round(every_s=HOUR_S, failures=failures, is_first=is_first)
    assert 1 <= pace(last, draw=draw) <= DAY_S


def test_a_regular_round_always_finds_a_report_due():
    for draw in (0.0, 0.5, 1.0):
        wait_s = report_wait_s(Round(every_s=HOUR_S), draw=draw)
        assert is_due(HOUR_S, since_s=wait_s)


@pytest.mark.parametrize(
    ("since_s", "expected"), [(None, True), (-1, True), (0, False), (3000, False)]
)
def test_a_report_is_due_by_the_time_since_the_last(since_s, expected):
    assert is_due(HOUR_S, since_s=since_s) is expected


def test_however_often_it_is_tried_reports_are_cut_at_their_own_pace():
    cuts = [0.0]
    for now_s in range(0, 100_000, 60):
        if is_due(HOUR_S, since_s=now_s - cuts[-1]):
            cuts.append(float(now_s))
    assert all(after - before >= 0.85 * HOUR_S for before, after in pairwise(cuts))


def requests_a_minute(*, hosts, every_s, outage_s, seed):
    """Return what central hears in each minute after an outage, and usually.

    All hosts began together, and cut and send as the courier does.
    """
    rng = np.random.default_rng(seed)
    gone, back = 4 * every_s, 4 * every_s + outage_s
    heard = []
    for _ in range(hosts):
        last = Round(every_s=every_s, is_first=True)
        now_s, cut_s, waiting = 0.0, None, 0
        while (now_s := now_s + report_wait_s(last, draw=rng.random())) < back + 30_000:
            if is_due(every_s, since_s=None if cut_s is None else now_s - cut_s):
                cut_s, waiting = now_s, waiting + 1
            is_away = gone <= now_s < back
            sent = 0 if is_away else min(waiting, MOST_A_ROUND)
            heard += [now_s] * (sent + is_away)
            waiting -= sent
            last = Round(
                every_s=every_s,
                failures=last.failures + 1 if is_away else 0,
                has_backlog=waiting > 0,
            )
    counts = np.bincount((np.array(heard) // 60).astype(int))
    return counts[int(back // 60) : -1], counts[: int(gone // 60)]


@pytest.mark.parametrize("outage_s", [1_800, 20_000])
def test_a_fleet_that_is_let_in_again_comes_at_little_more_than_twice_the_pace(
    outage_s,
):
    after, usual = requests_a_minute(
        hosts=6_000, every_s=HOUR_S, outage_s=outage_s, seed=7
    )
    mean = usual.mean()
    assert mean == pytest.approx(6_000 / 57, rel=0.03)
    # Even from the first minute on; the rest is what chance adds.
    assert usual.max() < mean + 5 * mean**0.5
    assert after.max() < 2.5 * mean
