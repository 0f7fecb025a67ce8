"""Platt's line: what is honest stays, the rest is mended, few events change little."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.core.platt import Line, fitted, log_loss, probability


def drawn(count=20_000, *, seed=1, spread=2.0, middle=-2.0):
    rng = np.random.default_rng(seed)
    logit = middle + spread * rng.normal(size=count)
    return logit, (rng.random(count) < probability(logit)).astype(np.float64)


def test_a_line_that_was_bent_is_bent_back():
    logit, label = drawn()
    line = fitted(2 * logit + 1, label=label, weight=np.ones(len(label)))
    assert line.slope == pytest.approx(0.5, abs=0.03)
    assert line.shift == pytest.approx(-0.5, abs=0.06)


def test_honest_log_odds_stay_as_they_are():
    logit, label = drawn()
    line = fitted(logit, label=label, weight=np.ones(len(label)))
    assert (line.slope, line.shift) == pytest.approx((1, 0), abs=0.06)


def test_a_row_of_weight_ten_counts_as_ten_rows():
    logit, label = drawn(4000)
    is_kept = (label > 0) | (np.arange(4000) % 10 == 0)
    weight = np.where(label > 0, 1.0, 10.0)[is_kept]
    line = fitted(logit[is_kept], label=label[is_kept], weight=weight)
    assert line.slope == pytest.approx(1, abs=0.15)
    assert line.shift == pytest.approx(0, abs=0.25)


def test_few_events_leave_nearly_everything_as_it_is():
    logit = np.array([-3.0, -2.0, -1.0, 2.0])
    line = fitted(logit, label=np.array([0.0, 0, 1, 0]), weight=np.ones(4))
    assert 0.5 < line.slope < 1
    assert abs(line.shift) < 1


@pytest.mark.parametrize("label", [np.zeros(3), np.zeros(0)])
def test_without_an_event_nothing_changes(label):
    logit = np.linspace(-1, 1, len(label))
    line = fitted(logit, label=label, weight=np.ones(len(label)))
    assert line == Line(slope=1.0, shift=0.0)


def test_a_ranking_is_never_turned_around():
    logit, label = drawn()
    line = fitted(-logit, label=label, weight=np.ones(len(label)))
    assert line.slope == 0.1


@given(st.lists(st.tuples(st.floats(-800, 800), st.booleans()), min_size=1))
def test_whatever_was_said_the_line_is_finite_and_rises(rows):
    logit = np.array([value for value, _ in rows])
    label = np.array([float(happened) for _, happened in rows])
    line = fitted(logit, label=label, weight=np.ones(len(rows)))
    assert line.slope >= 0.1
    assert np.isfinite([line.slope, line.shift]).all()


def test_probabilities_of_huge_log_odds_are_0_and_1():
    assert probability(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


def test_the_log_loss_weighs_rows():
    loss = log_loss(
        np.array([0.0, -1e3]), label=np.array([1.0, 0.0]), weight=np.array([1.0, 3.0])
    )
    assert loss == pytest.approx(np.log(2) / 4)
