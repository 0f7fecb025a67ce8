"""The shift: what was learnt at a sample's rate comes back to that of all moments."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.core.shift import shift

weights = st.floats(1, 1e6)
rows = st.lists(st.tuples(st.booleans(), weights), min_size=2).filter(
    lambda found: len({label for label, _ in found}) == 2
)


def columns(found):
    label = np.array([float(label) for label, _ in found])
    return label, np.array([weight for _, weight in found])


def test_a_worked_example():
    """Half of the rows are events, but each other row stands for 99 moments."""
    label = np.array([1.0, 1.0, 0.0, 0.0])
    weight = np.array([1.0, 1.0, 99.0, 99.0])
    assert shift(label, weight) == pytest.approx(math.log(1 / 99))


@given(rows)
def test_the_shifted_rate_of_the_sample_is_the_true_rate(found):
    label, weight = columns(found)
    logit = math.log(label.sum() / (1 - label).sum()) + shift(label, weight)
    rate = weight @ label / weight.sum()
    assert 1 / (1 + math.exp(-logit)) == pytest.approx(rate)


@given(rows, weights)
def test_rows_that_all_weigh_alike_need_no_shift(found, weight):
    label, _ = columns(found)
    assert shift(label, np.full(len(label), weight)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("label", "weight"),
    [
        pytest.param([], [], id="no_row"),
        pytest.param([0, 0], [3, 4], id="no_event"),
        pytest.param([1, 1], [3, 4], id="nothing_but_events"),
        pytest.param([1, 0], [0, 1], id="events_without_weight"),
        pytest.param([1, 0], [1, 0], id="others_without_weight"),
    ],
)
def test_where_a_rate_cannot_be_said_nothing_is_shifted(label, weight):
    assert shift(np.array(label, dtype=float), np.array(weight, dtype=float)) == 0
