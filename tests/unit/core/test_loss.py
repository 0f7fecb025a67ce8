"""Losses: in [0, 1], and never worse for a bet than was said when it was placed."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.loss import (
    AbsoluteError,
    AlertCost,
    AnyLoss,
    LogLoss,
    Pinball,
    absolute_error,
    alert_cost,
    eps_for,
    log_loss,
    pinball,
    worst_case,
)

PROBABILITIES = st.floats(0, 1)
VALUES = st.floats(-1e6, 1e6)
MARGINS = st.sampled_from([-1 / 11, 0.0, 0.02, 0.1, 1.0])
LEVELS = (0.1, 0.5, 0.9)
LOSSES = [LogLoss(0.001), AlertCost(20.0), AbsoluteError(3.0), Pinball(LEVELS, 3.0)]


def test_log_loss_is_a_share_of_what_the_surest_mistake_costs():
    # Section 2.2 of the design: -ln(p if y else 1 - p) / -ln(eps), clipped.
    assert log_loss(0.1, True, 0.001) == pytest.approx(1 / 3)
    assert log_loss(0.9, False, 0.001) == pytest.approx(1 / 3)
    assert log_loss(0.0, True, 0.001) == log_loss(0.001, 1, 0.001) == 1.0
    assert log_loss(1.0, True, 0.001) == pytest.approx(
        -math.log(0.999) / 6.907755, rel=1e-6
    )


def test_the_worst_case_of_log_loss_by_hand():
    # y = 1: 1.1 * ln(.01) - ln(.1), y = 0: 1.1 * ln(.99) - ln(.9); by -ln(.001).
    if_true = (1.1 * math.log(100) - math.log(10)) / math.log(1000)
    assert worst_case(0.1, 0.01, 0.1, 0.001) == pytest.approx(if_true)


def test_a_bet_on_the_surer_model_cannot_lose_where_none_is_better_at_anything():
    assert worst_case(0.5, 0.5, 0.0, 0.001) == 0.0


@pytest.mark.parametrize(
    ("p", "y", "cost"),
    [
        pytest.param(1 / 21, True, 0.0, id="hit_at_the_threshold"),
        pytest.param(1 / 21, False, 0.05, id="false_alarm"),
        pytest.param(0.04, True, 1.0, id="miss"),
        pytest.param(0.04, False, 0.0, id="quiet"),
    ],
)
def test_a_miss_costs_one_and_a_false_alarm_a_share_of_it(p, y, cost):
    assert alert_cost(p, y, 20.0) == cost


def test_errors_are_shares_of_the_scale():
    assert absolute_error(4.0, 1.0, 12.0) == 0.25
    assert absolute_error(4.0, 100.0, 12.0) == 1.0
    # Levels 0.1, 0.5, 0.9 at 2, 4, 5 and outcome 3: 0.1 + 0.5 + 0.2 of a unit.
    assert pinball((2.0, 4.0, 5.0), 3.0, LEVELS, 2.0) == pytest.approx(0.8 / 2 / 3)


@pytest.mark.parametrize(
    ("rate", "eps"),
    [(None, 0.001), (0.0, 0.001), (0.05, 0.001), (0.01, 0.001), (0.002, 0.0002)],
)
def test_the_clip_is_a_tenth_of_a_rate_below_one_percent(rate, eps):
    assert eps_for(rate) == pytest.approx(eps)


@given(PROBABILITIES, PROBABILITIES, st.booleans(), MARGINS)
def test_no_probability_loses_more_than_its_worst_case(active, reference, y, margin):
    for loss in (LogLoss(0.001), AlertCost(20.0)):
        mine, other = loss.of((active,), y), loss.of((reference,), y)
        assert 0.0 <= mine <= 1.0
        assert (1 + margin) * other - mine <= loss.worst(
            (active,), (reference,), margin
        )


@given(
    st.tuples(VALUES, VALUES, VALUES),
    st.tuples(VALUES, VALUES, VALUES),
    VALUES,
    MARGINS,
)
def test_no_number_loses_more_than_its_worst_case(active, reference, outcome, margin):
    for loss in (AbsoluteError(3.0), Pinball(LEVELS, 3.0)):
        mine, other = loss.of(active, outcome), loss.of(reference, outcome)
        worst = loss.worst(active, reference, margin)
        assert 0.0 <= mine <= 1.0
        assert (1 + margin) * other - mine <= worst + 1e-9


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_found_again_as_it_was(loss):
    assert msgspec.json.decode(msgspec.json.encode(loss), type=AnyLoss) == loss


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: LogLoss(0.5), "eps: expected between 0 and 0.5, got 0.5"),
        (lambda: LogLoss(0.0), "eps: expected between 0 and 0.5, got 0.0"),
        (lambda: AlertCost(0.5), "k: expected at least 1, got 0.5"),
        (lambda: AbsoluteError(0.0), "scale: expected a finite distance above 0"),
        (lambda: Pinball((), 1.0), "levels: expected some in"),
        (lambda: Pinball((1.0,), 1.0), "levels: expected some in"),
        (lambda: Pinball((0.5,), math.inf), "scale: expected a finite distance"),
    ],
)
def test_a_loss_that_proves_nothing_is_refused(made, message):
    with pytest.raises(ValueError, match=message):
        made()


def test_a_forecast_with_another_number_of_quantiles_is_refused():
    with pytest.raises(ValueError, match="zip"):
        Pinball(LEVELS, 1.0).of((1.0,), 2.0)
