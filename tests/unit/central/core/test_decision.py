"""The decision: thresholds for a stated cost, or for the best F1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.core.decision import Alarms, alarms, threshold_of_cost, threshold_of_f1
from central.core.skill import best_threshold


@pytest.mark.parametrize(("cost", "threshold"), [(1, 0.5), (4, 0.2), (0.25, 0.8)])
def test_so_many_false_alarms_cost_as_much_as_a_miss(cost, threshold):
    found = threshold_of_cost(cost)
    assert found.threshold == threshold
    assert found.clear == pytest.approx(0.7 * threshold)
    assert f"{cost:g} false alarms" in found.words


def test_the_best_f1_with_weights_is_that_of_the_rows_repeated():
    rng = np.random.default_rng(3)
    said = rng.random(200).round(2)
    happened = rng.random(200) < said**2
    weight = rng.integers(1, 5, 200)
    found = threshold_of_f1(said, happened, weight=weight.astype(np.float64))
    repeated = best_threshold(np.repeat(said, weight), np.repeat(happened, weight))
    assert found.threshold == pytest.approx(repeated)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_a_threshold_is_a_probability_above_0_and_clears_below(rows):
    said = np.array([value for value, _ in rows])
    happened = np.array([came for _, came in rows] + [True])
    said = np.append(said, 0.4)
    found = threshold_of_f1(said, happened, weight=np.ones(len(said)))
    assert 0 < found.threshold <= 1
    assert 0 <= found.clear < found.threshold


def test_alarms_are_told_by_what_they_stand_for():
    said = np.array([0.9, 0.8, 0.1])
    came = np.array([True, False, True])
    weight = np.array([1.0, 3.0, 1.0])
    found = alarms(said, came, weight=weight, threshold=0.5)
    assert found == Alarms(precision=0.25, recall=0.5)


def test_without_alarms_and_events_nothing_is_said():
    found = alarms(np.zeros(1), np.zeros(1, bool), weight=np.ones(1), threshold=0.5)
    assert found == Alarms(precision=None, recall=None)
