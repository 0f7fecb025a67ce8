"""The courier's rounds: when it goes again, and what of it is news."""

import signal
from itertools import count

import pytest

from agent.adapters.chance import drawn
from agent.daemon.rounds import Rounds

QUARTER_S, DAY_S = 900.0, 86_400.0


def rounds(draw=1.0):
    return Rounds(lambda: draw)


def test_after_a_good_round_the_next_comes_in_time_or_a_little_early():
    made = rounds()
    assert made.wait_s(QUARTER_S) == pytest.approx(810)
    made.ended(0)
    assert made.wait_s(QUARTER_S) == pytest.approx(810)


def test_findings_are_no_failure():
    made = rounds()
    assert not made.ended(3)
    assert made.wait_s(QUARTER_S) == pytest.approx(810)


def test_each_bad_round_doubles_the_longest_wait_up_to_an_hour():
    made = rounds()
    waits = []
    for _ in range(8):
        made.ended(75)
        waits.append(made.wait_s(QUARTER_S))
    assert waits == [120, 240, 480, 960, 1920, 3600, 3600, 3600]
    made.ended(0)
    made.ended(75)
    assert made.wait_s(QUARTER_S) == 120


def test_who_updates_less_than_hourly_waits_up_to_that_long():
    made = rounds()
    for _ in range(30):
        made.ended(1)
    assert made.wait_s(DAY_S) == DAY_S


def test_no_failure_ever_brings_the_courier_back_within_a_second():
    made = rounds(draw=1e-15)
    for how in (1, 78, -signal.SIGKILL, "No such file"):
        made.ended(how)
        assert made.wait_s(1.0) == 1


def test_hosts_that_failed_together_come_back_spread_out():
    numbers = count(1)
    made = Rounds(lambda: next(numbers) / 100)
    made.ended(75)
    waits = [made.wait_s(QUARTER_S) for _ in range(100)]
    assert len(set(waits)) == 100
    assert max(waits) == 120


def test_only_another_failure_than_the_last_is_news():
    made = rounds()
    hows = [0, 75, 75, 1, 1, "gone", "gone", 3, "gone", 0, 0, 75]
    news = [made.ended(how) for how in hows]
    assert [how for how, is_news in zip(hows, news, strict=True) if is_news] == [
        75,
        1,
        "gone",
        "gone",
        75,
    ]


def test_chance_draws_anew_and_stays_in_its_range():
    draws = {drawn() for _ in range(1000)}
    assert len(draws) == 1000
    assert all(0 < draw <= 1 for draw in draws)
    assert 0.4 < sum(draws) / 1000 < 0.6
