"""The outcome: what the samples after a moment say, and what they cannot say."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.moment import Moment, Outcome, OutcomeKind, Void
from agent.core.outcome import is_covered, read_event, read_value
from agent.core.sample import Sample
from agent.core.series import parse_series
from agent.core.target import EventTarget, ValueMeaning, parse_condition
from agent.core.window import Window

START = datetime(2026, 3, 4, tzinfo=UTC)
NOW = START + timedelta(days=1)
STEP_S = 10.0
LOW, HIGH, GAP = 0.5, 1.0, math.nan
HAPPENED, DID_NOT, VOID = OutcomeKind.HAPPENED, OutcomeKind.DID_NOT, OutcomeKind.VOID


def instant(seconds):
    return START + timedelta(seconds=seconds)


def lived(values, *, capacity=100, interval_s=STEP_S, series="x"):
    """Return a window that took in one sample a step, the first at `START`."""
    window = Window(
        interval_s=interval_s,
        span_s=(capacity - 1) * interval_s,
        origin_s=START.timestamp(),
    )
    for slot, value in enumerate(values):
        window.append(
            Sample(
                at=window.instant_of(slot),
                layout=(series,),
                values=np.array([value], dtype=np.float32),
            )
        )
    return window


def moment(at_s=0.0, *, within_s=50.0, entity="", limit=0.9, origin=LOW):
    return Moment(
        id=1,
        task="task",
        entity=entity,
        at=instant(at_s),
        due_at=instant(at_s + within_s),
        limit=limit,
        origin=origin,
        state=0,
        features=np.zeros(0, dtype=np.float32),
        predictions=(),
    )


def target(*, sustained_s=0.0, onset=True, series="x"):
    return EventTarget(
        series=parse_series(series),
        condition=parse_condition("> 0.9"),
        sustained_s=sustained_s,
        within_s=50.0,
        onset=onset,
    )


def read(values, *, of=None, what=None, min_coverage=0.8, **window):
    """Return what came of a moment of which these are the samples."""
    return read_event(
        moment() if of is None else of,
        target=target() if what is None else what,
        window=values if isinstance(values, Window) else lived(values, **window),
        min_coverage=min_coverage,
        now=NOW,
    )


def came(outcome):
    """Return how many seconds after `START` it happened, or why not."""
    assert outcome.resolved_at == NOW
    if outcome.happened_at is None:
        return outcome.void or outcome.kind
    assert outcome.kind is HAPPENED
    return (outcome.happened_at - START).total_seconds()


# What decides.


@pytest.mark.parametrize(
    ("high_at_s", "expected"),
    [
        pytest.param(0, DID_NOT, id="at_the_moment"),
        pytest.param(10, 10, id="at_the_first_sample_after_it"),
        pytest.param(50, 50, id="at_its_due"),
        pytest.param(60, DID_NOT, id="at_the_first_sample_after_its_due"),
    ],
)
def test_the_samples_after_the_moment_up_to_its_due_decide(high_at_s, expected):
    values = [HIGH if 10 * slot == high_at_s else LOW for slot in range(8)]
    assert came(read(values)) == expected


@pytest.mark.parametrize(
    ("within_s", "expected"),
    [(50, 50), (59.9, 50), (49.9, DID_NOT), (50.000001, 50), (49.999999, 50)],
)
def test_a_horizon_between_two_samples_ends_with_the_one_within(within_s, expected):
    values = [LOW] * 5 + [HIGH] * 5
    assert came(read(values, of=moment(within_s=within_s))) == expected


def test_a_moment_beside_the_grid_has_as_many_samples_as_its_horizon():
    for late_s in (-4.9, 4.9):
        outcome = read([LOW] * 5 + [HIGH], of=moment(late_s))
        assert came(outcome) == 50
        assert came(read([LOW] * 6 + [HIGH], of=moment(late_s))) is DID_NOT


def test_no_sample_is_waited_for_beyond_the_slot_that_due_rounds_to():
    # Six steps but for a microsecond, from half between two slots.
    of = moment(5, within_s=59.999999)
    assert came(read([LOW] * 7, of=of, min_coverage=1.0)) is DID_NOT


@pytest.mark.parametrize(
    ("sustained_s", "samples"),
    [
        # ADR 7: 30 s are three points of a 10 s grid, as in a range of 30 s.
        (30.0, 3),
        (0.0, 1),
        (10.0, 1),
        # Two points stand for 20 s: not long enough.
        (25.0, 3),
        (21.0, 3),
        # What is measured is off by a rounding.
        (30.000001, 3),
    ],
)
def test_it_must_hold_for_as_many_samples_as_cover_the_span(sustained_s, samples):
    what = target(sustained_s=sustained_s)
    for held in range(5):
        values = [LOW, LOW] + [HIGH] * held + [LOW] * (4 - held)
        expected = 10 * (1 + samples) if held >= samples else DID_NOT
        assert came(read(values, what=what)) == expected


def test_it_happens_when_it_has_held_for_long_enough_for_the_first_time():
    values = [LOW, HIGH, LOW, HIGH, HIGH, HIGH]
    assert came(read(values, what=target(sustained_s=20))) == 40


@pytest.mark.parametrize(("onset", "expected"), [(True, 30), (False, 10)])
def test_a_run_may_begin_before_the_moment_unless_its_onset_is_asked(onset, expected):
    values = [HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH]
    what = target(sustained_s=30, onset=onset)
    outcome = read(values, of=moment(20), what=what)
    assert came(outcome) == 20 + expected


def test_a_run_that_ended_at_the_moment_is_past():
    values = [HIGH, HIGH, HIGH, LOW, LOW, LOW, LOW, LOW]
    what = target(sustained_s=30, onset=False)
    assert came(read(values, of=moment(20), what=what)) is DID_NOT


def test_a_gap_breaks_a_run():
    values = [LOW, HIGH, HIGH, GAP, HIGH, HIGH]
    assert came(read(values, what=target(sustained_s=30))) is DID_NOT
    assert came(read(values, what=target(sustained_s=20))) == 20


def test_the_limit_is_the_one_that_was_frozen():
    values = [LOW] * 6
    assert came(read(values, of=moment(limit=0.4))) == 10
    assert came(read(values, of=moment(limit=0.5))) is DID_NOT
    assert came(read(values, of=moment(limit=None))) is DID_NOT


def test_the_entity_names_the_series():
    what = target(series='x{device="$entity"}')
    window = lived([LOW] + [HIGH] * 5, series='x{device="sda"}')
    assert came(read(window, of=moment(entity="sda"), what=what)) == 10
    assert came(read(window, of=moment(entity="sdb"), what=what)) is Void.GAP


# What is missing.


@pytest.mark.parametrize(
    ("missing", "expected"), [(0, DID_NOT), (1, DID_NOT), (2, Void.GAP), (5, Void.GAP)]
)
def test_too_few_samples_and_nothing_is_known(missing, expected):
    values = [LOW] * (6 - missing) + [GAP] * missing
    assert came(read(values, min_coverage=0.8)) == expected


def test_a_share_is_compared_without_its_rounding():
    # 0.55 * 100 is 55.00000000000001.
    values = [LOW] * 56 + [GAP] * 45
    of = moment(within_s=1000)
    assert came(read(values, of=of, min_coverage=0.55, capacity=200)) is DID_NOT


def test_a_gap_at_the_moment_or_after_its_due_is_nothing_missed():
    assert came(read([GAP, *[LOW] * 5, GAP, GAP], min_coverage=1.0)) is DID_NOT


@pytest.mark.parametrize("values", [[LOW] + [GAP] * 5, []])
def test_what_was_never_seen_is_not_known_whatever_the_coverage(values):
    assert came(read(values, min_coverage=0.0)) is Void.GAP


def test_a_horizon_without_a_sample_tells_nothing():
    outcome = read([LOW, HIGH], of=moment(within_s=5), min_coverage=0.0)
    assert came(outcome) is Void.GAP


def test_what_was_seen_happening_happened_whatever_is_missing_beside_it():
    window = lived([LOW, GAP, HIGH, GAP, GAP, GAP])
    window.boots_s = [instant(40).timestamp()]
    assert came(read(window, min_coverage=1.0)) == 20


@pytest.mark.parametrize(
    ("booted_s", "expected"),
    [
        pytest.param(-3600, DID_NOT, id="long_before"),
        pytest.param(5, DID_NOT, id="within_half_a_step_of_the_moment"),
        pytest.param(5.1, Void.REBOOT, id="after_the_moment"),
        pytest.param(50, Void.REBOOT, id="when_due"),
        pytest.param(50.1, DID_NOT, id="after_its_due"),
    ],
)
def test_a_host_that_started_anew_meanwhile_tells_nothing(booted_s, expected):
    window = lived([LOW] * 8)
    window.boots_s = [instant(booted_s).timestamp()]
    assert came(read(window)) == expected


def test_a_reboot_is_the_reason_for_the_gap_that_it_makes():
    window = lived([LOW, GAP, GAP, GAP, GAP, LOW])
    window.boots_s = [instant(45).timestamp()]
    assert came(read(window)) is Void.REBOOT


# Whether the opposite would have been seen.


def covered(values, *, of=None, what=None, min_coverage=0.8, boots=(), **window):
    seen = lived(values, **window)
    seen.boots_s = [instant(boot).timestamp() for boot in boots]
    return is_covered(
        moment() if of is None else of,
        target=target() if what is None else what,
        window=seen,
        min_coverage=min_coverage,
    )


@pytest.mark.parametrize(("missing", "expected"), [(0, True), (1, True), (2, False)])
def test_an_event_beside_gaps_is_not_covered(missing, expected):
    values = [LOW, HIGH] + [GAP] * missing + [HIGH] * (4 - missing)
    assert came(read(values)) == 10
    assert covered(values) is expected


@pytest.mark.parametrize(("booted_s", "expected"), [(-3600, True), (40, False)])
def test_an_event_before_a_reboot_is_not_covered(booted_s, expected):
    assert covered([LOW, HIGH, *[LOW] * 4], boots=[booted_s]) is expected


def test_a_series_of_another_entity_covers_nothing():
    what = target(series='x{device="$entity"}')
    other = {"of": moment(entity="sdb"), "what": what, "series": 'x{device="sda"}'}
    assert not covered([LOW] * 6, min_coverage=0.0, **other)


@settings(deadline=None, max_examples=200)
@given(
    values=st.lists(st.sampled_from([LOW, HIGH, GAP]), min_size=6, max_size=12),
    sustained_s=st.sampled_from([0.0, 10.0, 30.0]),
    onset=st.booleans(),
    min_coverage=st.sampled_from([0.0, 0.5, 0.8, 1.0]),
    boots=st.lists(st.integers(-20, 80), max_size=2),
)
def test_it_is_covered_where_the_same_samples_below_the_limit_say_that_it_did_not(
    values, sustained_s, onset, min_coverage, boots
):
    what = target(sustained_s=sustained_s, onset=onset)
    calm = lived([LOW if value == HIGH else value for value in values])
    calm.boots_s = [instant(boot).timestamp() for boot in boots]
    outcome = read(calm, what=what, min_coverage=min_coverage)
    found = covered(values, what=what, min_coverage=min_coverage, boots=boots)
    assert found == (outcome.kind is DID_NOT)


# Read later than when due.


def test_what_comes_after_its_due_changes_nothing():
    late = [LOW, LOW, HIGH, LOW, LOW, LOW]
    for more in range(20):
        assert came(read([*late, *[HIGH] * more])) == 20
        assert came(read([*[LOW] * 6, *[HIGH] * more])) is DID_NOT


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        pytest.param(1, 10, id="reaches_it"),
        pytest.param(2, DID_NOT, id="lost_one_of_five"),
        pytest.param(3, Void.GAP, id="lost_two_of_five"),
        pytest.param(6, Void.GAP, id="lost_all"),
        pytest.param(60, Void.GAP, id="lost_all_long_ago"),
    ],
)
def test_what_the_window_no_longer_holds_is_a_gap(later, expected):
    values = [LOW, HIGH, *[LOW] * 4, *[LOW] * later]
    assert came(read(values, capacity=6)) == expected


def test_a_window_shorter_than_the_horizon_makes_a_gap_of_the_rest():
    assert came(read([LOW] * 6, capacity=3)) is Void.GAP
    assert came(read([LOW] * 6, capacity=3, min_coverage=0.6)) is DID_NOT


# The same, sample by sample.


def plainly(holds, *, at, steps, run, onset, min_coverage):
    """Return the slot at which it happened, or why not; `holds` by slot."""
    for slot in range(at + 1, at + steps + 1):
        first = slot - run + 1
        may_begin = first > at or not onset
        if may_begin and all(holds.get(s) is True for s in range(first, slot + 1)):
            return 10 * slot
    present = sum(holds.get(s) is not None for s in range(at + 1, at + steps + 1))
    enough = present >= max(1, math.ceil(round(min_coverage * steps, 9)))
    return DID_NOT if enough else Void.GAP


@settings(deadline=None, max_examples=300)
@given(
    held=st.lists(st.sampled_from([True, True, False, None]), min_size=2, max_size=24),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    run=st.integers(1, 4),
    onset=st.booleans(),
    min_coverage=st.sampled_from([0.0, 0.3, 0.8, 1.0]),
    capacity=st.integers(2, 30),
)
def test_an_event_is_what_a_plain_loop_makes_of_it(
    held, place, run, onset, min_coverage, capacity
):
    newest = len(held) - 1
    at = int(place[0] * (newest - 1))
    steps = 1 + int(place[1] * (newest - at - 1))
    value = {True: HIGH, False: LOW, None: GAP}
    window = lived([value[h] for h in held], capacity=capacity)
    kept = {s: h for s, h in enumerate(held) if s > newest - window.capacity}
    outcome = read(
        window,
        of=moment(10 * at, within_s=10 * steps),
        what=target(sustained_s=10 * run, onset=onset),
        min_coverage=min_coverage,
    )
    assert came(outcome) == plainly(
        kept, at=at, steps=steps, run=run, onset=onset, min_coverage=min_coverage
    )


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([LOW, HIGH, GAP]), min_size=6, max_size=6))
def test_an_interval_that_is_off_by_a_rounding_changes_nothing(values):
    # The median step of a trace in Unix seconds with fractions.
    what = target(sustained_s=30, onset=False)
    expected = read(values, what=what)
    got = read(values, what=what, interval_s=9.99999976)
    assert got.kind is expected.kind
    assert (got.happened_at is None) == (expected.happened_at is None)


# Values.


def value_of(value, *, meaning=ValueMeaning.LEVEL, booted_s=-3600, origin=LOW):
    window = lived([LOW] * 6)
    window.boots_s = [instant(booted_s).timestamp()]
    return read_value(
        moment(origin=origin, limit=None),
        meaning=meaning,
        value=value,
        window=window,
        now=NOW,
    )


@pytest.mark.parametrize(
    ("meaning", "expected"), [(ValueMeaning.LEVEL, 2.0), (ValueMeaning.CHANGE, 1.5)]
)
def test_a_value_is_the_level_or_the_change_since_the_moment(meaning, expected):
    outcome = value_of(np.float64(2.0), meaning=meaning)
    assert outcome == Outcome(kind=OutcomeKind.VALUE, resolved_at=NOW, value=expected)
    assert type(outcome.value) is float


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_finite_number_is_a_gap(value):
    for meaning in ValueMeaning:
        outcome = value_of(value, meaning=meaning)
        assert (outcome.kind, outcome.void) == (VOID, Void.GAP)


def test_a_change_since_a_gap_is_a_gap_and_a_level_is_not():
    change = value_of(2.0, meaning=ValueMeaning.CHANGE, origin=math.nan)
    assert change.void is Void.GAP
    assert value_of(2.0, origin=math.nan).value == 2.0


def test_a_value_after_a_reboot_is_that_of_another_life():
    outcome = value_of(2.0, booted_s=30)
    assert (outcome.kind, outcome.void, outcome.value) == (VOID, Void.REBOOT, None)


def test_a_second_reboot_does_not_hide_the_first():
    window = lived([LOW] * 8)
    window.boots_s = [instant(20).timestamp(), instant(60).timestamp()]
    assert came(read(window)) is Void.REBOOT
