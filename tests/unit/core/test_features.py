"""Expressions on a window: which rows, which columns, which shape comes out."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.expression import Function, parse
from agent.core.features import bind, entities_of
from agent.core.sample import Sample
from agent.core.series import Series, series
from agent.core.window import Window
from agent.errors import ExpressionError

START = datetime(2026, 3, 4, tzinfo=UTC)  # a Wednesday
NAN = math.nan
USED = 'used{disk="$entity"}'


def window_of(*readings, interval_s=10.0, span_s=600.0):
    """Return a window with one sample an interval, each a dict of column and value."""
    window = Window(interval_s=interval_s, span_s=span_s)
    for step, reading in enumerate(readings):
        take(window, step, reading, interval_s=interval_s)
    return window


def take(window, step, reading, *, interval_s=10.0):
    at = START + timedelta(seconds=step * interval_s)
    values = np.array(list(reading.values()), dtype=np.float32)
    window.append(Sample(at=at, layout=tuple(reading), values=values))


def used(*values):
    """Return a reading of the disks a, b, c, ..."""
    names = "abcdefghij"[: len(values)]
    return {
        f'used{{disk="{n}"}}': value for n, value in zip(names, values, strict=True)
    }


def bound(*spelled, window, entities=("",), min_coverage=0.8):
    return bind(
        [parse(s) for s in spelled],
        entities=entities,
        window=window,
        min_coverage=min_coverage,
    )


def test_a_row_an_entity_a_column_an_expression():
    window = window_of(used(1, 10), used(2, 20), used(6, 60))
    features = bound(
        f"avg_over_time({USED}[30s])",
        f"last_over_time({USED}[20s] offset 10s)",
        f"max_over_time({USED}[20s]) / sum_over_time({USED}[10s])",
        "3",
        window=window,
        entities=("b", "a"),
    )
    out = features.evaluate(at=START)
    assert (out.dtype, out.flags.c_contiguous) == (np.float32, True)
    np.testing.assert_array_equal(out, [[30, 20, 1, 3], [3, 2, 1, 3]])


def test_the_host_is_the_entity_without_a_name():
    window = window_of({"load": 1}, {"load": 3})
    features = bound("sum_over_time(load[20s]) - 1", window=window)
    assert features.evaluate(at=START).tolist() == [[3.0]]
    assert features.values(at=START).tolist() == [3.0]


def test_a_call_that_stands_twice_is_the_same_twice():
    window = window_of({"load": 1}, {"load": 3})
    spelled = "sum_over_time(load[20s]) / sum_over_time(load[20s])"
    assert bound(spelled, window=window).values(at=START).tolist() == [1.0]


def test_a_series_of_the_host_is_the_same_for_every_entity():
    window = window_of({"load": 2, **used(1, 5)})
    spelled = f"last_over_time(load[10s]) * last_over_time({USED}[10s])"
    features = bound(spelled, window=window, entities=("a", "b"))
    assert features.values(at=START).tolist() == [2.0, 10.0]


def test_what_is_not_there_is_nan_until_it_is():
    window = window_of(used(1))
    features = bound(f"last_over_time({USED}[10s])", window=window, entities=("b",))
    both = bound(f"last_over_time({USED}[10s])", window=window, entities=("a", "b"))
    assert np.isnan(features.values(at=START)).all()
    np.testing.assert_array_equal(both.values(at=START), [1, NAN])
    take(window, 1, used(3, 4))
    assert features.values(at=START).tolist() == [4.0]
    assert both.values(at=START).tolist() == [3.0, 4.0]


def test_columns_that_move_are_followed():
    window = window_of({"load": 1}, span_s=20.0)
    features = bound("last_over_time(load[10s])", window=window)
    assert features.values(at=START) == [1.0]
    # All that was there is forgotten but load, which comes to stand elsewhere.
    for step in range(1, 60):
        take(window, step, {f"gone.{step}.{i}": 0 for i in range(4)} | {"load": step})
        assert features.values(at=START) == [step]


def test_a_window_without_a_sample_knows_nothing():
    window = Window(interval_s=10.0, span_s=60.0)
    features = bound("last_over_time(x[1m])", "count_over_time(x[10s])", window=window)
    assert np.isnan(features.evaluate(at=START)).all()


def test_no_entity_is_no_row():
    features = bound(
        f"max_over_time({USED}[20s])", window=window_of(used(1)), entities=()
    )
    assert features.evaluate(at=START).shape == (0, 1)
    assert features.values(at=START).shape == (0,)


def test_a_gap_is_passed_over_while_coverage_lasts():
    window = window_of(used(1, 1), used(NAN, NAN), used(3, NAN), used(4, 4), used(5, 5))
    features = bound(
        f"avg_over_time({USED}[50s])",
        f"avg_over_time({USED}[20s])",
        f"avg_over_time({USED}[30s])",
        window=window,
        entities=("a", "b"),
    )
    np.testing.assert_array_equal(
        features.evaluate(at=START), [[3.25, 4.5, 4.0], [NAN, 4.5, NAN]]
    )


def test_each_expression_may_want_its_own_coverage():
    window = window_of({"load": NAN}, {"load": 3})
    features = bound(*["avg_over_time(load[20s])"] * 2, window=window)
    assert np.isnan(features.evaluate(at=START)).all()
    wants = bound(
        *["avg_over_time(load[20s])"] * 2, window=window, min_coverage=[0.5, 0.8]
    )
    np.testing.assert_array_equal(wants.evaluate(at=START), [[3.0, NAN]])


def test_an_old_gap_is_none_of_a_newer_range_nor_is_an_infinity_one():
    window = window_of({"load": NAN}, {"load": 1}, {"load": 3})
    spelled = ("avg_over_time(load[20s])", "count_over_time(load[30s])")
    features = bound(*spelled, window=window, min_coverage=0.5)
    assert features.evaluate(at=START).tolist() == [[2.0, 2.0]]
    window = window_of({"load": math.inf}, {"load": -math.inf}, {"load": 3})
    features = bound("last_over_time(load[30s])", spelled[1], window=window)
    assert features.evaluate(at=START).tolist() == [[3.0, 3.0]]


@pytest.mark.parametrize(
    "spelled",
    [
        "1 / 0",
        "0 / 0",
        "last_over_time(x[10s]) / 0",
        "1e300 * 1e300",
        "1 / (last_over_time(x[10s]) - 1)",
        "last_over_time(y[10s]) + 1",
        "0 * last_over_time(y[10s])",
        "$limit",
        "share_above(x[10s], $limit)",
    ],
)
def test_what_is_no_finite_number_is_nan(spelled):
    features = bound(spelled, window=window_of({"x": 1, "y": NAN}))
    assert np.isnan(features.evaluate(at=START)).all()
    assert np.isnan(features.values(at=START)).all()


def test_beyond_float32_is_nan_in_a_feature_only():
    features = bound("1e39", window=window_of())
    assert np.isnan(features.evaluate(at=START)).all()
    assert features.values(at=START) == [1e39]


def test_each_entity_has_its_own_limit():
    features = bound(
        f"share_above({USED}[20s], $limit)",
        f"last_over_time({USED}[10s]) - $limit",
        f"share_above({USED}[20s], 0)",
        window=window_of(used(1, 1), used(2, 2)),
        entities=("a", "b"),
    )
    out = features.evaluate(at=START, limit=np.array([0.5, 1.5]))
    np.testing.assert_array_equal(out, [[1, 1.5, 1], [0.5, 0.5, 1]])


@pytest.mark.parametrize(
    ("function", "at", "expected"),
    [
        ("hour_sin", datetime(2026, 3, 4, 6, tzinfo=UTC), 1.0),
        ("hour_cos", datetime(2026, 3, 4, 12, tzinfo=UTC), -1.0),
        ("hour_sin", datetime(2026, 3, 4, 1, 30, 36, tzinfo=UTC), 1.51),
        ("weekday_sin", datetime(2026, 3, 2, tzinfo=UTC), 0.0),
        ("weekday_cos", datetime(2026, 3, 2, tzinfo=UTC), 1.0),
        ("weekday_cos", datetime(2026, 3, 5, 12, tzinfo=UTC), -1.0),
    ],
)
def test_the_clock_on_a_circle(function, at, expected):
    features = bound(f"{function}()", window=window_of(), entities=("a", "b"))
    if expected == 1.51:
        expected = math.sin(2 * math.pi * 1.51 / 24)
    assert features.evaluate(at=at) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("spelled", "message"),
    [
        ("avg_over_time(x[7d])", "avg_over_time(x[7d]) reads back 7 d; this window"),
        ("deriv(x[5m] offset 6h)", "reads back 6 h 5 min; this window keeps 6 h"),
        ("1 + seasonal_share_above(x[7d], 1)", "reads back 7 d; this window keeps 6 h"),
        ("avg_over_time(x[3s] offset 5s)", "reads nothing: no sample lies in its"),
    ],
)
def test_what_the_window_cannot_hold_is_refused(spelled, message):
    window = Window(interval_s=10.0, span_s=6 * 3600.0)
    with pytest.raises(ExpressionError, match="reads") as raised:
        bound(spelled, window=window)
    assert message in str(raised.value)


def test_all_that_the_window_keeps_can_be_read():
    window = Window(interval_s=10.0, span_s=6 * 3600.0)
    bound("avg_over_time(x[6h])", "deriv(x[1h] offset 5h)", window=window)


def test_a_window_that_is_long_enough_knows_the_season():
    readings = [{"x": float(i % 24 == 0)} for i in range(49)]
    window = window_of(*readings, interval_s=3600.0, span_s=7 * 86400.0)
    seasonal = bound("seasonal_share_above(x[2d], 0)", window=window)
    plain = bound(
        "share_above(x[2d], 0)", "seasonal_share_above(x[2d], 0)", window=window
    )
    assert seasonal.values(at=START) == [1.0]
    assert plain.evaluate(at=START).tolist() == [[pytest.approx(2 / 48), 1.0]]


def test_one_value_is_of_one_expression():
    with pytest.raises(ValueError, match="too many values"):
        bound("1", "2", window=window_of()).values(at=START)


@pytest.mark.parametrize(
    ("template", "entities"),
    [
        (series("used", disk="$entity"), ("a", "b")),
        (series("io", disk="$entity", direction="read"), ("a",)),
        (series("none", disk="$entity"), ()),
        (Series("load"), ("",)),
    ],
)
def test_the_entities_of_a_template(template, entities):
    window = window_of(
        {
            "load": 1,
            'used{disk="b"}': 1,
            'used{disk="a"}': 1,
            'used_too{disk="c"}': 1,
            'io{direction="read",disk="a"}': 1,
            'io{direction="write",disk="d"}': 1,
        }
    )
    assert entities_of(template, window) == entities


NAMES = ("a", "b", "c", "e")
LIST = (
    f"last_over_time({USED}[30s])",
    f"avg_over_time({USED}[50s] offset 20s)",
    f"stddev_over_time({USED}[80s])",
    f"quantile_over_time(0.3, {USED}[80s])",
    f"predict_linear({USED}[80s], 60) - deriv({USED}[50s])",
    f"share_above({USED}[70s], $limit) * {Function.HOUR_COS}()",
)
cells = st.floats(-100, 100, width=32) | st.just(NAN)
tables = st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(tables)
def test_together_is_to_the_last_bit_what_one_by_one_is(table):
    window = window_of(*(used(*row) for row in table), span_s=100.0)
    limit = np.arange(4.0)
    together = bound(*LIST, window=window, entities=NAMES, min_coverage=0.5)
    out = together.evaluate(at=START, limit=limit)
    np.testing.assert_array_equal(out, together.evaluate(at=START, limit=limit))
    for i, name in enumerate(NAMES):
        for j, spelled in enumerate(LIST):
            one = bound(spelled, window=window, entities=(name,), min_coverage=0.5)
            alone = one.evaluate(at=START, limit=limit[i : i + 1])
            np.testing.assert_array_equal(alone, out[i : i + 1, j : j + 1])
