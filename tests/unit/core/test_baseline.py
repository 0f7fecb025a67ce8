"""The baseline: it starts from what hosts do, and learns what this one does."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.baseline import Baseline, Changes, Rates, State, state_of
from agent.core.expression import parse
from agent.core.moment import Moment, Outcome, OutcomeKind, Void
from agent.core.series import parse_series
from agent.core.target import EventTarget, ValueMeaning, ValueTarget, parse_condition

START = datetime(2026, 3, 4, tzinfo=UTC)
EVENT = EventTarget(
    series=parse_series("x"),
    condition=parse_condition("> 10"),
    sustained_s=0.0,
    within_s=600.0,
    onset=True,
)
FINITE = st.floats(-1e9, 1e9)


def value_target(meaning=ValueMeaning.LEVEL, quantiles=(0.1, 0.5, 0.9)):
    return ValueTarget(
        expression=parse("avg_over_time(x[1m])"),
        ahead_s=600.0,
        quantiles=quantiles,
        meaning=meaning,
    )


def moment(*, state=State.UNKNOWN, origin=0.0):
    return Moment(
        id=1,
        task="task",
        entity="",
        at=START,
        due_at=START + timedelta(minutes=10),
        limit=None,
        origin=origin,
        state=state,
        features=np.zeros(0, dtype=np.float32),
        predictions=(),
    )


def outcome(kind, value=None, void=None):
    return Outcome(kind=kind, resolved_at=START, value=value, void=void)


HAPPENED = outcome(OutcomeKind.HAPPENED)
DID_NOT = outcome(OutcomeKind.DID_NOT)
GAP = outcome(OutcomeKind.VOID, void=Void.GAP)


def came(value):
    return outcome(OutcomeKind.VALUE, value=value)


# What it sees.


@pytest.mark.parametrize(
    ("value", "line", "state"),
    [
        pytest.param(8.0, 9.0, State.NEAR, id="two_deviations_away"),
        pytest.param(7.9, 9.0, State.MIDDLE, id="a_little_more"),
        pytest.param(5.0, 9.0, State.MIDDLE, id="five_deviations_away"),
        pytest.param(4.9, 9.0, State.FAR, id="more_than_five"),
        pytest.param(8.0, 10.0, State.CROSSES_NEAR, id="near_and_there_at_the_horizon"),
        pytest.param(5.0, 10.0, State.CROSSES_MIDDLE, id="middle_and_there"),
        pytest.param(4.9, 99.0, State.CROSSES_FAR, id="far_and_beyond"),
        pytest.param(10.0, 9.0, State.NEAR, id="at_a_limit_that_does_not_hold_there"),
        pytest.param(math.nan, 9.0, State.UNKNOWN, id="no_sample_now"),
        pytest.param(8.0, math.nan, State.UNKNOWN, id="no_past"),
    ],
)
def test_a_state_is_seen_from_either_side(value, line, state):
    for sign in (1.0, -1.0):
        seen = state_of(
            value=sign * value,
            limit=sign * 10.0,
            line=sign * line,
            spread=1.0,
            upward=sign > 0,
            holds=False,
        )
        assert seen is state


def test_what_holds_holds_whatever_else_is_unknown():
    nothing = {"value": math.nan, "limit": math.nan, "line": math.nan}
    held = state_of(**nothing, spread=math.nan, upward=True, holds=True)
    unknown = state_of(**nothing, spread=math.nan, upward=True, holds=False)
    assert (held, unknown) == (State.HOLDS, State.UNKNOWN)


def test_without_a_limit_or_a_spread_nothing_is_near():
    seen = {"value": 9.0, "line": 9.0, "upward": True, "holds": False}
    assert state_of(**seen, limit=math.nan, spread=1.0) is State.UNKNOWN
    assert state_of(**seen, limit=10.0, spread=math.nan) is State.FAR


# Events.


@pytest.mark.parametrize(
    ("state", "prior"),
    [
        (State.HOLDS, 0.9),
        (State.CROSSES_NEAR, 0.5),
        (State.CROSSES_MIDDLE, 0.3),
        (State.CROSSES_FAR, 0.1),
        (State.NEAR, 0.1),
        (State.MIDDLE, 0.02),
        (State.FAR, 0.005),
        (State.UNKNOWN, 0.05),
    ],
)
def test_a_host_without_a_record_does_what_hosts_do(state, prior):
    assert Baseline(EVENT).predict(state=state, value=0.0) == (pytest.approx(prior),)


def test_a_prior_is_worth_ten_outcomes():
    # Laplace's rule with pseudo-counts: (happened + 10 * prior) / (resolved + 10).
    rates = Rates()
    rates.learn(State.CROSSES_NEAR, happened=True)
    assert rates.probability(State.CROSSES_NEAR) == (1 + 5) / (1 + 10)
    for _ in range(9):
        rates.learn(State.CROSSES_NEAR, happened=False)
    assert rates.probability(State.CROSSES_NEAR) == (1 + 5) / (10 + 10)


def test_each_state_comes_to_its_own_true_rate():
    rng = np.random.default_rng(1)
    truth = dict(zip(State, np.linspace(0.0, 1.0, len(State)), strict=True))
    baseline = Baseline(EVENT)
    for state, rate in truth.items():
        for happened in (rng.random(4000) < rate).tolist():
            baseline.learn(moment(state=state), HAPPENED if happened else DID_NOT)
    for state, rate in truth.items():
        (probability,) = baseline.predict(state=state, value=0.0)
        # Three standard errors at the most.
        assert probability == pytest.approx(rate, abs=3 * math.sqrt(0.25 / 4000))


def test_a_void_outcome_teaches_nothing():
    for target in (EVENT, value_target()):
        baseline = Baseline(target)
        before = baseline.record()
        baseline.learn(moment(), GAP)
        assert baseline.record() == before


EVENTS = st.lists(st.tuples(st.sampled_from(State), st.booleans()), max_size=30)


def taught(baseline, lessons):
    for state, happened in lessons:
        baseline.learn(moment(state=state), HAPPENED if happened else DID_NOT)
    return baseline


def said(baseline):
    return [baseline.predict(state=state, value=1.5) for state in State]


@settings(deadline=None, max_examples=50)
@given(EVENTS, EVENTS)
def test_from_its_record_a_baseline_of_events_goes_on_to_the_bit(before, after):
    whole = taught(Baseline(EVENT), before)
    again = Baseline(EVENT, record=whole.record())
    assert again.record() == whole.record()
    assert said(taught(again, after)) == said(taught(whole, after))
    assert again.record() == whole.record()


@settings(deadline=None, max_examples=50)
@given(EVENTS)
def test_it_is_always_a_probability_and_neither_sure_nor_dependent_on_order(lessons):
    forth = taught(Baseline(EVENT), lessons)
    back = taught(Baseline(EVENT), lessons[::-1])
    assert forth.record() == back.record()
    assert all(0 < probability < 1 for (probability,) in said(forth))


def test_the_rate_is_the_share_of_all_outcomes_that_happened_whatever_was_seen():
    baseline = Baseline(EVENT)
    assert baseline.rate is None
    taught(baseline, [(State.FAR, False)])
    assert baseline.rate == 0
    taught(baseline, [(State.NEAR, True), (State.FAR, False), (State.HOLDS, False)])
    assert baseline.rate == 1 / 4
    assert Baseline(EVENT, record=baseline.record()).rate == 1 / 4


def test_an_event_has_no_change_and_a_value_no_rate():
    event, value = Baseline(EVENT), Baseline(value_target())
    taught(event, [(State.FAR, True)] * 100)
    for number in range(100):
        value.learn(moment(), came(float(number)))
    assert (event.mean_change, value.rate) == (None, None)


# Values.


def test_by_how_much_a_value_changes_is_known_after_64_outcomes():
    baseline = Baseline(value_target())
    for _ in range(32):
        assert baseline.mean_change is None
        baseline.learn(moment(origin=10.0), came(12.0))  # 2 up
        assert baseline.mean_change is None
        baseline.learn(moment(origin=10.0), came(9.0))  # 1 down
    # The mean absolute error of persistence: (2 + 1) / 2.
    assert baseline.mean_change == pytest.approx(1.5)
    again = Baseline(value_target(), record=baseline.record())
    assert again.mean_change == baseline.mean_change


def test_a_value_that_never_moves_has_changed_by_nothing():
    baseline = Baseline(value_target())
    for _ in range(64):
        baseline.learn(moment(origin=5.0), came(5.0))
    assert baseline.mean_change == 0.0


def test_without_a_record_a_value_stays():
    assert Baseline(value_target()).predict(state=0, value=7.0) == (7.0, 7.0, 7.0)
    change = value_target(ValueMeaning.CHANGE)
    assert Baseline(change).predict(state=0, value=7.0) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("meaning", "came_to"),
    [(ValueMeaning.LEVEL, [101, 102, 103, 104]), (ValueMeaning.CHANGE, [1, 2, 3, 4])],
)
def test_its_quantiles_are_those_of_the_changes_that_came(meaning, came_to):
    baseline = Baseline(value_target(meaning, quantiles=(0.0, 0.5, 1.0)))
    for value in came_to:
        baseline.learn(moment(origin=100.0), came(float(value)))
    start = 0.0 if meaning is ValueMeaning.CHANGE else 7.0
    assert baseline.predict(state=0, value=7.0) == (start + 1, start + 2.5, start + 4)


def test_a_change_from_a_gap_teaches_nothing():
    level = Baseline(value_target())
    level.learn(moment(origin=math.nan), came(3.0))
    assert level.predict(state=0, value=7.0) == (7.0, 7.0, 7.0)
    change = Baseline(value_target(ValueMeaning.CHANGE))
    change.learn(moment(origin=math.nan), came(3.0))
    assert change.predict(state=0, value=7.0) == (3.0, 3.0, 3.0)


def test_an_outcome_of_the_other_kind_teaches_nothing():
    baseline = Baseline(value_target())
    baseline.learn(moment(), HAPPENED)
    assert baseline.record() == b"[]"


@settings(deadline=None, max_examples=100)
@given(st.lists(FINITE, min_size=1, max_size=40), st.floats(0, 1))
def test_a_quantile_is_that_of_numpy(changes, level):
    known = Changes()
    for change in changes:
        known.learn(change)
    expected = np.quantile(changes, level)
    assert known.quantile(level) == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert min(changes) <= known.quantile(level) + 1e-6
    assert known.quantile(level) <= max(changes) + 1e-6


@pytest.mark.parametrize("distinct", [3, 10**6])
def test_the_last_512_changes_count(distinct):
    changes = np.random.default_rng(2).integers(0, distinct, 2000).astype(float)
    known = Changes()
    for change in changes.tolist():
        known.learn(change)
    for level in (0.0, 0.01, 0.25, 0.5, 0.9, 1.0):
        expected = np.quantile(changes[-512:], level)
        assert known.quantile(level) == pytest.approx(expected)


@settings(deadline=None, max_examples=50)
@given(st.lists(FINITE, max_size=30), st.lists(FINITE, max_size=30))
def test_from_its_record_a_baseline_of_values_goes_on_to_the_bit(before, after):
    target = value_target()
    whole = Baseline(target)
    for change in before:
        whole.learn(moment(), came(change))
    again = Baseline(target, record=whole.record())
    for change in after:
        whole.learn(moment(), came(change))
        again.learn(moment(), came(change))
    assert again.record() == whole.record()
    assert said(again) == said(whole)


def test_a_record_that_is_full_goes_on_to_the_bit():
    whole = Changes()
    for change in np.random.default_rng(3).normal(size=600).tolist():
        whole.learn(change)
    again = Changes(whole.record())
    for change in (0.1, -5.0, 7.0):
        whole.learn(change)
        again.learn(change)
    assert again.record() == whole.record()
    levels = np.linspace(0, 1, 31).tolist()
    assert [again.quantile(x) for x in levels] == [whole.quantile(x) for x in levels]


# Records of what the task was before.


@pytest.mark.parametrize(
    "record",
    [b"null", b"[]", b"[1.5,2.5]", b"[[3,1]]", b"[[1,2,3]]", b'{"a":1}'],
)
def test_a_record_of_no_event_is_left_aside(record):
    assert said(Baseline(EVENT, record=record)) == said(Baseline(EVENT))


@pytest.mark.parametrize("record", [b"null", b"[]", Rates().record(), b'{"a":1}'])
def test_a_record_of_no_value_is_left_aside(record):
    baseline = Baseline(value_target(), record=record)
    assert baseline.predict(state=0, value=7.0) == (7.0, 7.0, 7.0)
