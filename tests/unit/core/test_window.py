"""The window: a grid of rows on which nothing moves but the newest."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.sample import Sample
from agent.core.window import UPTIME, Window

START = datetime(2026, 3, 4, tzinfo=UTC)
NAN = math.nan


def sample(seconds, /, **values):
    return Sample(
        at=START + timedelta(seconds=seconds),
        layout=tuple(values),
        values=np.array(list(values.values()), dtype=np.float32),
    )


def column(window, name, count=None):
    count = window.capacity if count is None else count
    return window.rows(count)[:, window.columns[name]].tolist()


def test_a_span_is_one_row_more_than_its_intervals():
    window = Window(interval_s=10.0, span_s=60.0)
    assert window.capacity == 7
    assert [window.count(s) for s in (1.0, 10.0, 60.0)] == [1, 1, 6]


def test_a_slot_and_its_instant_count_from_the_origin():
    origin_s = START.timestamp() + 3.0
    window = Window(interval_s=10.0, span_s=60.0, origin_s=origin_s)
    assert window.slot_of(START + timedelta(seconds=24)) == 2
    assert window.instant_of(2) == START + timedelta(seconds=23)


def test_rows_are_oldest_first_and_begin_with_gaps():
    window = Window(interval_s=10.0, span_s=30.0)
    window.append(sample(0, x=1))
    window.append(sample(10, x=2))
    np.testing.assert_array_equal(column(window, "x"), [NAN, NAN, 1, 2])
    assert window.rows(2, back=1)[:, 0].tolist()[-1] == 1.0
    assert window.rows(1).dtype == np.float32


def test_a_line_is_read_once_for_all_until_the_next_row_comes():
    window = Window(interval_s=10.0, span_s=30.0)
    for second, x in ((0, 1), (20, 2), (30, 3)):
        window.append(sample(second, x=x))
    line = window.line(0, count=3)
    assert (line.x.dtype, line.x.tolist()[1:], line.unbroken) == (float, [2, 3], 2)
    assert window.line(0, count=2) is line
    assert window.line(0, count=4).x.tolist()[0] == 1
    window.append(sample(30, x=4))
    assert window.line(0, count=1).x.tolist() == [4]
    window.clear()
    assert window.line(0, count=1).unbroken == 0


def test_a_missed_slot_is_a_gap():
    window = Window(interval_s=10.0, span_s=40.0)
    window.append(sample(0, x=1))
    window.append(sample(29, x=2))  # three slots on, rounded
    np.testing.assert_array_equal(column(window, "x", 4), [1, NAN, NAN, 2])


def test_the_second_sample_of_a_slot_takes_the_place_of_the_first():
    window = Window(interval_s=10.0, span_s=20.0)
    window.append(sample(0, x=1, y=1))
    window.append(sample(4, x=2))
    np.testing.assert_array_equal(column(window, "x"), [NAN, NAN, 2])
    np.testing.assert_array_equal(column(window, "y"), [NAN, NAN, NAN])


def test_a_clock_that_went_back_empties_the_window():
    window = Window(interval_s=10.0, span_s=20.0)
    window.append(sample(100, x=1))
    window.append(sample(50, x=2))
    np.testing.assert_array_equal(column(window, "x"), [NAN, NAN, 2])
    assert window.slot == window.slot_of(START + timedelta(seconds=50))


def test_an_advance_is_a_row_of_gaps():
    window = Window(interval_s=10.0, span_s=20.0)
    window.append(sample(0, x=1))
    window.advance(window.slot + 1)
    np.testing.assert_array_equal(column(window, "x"), [NAN, 1, NAN])


def test_a_leap_far_ahead_costs_no_more_than_the_window():
    window = Window(interval_s=10.0, span_s=20.0)
    window.append(sample(0, x=1))
    window.append(sample(10**9, x=2))
    np.testing.assert_array_equal(column(window, "x"), [NAN, NAN, 2])


def test_more_than_is_kept_cannot_be_read():
    window = Window(interval_s=10.0, span_s=20.0)
    with pytest.raises(ValueError, match="last 3, got 3 that end 1 before the newest"):
        window.rows(3, back=1)


def test_what_is_not_yet_cannot_be_read():
    window = Window(interval_s=10.0, span_s=20.0)
    with pytest.raises(ValueError, match="got 1 that end -1 before the newest"):
        window.rows(1, back=-1)


def test_a_new_series_is_a_column_and_a_revision():
    window = Window(interval_s=10.0, span_s=20.0)
    window.append(sample(0, x=1))
    before = window.revision
    window.append(sample(10, x=2))
    assert window.revision == before
    window.append(sample(20, y=3))
    assert window.revision > before
    np.testing.assert_array_equal(column(window, "x"), [1, 2, NAN])
    np.testing.assert_array_equal(column(window, "y"), [NAN, NAN, 3])


def test_devices_that_went_are_forgotten_when_room_is_needed():
    window = Window(interval_s=10.0, span_s=20.0)
    for step in range(200):
        gone = {f"gone.{step}.{i}": float(i) for i in range(5)}
        window.append(sample(10 * step, **gone, stays=step))
    assert column(window, "stays") == [197.0, 198.0, 199.0]
    assert len(window.columns) < 80
    assert column(window, "gone.199.3", 1) == [3.0]


def test_only_what_is_wanted_has_a_column():
    window = Window(interval_s=10.0, span_s=20.0, keeps=lambda name: name < "c")
    window.append(sample(0, d=4, b=2, c=3, a=1))
    assert set(window.columns) == {"a", "b"}
    revision = window.revision
    window.append(sample(10, e=5, a=6))
    window.append(sample(20, e=7))
    assert window.revision == revision
    np.testing.assert_array_equal(column(window, "a"), [1, 6, NAN])
    np.testing.assert_array_equal(column(window, "b"), [2, NAN, NAN])


def test_a_cleared_window_knows_its_columns_and_nothing_else():
    window = Window(interval_s=10.0, span_s=20.0)
    window.append(sample(100, x=1, y=2))
    before = dict(window.columns), window.revision
    window.clear()
    assert window.slot is None
    assert (window.columns, window.revision) == before
    np.testing.assert_array_equal(column(window, "x"), [NAN, NAN, NAN])
    window.append(sample(0, y=3))
    assert window.slot == window.slot_of(START)
    np.testing.assert_array_equal(column(window, "y"), [NAN, NAN, 3])


def test_the_uptime_tells_when_the_host_booted():
    window = Window(interval_s=10.0, span_s=20.0)
    for seconds, values in enumerate([{"x": 1}, {UPTIME: NAN}]):
        window.note_boot(sample(seconds, **values))
    assert window.boots_s == []
    window.note_boot(sample(60, **{UPTIME: 50}))
    assert window.boots_s == [START.timestamp() + 10]
    window.note_boot(sample(70, x=1))
    assert window.boots_s == [START.timestamp() + 10]
    window.note_boot(sample(80, x=1, **{UPTIME: 5}))
    assert window.boots_s == [START.timestamp() + 10, START.timestamp() + 75]
    assert UPTIME not in window.columns  # noted, not taken in


@given(st.floats(0.1, 1000), st.floats(0, 1e6), st.integers(-(10**6), 10**6))
def test_an_instant_of_a_slot_lies_in_that_slot(interval_s, origin_s, slot):
    window = Window(interval_s=interval_s, span_s=60.0, origin_s=origin_s)
    assert window.slot_of(window.instant_of(slot)) == slot


steps = st.lists(
    st.tuples(st.integers(-2, 7), st.sampled_from(["x", "y", "z"]), st.integers(0, 9)),
    max_size=60,
)


@settings(deadline=None, max_examples=100)
@given(steps)
def test_it_is_a_list_of_which_only_the_end_is_kept(taken):
    window = Window(interval_s=10.0, span_s=40.0)
    now = 0
    rows = [{}] * window.capacity  # the same, as plainly as can be
    first = True
    for ahead, name, value in taken:
        now += ahead
        if ahead < 0 and not first:
            rows = [{}] * window.capacity
        elif ahead == 0 and not first:
            rows = rows[:-1]
        missed = [] if first or ahead < 0 else [{}] * (ahead - 1)
        rows = [*rows, *missed, {name: value}]
        window.append(sample(10 * now, **{name: value}))
        first = False
        for known in window.columns:
            expected = [row.get(known, NAN) for row in rows[-window.capacity :]]
            np.testing.assert_array_equal(column(window, known), expected)


def test_layouts_that_come_and_go_are_not_kept_for_ever():
    window = Window(interval_s=10, span_s=60, keeps=lambda name: name == "a")
    for number in range(200):
        at = datetime.fromtimestamp(10 * number, UTC)
        values = np.array([number, 0], dtype=np.float32)
        layout = ("a", f"gone{number}")
        window.append(Sample(at=at, layout=layout, values=values))
    assert len(window._places) <= 64
    assert window.rows(1)[0, window.columns["a"]] == 199
