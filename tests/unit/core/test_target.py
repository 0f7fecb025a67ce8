"""The target: what a condition says, and how far a target reads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.expression import Number, parse
from agent.core.series import parse_series
from agent.core.target import (
    EventTarget,
    ValueMeaning,
    ValueTarget,
    parse_condition,
)
from agent.errors import ManifestError

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)


@pytest.mark.parametrize(
    ("text", "held", "is_upward"),
    [
        (">= 0.95", [False, True, True], True),
        ("> 0.95", [False, False, True], True),
        ("<= 0.95", [True, True, False], False),
        ("<0.95", [True, False, False], False),
    ],
)
def test_a_condition_compares_with_its_limit(text, held, is_upward):
    condition = parse_condition(text)
    values = np.array([0.9, 0.95, 1.0])
    assert condition.limit == Number(value=0.95)
    assert condition.holds(values, 0.95).tolist() == held
    assert condition.is_upward == is_upward


@given(st.sampled_from([">=", ">", "<=", "<"]), NUMBERS)
def test_a_gap_never_holds(symbol, limit):
    condition = parse_condition(f"{symbol} 0")
    assert not condition.holds(np.array([np.nan]), limit).any()
    assert not condition.holds(np.array([limit]), np.nan).any()


@given(NUMBERS, NUMBERS)
def test_a_condition_and_its_opposite_share_no_value(value, limit):
    values = np.array([value])
    for one, other in ((">=", "<"), (">", "<=")):
        here = parse_condition(f"{one} 0").holds(values, limit)
        there = parse_condition(f"{other} 0").holds(values, limit)
        assert (here != there).all()


def test_a_limit_may_be_relative_to_the_past():
    condition = parse_condition("> quantile_over_time(0.99, system.uptime[7d])")
    target = EventTarget(
        series=parse_series("system.uptime"),
        condition=condition,
        sustained_s=60,
        within_s=600,
        onset=True,
    )
    assert target.lookback_s == 7 * 86400
    assert target.horizon_s == 600


def test_an_event_reads_back_as_far_as_it_must_hold():
    target = EventTarget(
        series=parse_series("system.uptime"),
        condition=parse_condition("> 1"),
        sustained_s=90,
        within_s=600,
        onset=False,
    )
    assert target.lookback_s == 90


def test_a_value_reads_back_as_far_as_its_expression():
    target = ValueTarget(
        expression=parse("avg_over_time(system.uptime[5m] offset 10m)"),
        ahead_s=3600,
        quantiles=(0.5,),
        meaning=ValueMeaning.CHANGE,
    )
    assert target.lookback_s == 900
    assert target.horizon_s == 3600


@pytest.mark.parametrize("text", ["", "0.9", "= 0.9", "!= 1", "≥ 0.9"])
def test_a_condition_begins_with_a_comparison(text):
    with pytest.raises(ManifestError, match="expected one of >=, <=, >, < and a limit"):
        parse_condition(text)


@pytest.mark.parametrize("text", [">=", ">= system.uptime", "> 0.9 0.9", "=> 1"])
def test_a_condition_ends_with_an_expression(text):
    with pytest.raises(ManifestError):
        parse_condition(text)
