"""Sampling: every moment has a chance, and the chosen ones stand for all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.sampling import choose, is_enough


@st.composite
def strata(draw):
    labels = draw(st.lists(st.booleans(), max_size=80))
    events = [place for place, label in enumerate(labels) if label]
    return events, [place for place, label in enumerate(labels) if not label]


budgets = st.floats(0.05, 100)
seeds = st.integers(0, 2**32)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_half_is_for_events_and_a_half_for_the_rest():
    events, quiet = list(range(20)), list(range(20, 120))
    rows, weights = choose(events, quiet, budget=10, rng=rng())
    assert [row < 20 for row in rows] == [True] * 5 + [False] * 5
    assert weights == pytest.approx([4.0] * 5 + [20.0] * 5)


def test_what_events_do_not_need_goes_to_the_rest():
    rows, weights = choose([7], list(range(10, 40)), budget=11, rng=rng())
    assert rows[0] == 7
    assert weights == pytest.approx([1.0] + [3.0] * 10)


def test_what_the_rest_does_not_need_goes_to_events():
    rows, weights = choose(list(range(30)), [30], budget=11, rng=rng())
    assert rows[-1] == 30
    assert weights == pytest.approx([3.0] * 10 + [1.0])


def test_a_value_task_is_sampled_uniformly():
    _, weights = choose([], list(range(100)), budget=20, rng=rng())
    assert weights == pytest.approx([5.0] * 20)


@pytest.mark.parametrize("budget", [0, -3.5])
def test_without_a_budget_nothing_is_sent(budget):
    assert choose([1], [2], budget=budget, rng=rng()) == ([], [])


def test_of_nothing_nothing_is_chosen():
    assert choose([], [], budget=5, rng=rng()) == ([], [])


@given(strata(), seeds)
def test_what_the_budget_holds_is_sent_as_it_is(found, seed):
    events, quiet = found
    rows, weights = choose(events, quiet, budget=80, rng=rng(seed))
    assert rows == sorted(events + quiet)
    assert weights == [1.0] * len(rows)


@given(strata(), budgets, seeds)
def test_positions_rise_and_are_of_those_given(found, budget, seed):
    events, quiet = found
    rows, weights = choose(events, quiet, budget=budget, rng=rng(seed))
    assert rows == sorted(set(rows))
    assert set(rows) <= {*events, *quiet}
    assert len(weights) == len(rows)
    assert all(1 <= weight < float("inf") for weight in weights)


@given(strata(), st.integers(1, 90), seeds)
def test_a_whole_budget_is_met_to_the_row(found, budget, seed):
    events, quiet = found
    rows, _ = choose(events, quiet, budget=budget, rng=rng(seed))
    assert len(rows) == min(budget, len(events) + len(quiet))


@given(strata(), budgets, seeds)
def test_a_broken_budget_is_met_but_for_less_than_a_row(found, budget, seed):
    events, quiet = found
    rows, _ = choose(events, quiet, budget=budget, rng=rng(seed))
    assert abs(len(rows) - min(budget, len(events) + len(quiet))) < 1


@given(strata(), budgets, seeds)
def test_the_same_chance_chooses_the_same(found, budget, seed):
    events, quiet = found
    first = choose(events, quiet, budget=budget, rng=rng(seed))
    assert first == choose(events, quiet, budget=budget, rng=rng(seed))


class Fixed:
    """A generator that draws what it is told."""

    def __init__(self, start):
        self._start = start

    def uniform(self):
        return self._start


@settings(deadline=None)  # 400 choices an example
@given(strata(), budgets)
def test_over_all_starts_each_moment_stands_for_itself(found, budget):
    """The mean over a grid of starts; exact up to the grid's own step."""
    events, quiet = found
    count, starts = len(events) + len(quiet), 400
    stood_for = np.zeros(count)
    for step in range(starts):
        start = Fixed((step + 0.5) / starts)
        rows, weights = choose(events, quiet, budget=budget, rng=start)
        stood_for[rows] += weights
    # A moment's stretch of starts is cut off by less than a step at either end.
    chance = min(1.0, budget / 2 / max(count, 1))
    assert stood_for / starts == pytest.approx(1.0, abs=2 / starts / chance)


def test_many_small_cuts_are_not_biased_by_rounding():
    """A row a cut, 3 events of 60: the sums come to what was seen."""
    generator = rng(20261123)
    events, quiet = [10, 11, 12], [n for n in range(60) if n not in (10, 11, 12)]
    stood_for = np.zeros((4000, 2))
    for cut in stood_for:
        rows, weights = choose(events, quiet, budget=0.6, rng=generator)
        for row, weight in zip(rows, weights, strict=True):
            cut[int(row in quiet)] += weight
    error = stood_for.std(axis=0) / len(stood_for) ** 0.5
    assert np.all(np.abs(stood_for.mean(axis=0) - [3, 57]) < 4 * error)


def test_the_choice_is_spread_over_time():
    """No episode of a length is left out, none is chosen twice over."""
    rows, _ = choose(list(range(100)), [], budget=10, rng=rng(3))
    assert [row // 10 for row in rows] == list(range(10))


@pytest.mark.parametrize(
    ("moments", "budget", "expected"),
    [
        pytest.param(60, 0.6, False, id="a_row_an_hour_waits"),
        pytest.param(1440, 24, True, id="some_rows_are_enough"),
        pytest.param(3, 3, True, id="all_that_there_are_is_enough"),
        pytest.param(3, 2.9, False, id="nearly_all_is_not"),
        pytest.param(0, 0, True, id="nothing_waits_for_nothing"),
    ],
)
def test_a_choice_waits_until_there_is_something_to_choose(moments, budget, expected):
    assert is_enough(moments, budget=budget) is expected
