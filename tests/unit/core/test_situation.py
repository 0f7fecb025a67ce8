"""The situation: what target and baseline see of each entity, and what is frozen."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.baseline import State
from agent.core.expression import parse
from agent.core.sample import Sample
from agent.core.series import parse_series
from agent.core.situation import Sight, lookback_s
from agent.core.target import EventTarget, ValueMeaning, ValueTarget, parse_condition
from agent.core.window import Window

START = datetime(2026, 3, 4, tzinfo=UTC)
NAN = math.nan
# The last five minutes, as far back as the baseline's line at the least.
LINE = 30


def event(condition, *, series="x", within_s=300.0):
    return EventTarget(
        series=parse_series(series),
        condition=parse_condition(condition),
        sustained_s=0.0,
        within_s=within_s,
        onset=True,
    )


def value(expression):
    return ValueTarget(
        expression=parse(expression),
        ahead_s=600.0,
        quantiles=(0.5,),
        meaning=ValueMeaning.LEVEL,
    )


def lived(*columns, interval_s=10.0, layout=("x",)):
    """Return a window whose series took these values, one a step."""
    window = Window(interval_s=interval_s, span_s=7200.0)
    for slot, row in enumerate(zip(*columns, strict=True)):
        window.append(
            Sample(
                at=START + timedelta(seconds=interval_s * slot),
                layout=layout,
                values=np.array(row, dtype=np.float32),
            )
        )
    return window


def sight(target, window, *, entities=("",), min_coverage=0.8):
    return Sight(target, entities=entities, window=window, min_coverage=min_coverage)


def read(target, values):
    return sight(target, lived(values)).read(START)


# The target.


@pytest.mark.parametrize(
    ("condition", "holds"),
    [("< 0.9", False), ("> 0.9", False), ("<= 0.9", True), (">= 0.9", True)],
)
def test_a_sample_of_the_limit_is_neither_above_nor_below_it(condition, holds):
    # As float32 0.9 is 0.8999999762: below the limit that the manifest spells.
    seen = read(event(condition), [0.5] * LINE + [0.9])
    assert seen.holds.tolist() == [holds]
    assert seen.limits.tolist() == seen.values.tolist() == [float(np.float32(0.9))]


def test_the_limit_may_be_relative_to_the_past():
    target = event("> 2 * avg_over_time(x[30s])")
    seen = read(target, [1.0] * LINE + [1.0, 1.0, 4.0])
    assert seen.limits.tolist() == [4.0]
    assert seen.holds.tolist() == [False]
    seen = read(target, [1.0] * LINE + [0.5, 0.5, 5.0])
    assert seen.holds.tolist() == [True]


def test_a_limit_over_too_many_gaps_is_unknown_and_nothing_holds():
    seen = read(event("> avg_over_time(x[30s])"), [1.0] * LINE + [NAN, NAN, 4.0])
    assert np.isnan(seen.limits).all()
    assert seen.holds.tolist() == [False]
    assert seen.states == (State.UNKNOWN,)


def test_only_the_newest_sample_is_now():
    seen = read(event("> 0.9"), [1.0] * LINE + [NAN])
    assert np.isnan(seen.values).all()
    assert seen.holds.tolist() == [False]
    assert seen.states == (State.UNKNOWN,)


def test_now_is_one_sample_whatever_the_interval_is():
    # As the median of fractional Unix seconds: a hair below what it is spelled as.
    for interval_s in (9.99999976, 1 / 3, 13.3333333):
        window = lived([1.0] * LINE + [NAN, 2.0], interval_s=interval_s)
        seen = sight(event("> 0.9"), window).read(START)
        assert seen.values.tolist() == [2.0]


def test_each_entity_is_seen_by_itself():
    layout = ('x{device="a"}', 'x{device="b"}')
    window = lived([0.5] * LINE, [1.0] * LINE, layout=layout)
    target = event("> 0.9", series='x{device="$entity"}')
    seen = sight(target, window, entities=("b", "a", "gone")).read(START)
    np.testing.assert_array_equal(seen.values, [1.0, 0.5, NAN])
    assert seen.holds.tolist() == [True, False, False]
    assert seen.states == (State.HOLDS, State.FAR, State.UNKNOWN)
    assert seen.values.dtype == seen.limits.dtype == np.float64


def test_of_no_entity_nothing_is_seen():
    target = event("> 0.9", series='x{device="$entity"}')
    seen = sight(target, lived([0.5] * LINE), entities=()).read(START)
    assert (len(seen.values), len(seen.holds), seen.states) == (0, 0, ())


def test_of_a_value_there_is_no_limit_and_no_state():
    window = lived([1.0, 2.0, 6.0])
    seeing = sight(value("avg_over_time(x[30s])"), window)
    seen = seeing.read(START)
    assert seen.values.tolist() == seeing.values(START).tolist() == [3.0]
    assert np.isnan(seen.limits).all()
    assert seen.holds.tolist() == [False]
    assert seen.states == (State.UNKNOWN,)


def test_the_value_of_an_event_is_its_series_now():
    assert sight(event("> 0.9"), lived([1.0, 2.0])).values(START).tolist() == [2.0]


# The baseline's states.


def noisy(*, end, slope=0.0, noise=0.0):
    """Return a line through `end` now, of `slope` a step, every second point moved."""
    steps = np.arange(-LINE + 1, 1)
    moved = noise * np.where(steps % 2, -1.0, 1.0)
    return (end + slope * steps + moved - moved[-1]).tolist()


# Of an alternation by 1 the standard deviation is 1 and the line is flat; of a slope
# of 0.2 a step over 30 steps the deviation is 1.7, and the line gains 6 in 300 s.
STATES = [
    pytest.param({"end": 10.5}, State.HOLDS, id="holds"),
    pytest.param({"end": 9.0, "noise": 1.0}, State.NEAR, id="near"),
    pytest.param({"end": 6.0, "noise": 1.0}, State.MIDDLE, id="middle"),
    pytest.param({"end": 1.0, "noise": 1.0}, State.FAR, id="far"),
    pytest.param({"end": 9.0, "slope": 0.2}, State.CROSSES_NEAR, id="climbs_near"),
    pytest.param({"end": 5.0, "slope": 0.2}, State.CROSSES_MIDDLE, id="climbs_middle"),
    pytest.param(
        {"end": 5.0, "slope": 1.0}, State.CROSSES_NEAR, id="climbs_steeply_from_afar"
    ),
    pytest.param({"end": 2.0, "slope": 0.2}, State.MIDDLE, id="climbs_not_enough"),
    pytest.param({"end": 5.0, "slope": -0.2}, State.MIDDLE, id="falls"),
    pytest.param({"end": 9.0}, State.FAR, id="never_moved"),
    pytest.param({"end": 10.0}, State.CROSSES_NEAR, id="never_left_the_limit"),
]


@pytest.mark.parametrize(("past", "state"), STATES)
def test_upward_the_baseline_sees(past, state):
    assert read(event("> 10"), noisy(**past)).states == (state,)


@pytest.mark.parametrize(("past", "state"), STATES)
def test_downward_it_sees_the_same_in_a_mirror(past, state):
    mirrored = [-x for x in noisy(**past)]
    assert read(event("< -10"), mirrored).states == (state,)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-20, 20), min_size=LINE, max_size=LINE + 5))
def test_up_and_down_are_mirrors(values):
    upward = read(event(">= 10"), values)
    downward = read(event("<= -10"), [-x for x in values])
    assert upward.states == downward.states
    assert upward.holds.tolist() == downward.holds.tolist()


def test_a_line_far_below_the_limit_crosses_if_the_horizon_is_long_enough():
    window = lived([0.001 * step for step in range(400)])
    for within_s, state in ((600.0, State.FAR), (6 * 3600.0, State.CROSSES_FAR)):
        target = event("> 2.0", within_s=within_s)
        assert sight(target, window).read(START).states == (state,)


def test_with_half_of_the_past_the_baseline_sees_with_less_it_does_not():
    for missing, is_known in ((15, True), (16, False)):
        past = [NAN] * missing + noisy(end=9.0, noise=1.0)[missing:]
        (state,) = read(event("> 10"), past).states
        assert (state is not State.UNKNOWN) == is_known


# How far back.


@pytest.mark.parametrize(
    ("target", "seconds"),
    [
        pytest.param(event("> 1", within_s=60), 300, id="five_minutes_at_least"),
        pytest.param(event("> 1", within_s=1800), 1800, id="as_far_as_ahead"),
        pytest.param(event("> 1", within_s=86400), 3600, id="an_hour_at_most"),
        pytest.param(
            event("> max_over_time(x[3h])", within_s=60), 3 * 3600, id="of_the_limit"
        ),
        pytest.param(value("avg_over_time(x[2h])"), 7200, id="of_the_value"),
    ],
)
def test_it_reads_as_far_back_as(target, seconds):
    assert lookback_s(target) == seconds
    window = Window(interval_s=10.0, span_s=seconds)
    sight(target, window).read(START)  # and no further
