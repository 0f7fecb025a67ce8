"""Every over-time function against a plain reference, and worked examples.

The examples are worked by hand from the meaning that Prometheus documents under
"Functions", "Range Vector Selectors" and "Offset modifier".
"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.expression import CALENDAR, Function, parse
from agent.core.functions import reduction
from agent.core.points import Group, points, reach

FUNCTIONS = sorted(set(Function) - CALENDAR - {Function.SEASONAL_SHARE_ABOVE})
NAN = math.nan


# The reference. `aged` are (age in seconds, value) of the present points in the range,
# oldest first; `bounds` the ages at which the range starts and ends.


def average(values):
    return math.fsum(values) / len(values)


def deviation(values):
    mean = average(values)
    return math.sqrt(average([(v - mean) ** 2 for v in values]))


def quantile(values, q):
    ordered = sorted(values)
    rank = q * (len(ordered) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (rank - lower)


def line(aged):
    if len(aged) < 2:
        return NAN, NAN
    x = [-age for age, _ in aged]
    y = [value for _, value in aged]
    mx, my = average(x), average(y)
    rise = math.fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    slope = rise / math.fsum((a - mx) ** 2 for a in x)
    return slope, my - slope * mx


def extrapolated(aged, bounds):
    if len(aged) < 2:
        return NAN
    (oldest, first), (newest, last) = aged[0], aged[-1]
    between = (oldest - newest) / (len(aged) - 1)
    reached = oldest - newest
    for beyond in (bounds[0] - oldest, newest - bounds[1]):
        reached += between / 2 if beyond >= 1.1 * between else beyond
    return (last - first) * reached / (oldest - newest)


def reference(call, aged, limit):
    values = [value for _, value in aged]
    bounds = (call.offset_s + call.span_s, call.offset_s)
    argument = getattr(call.argument, "value", limit)
    computed = {
        Function.LAST: lambda: values[-1],
        Function.AVG: lambda: average(values),
        Function.MIN: lambda: min(values),
        Function.MAX: lambda: max(values),
        Function.SUM: lambda: math.fsum(values),
        Function.STDDEV: lambda: deviation(values),
        Function.COUNT: lambda: len(values),
        Function.QUANTILE: lambda: quantile(values, argument),
        Function.DERIV: lambda: line(aged)[0],
        Function.DELTA: lambda: extrapolated(aged, bounds),
        Function.CHANGES: lambda: sum(a != b for a, b in itertools.pairwise(values)),
        Function.PREDICT_LINEAR: lambda: line(aged)[1] + argument * line(aged)[0],
        Function.SHARE_ABOVE: lambda: average([float(v > argument) for v in values]),
    }
    return computed[call.function]()


def spelled(function, span, *, offset="0s", argument="$limit"):
    reading = f"x[{span}] offset {offset}"
    if function is Function.QUANTILE:
        return parse(f"quantile_over_time({argument}, {reading})")
    if function in (Function.PREDICT_LINEAR, Function.SHARE_ABOVE):
        return parse(f"{function}({reading}, {argument})")
    return parse(f"{function}({reading})")


def value_of(call, *columns, interval_s=10.0, min_coverage=0.0, limit=NAN):
    """Return what a call makes of columns whose last value is the newest slot's."""
    count, skipped = reach(call, interval_s=interval_s)
    read = np.array(columns, dtype=np.float64)
    newest = read.shape[1] - skipped
    x = read[:, newest - count : newest].T
    made = reduction(call, interval_s=interval_s, min_coverage=min_coverage)
    argument = limit if math.isnan(made.argument) else made.argument
    with np.errstate(all="ignore"):
        return made.of(points(x), argument)


LENGTH = 24
cells = st.one_of(
    st.floats(-1e6, 1e6, width=32).filter(lambda v: v == 0 or abs(v) > 1e-3),
    st.sampled_from([0.0, 1.0, 2.0]),
)
gaps = st.just(NAN)
whole_columns = st.lists(cells, min_size=LENGTH, max_size=LENGTH)
gapped_columns = st.lists(cells | gaps, min_size=LENGTH, max_size=LENGTH)


@st.composite
def situations(draw):
    interval_s = draw(st.sampled_from([1.0, 10.0, 60.0]))
    span_s = draw(st.integers(1, LENGTH // 2)) * interval_s - draw(
        st.sampled_from([0.0, 0.3])
    )
    offset_s = draw(st.integers(0, LENGTH // 2 - 1)) * interval_s
    columns = draw(
        st.lists(st.one_of(whole_columns, gapped_columns), min_size=1, max_size=3)
    )
    return interval_s, span_s, offset_s, columns


@pytest.mark.parametrize("function", FUNCTIONS)
@settings(deadline=None, max_examples=25)
@given(situation=situations(), min_coverage=st.sampled_from([0.0, 0.5, 0.8, 1.0]))
def test_a_function_means_what_its_reference_means(function, situation, min_coverage):
    interval_s, span_s, offset_s, columns = situation
    argument = {Function.QUANTILE: "0.7", Function.PREDICT_LINEAR: "90"}
    call = spelled(
        function,
        f"{span_s!r}s",
        offset=f"{offset_s!r}s",
        argument=argument.get(function, "1.5"),
    )
    found = value_of(call, *columns, interval_s=interval_s, min_coverage=min_coverage)
    for column, value in zip(columns, found, strict=True):
        ages = [(LENGTH - 1 - i) * interval_s for i in range(LENGTH)]
        reading = [
            (age, v)
            for age, v in zip(ages, column, strict=True)
            if offset_s <= age < offset_s + span_s
        ]
        aged = [(age, v) for age, v in reading if not math.isnan(v)]
        if not aged or len(aged) < math.ceil(min_coverage * len(reading)):
            expected = NAN
        else:
            expected = reference(call, aged, NAN)
        steepest = max((abs(v) for _, v in aged), default=0) * (1 + 90 / interval_s)
        assert value == pytest.approx(
            expected, rel=1e-9, abs=1e-11 * steepest * LENGTH, nan_ok=True
        )


def in_columns(x):
    """Return x with the points of each entity next to one another, as it is read."""
    return np.ascontiguousarray(x.T).T


@pytest.mark.parametrize("function", FUNCTIONS)
@settings(deadline=None, max_examples=15)
@given(
    columns=st.lists(st.one_of(whole_columns, gapped_columns), min_size=2, max_size=5)
)
def test_an_entity_among_others_is_to_the_last_bit_what_it_is_alone(function, columns):
    call = spelled(function, f"{LENGTH * 10}s", argument="0.3")
    made = reduction(call, interval_s=10.0, min_coverage=0.5)
    x = in_columns(np.array(columns).T)
    with np.errstate(all="ignore"):
        together = made.of(points(x), made.argument)
        alone = [
            made.of(points(x[:, [i]]), made.argument)[0] for i in range(x.shape[1])
        ]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("function", FUNCTIONS)
@settings(deadline=None, max_examples=15)
@given(columns=st.lists(whole_columns, min_size=1, max_size=3))
def test_the_way_for_gaps_comes_to_the_same_without_one(function, columns):
    call = spelled(function, f"{LENGTH * 10}s", argument="0.3")
    made = reduction(call, interval_s=10.0, min_coverage=0.8)
    x = in_columns(np.array(columns).T)
    everything = Group(np.arange(x.shape[1]), np.arange(LENGTH), x)
    direct = made.of(x, made.argument)
    np.testing.assert_array_equal(made.of([everything], made.argument), direct)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_present_is_nothing_known(function):
    call = spelled(function, "30s", argument="0.5")
    assert np.isnan(value_of(call, [NAN, NAN, NAN])).all()


@pytest.mark.parametrize("function", ["deriv", "delta", "predict_linear"])
def test_one_point_has_no_slope(function):
    call = spelled(Function(function), "30s", argument="60")
    assert np.isnan(value_of(call, [NAN, 4.0, NAN])).all()
    call = spelled(Function(function), "10s", argument="60")
    assert np.isnan(value_of(call, [4.0])).all()


@pytest.mark.parametrize("missing", [(), (1,), (0, 3)])
def test_a_constant_has_no_slope_and_no_spread_to_the_last_bit(missing):
    column = [NAN if i in missing else float(np.float32(0.1)) for i in range(7)]
    for function in (Function.DERIV, Function.STDDEV, Function.DELTA):
        assert value_of(spelled(function, "70s"), column) == [0.0]
    ahead = spelled(Function.PREDICT_LINEAR, "70s", argument="1e6")
    assert value_of(ahead, column) == [np.float32(0.1)]


@pytest.mark.parametrize(
    ("call", "column", "expected"),
    [
        pytest.param("quantile_over_time(0.75, x[20s])", [0, 1], 0.75, id="of-two"),
        pytest.param("quantile_over_time(0.8, x[30s])", [4, 0, 1], 2.8, id="uneven"),
        pytest.param("quantile_over_time(1, x[30s])", [4, NAN, 1], 4, id="the-top"),
        pytest.param("quantile_over_time(0, x[30s])", [4, 2, 1], 1, id="the-bottom"),
        # Mean 21/5, squares 17.64 + 14.44 + 14.44 + 4.84 + 1.44 over 5.
        pytest.param("stddev_over_time(x[50s])", [0, 8, 8, 2, 3], 3.2496154, id="std"),
        pytest.param("changes(x[60s])", [1, 1, 2, NAN, 2, 1], 2, id="across-a-gap"),
        pytest.param("changes(x[30s])", [NAN, NAN, 2], 0, id="first-is-no-change"),
        pytest.param("count_over_time(x[30s])", [1, NAN, 2], 2, id="count"),
        pytest.param("last_over_time(x[30s])", [1, 3, NAN], 3, id="newest-present"),
        # Left-open: the 7 at t - 20 s is out.
        pytest.param("sum_over_time(x[20s])", [7, 1, 2], 3, id="left-open"),
        pytest.param("sum_over_time(x[20s] offset 10s)", [7, 1, 2], 8, id="offset"),
        pytest.param("sum_over_time(x[21s])", [7, 1, 2], 10, id="a-second-longer"),
        # 30 in 30 s between the first and the last point, the range is 40 s.
        pytest.param("delta(x[40s])", [9, 0, 10, 20, 30], 40, id="to-the-start"),
        # Points 30 s apart, 20 s from the start: 1.1 * 15 is less, so half of 15 more.
        pytest.param("delta(x[50s])", [NAN, 0, 5, NAN, 30], 37.5, id="half-a-step"),
        pytest.param("deriv(x[30s])", [5, 10, 20, 30], 1.0, id="a-line"),
        pytest.param("deriv(x[50s])", [0, 10, NAN, NAN, 40], 1.0, id="a-broken-line"),
        # Least squares through (-20, 0) (-10, 0) (0, 3): 0.15 t + 2.5.
        pytest.param("deriv(x[30s])", [0, 0, 3], 0.15, id="least-squares"),
        pytest.param("predict_linear(x[30s], 60)", [0, 0, 3], 11.5, id="in-a-minute"),
        # "From now", whatever the offset: the line through 10 at -10 s goes to 20.
        pytest.param(
            "predict_linear(x[20s] offset 10s, 0)", [0, 10, 99], 20, id="from-now"
        ),
        pytest.param("share_above(x[40s], 1)", [0, 1, 2, 3], 0.5, id="strictly-above"),
        pytest.param("share_above(x[40s], 1)", [NAN, 1, 2, 3], 2 / 3, id="of-present"),
    ],
)
def test_a_worked_example(call, column, expected):
    assert value_of(parse(call), column) == pytest.approx([expected], rel=1e-7)


def test_prometheus_own_case_of_predict_linear():
    # promql/promqltest/testdata/functions.test: 5 min apart, at 50 min, an hour ahead.
    column = [0, 10, 20, 30, 40, 0, 10, 20, 30, 40, 50]
    call = parse("predict_linear(x[50m], 3600)")
    assert value_of(call, column, interval_s=300.0) == pytest.approx([70.0])


@pytest.mark.parametrize(
    ("present", "known"), [(8, True), (7, False)], ids=["enough", "too-few"]
)
def test_too_few_points_are_no_result(present, known):
    column = [1.0] * present + [NAN] * (10 - present)
    found = value_of(parse("avg_over_time(x[100s])"), column, min_coverage=0.8)
    assert np.isfinite(found).all() == known


def test_a_share_is_of_each_entitys_own_limit():
    call = parse("share_above(x[20s], $limit)")
    limits = np.array([0.0, 1.0, NAN, 0.0])
    columns = ([1, 2], [1, 2], [1, 2], [NAN, 2])
    np.testing.assert_array_equal(
        value_of(call, *columns, limit=limits), [1.0, 0.5, NAN, 1.0]
    )


def test_a_seasonal_share_is_of_this_time_of_day_only():
    # Every 10 min over two days: today's two points, then the three around each day
    # before, the oldest day only from its start on: 20 and 10 min before are too far.
    call = parse("seasonal_share_above(x[2d], 0)")
    made = reduction(call, interval_s=600.0, min_coverage=0.8)
    assert list(-made.times_s) == [
        *(172_200.0,),
        *(87_000.0, 86_400.0, 85_800.0),
        *(600.0, 0.0),
    ]
    x = np.array([[1.0], [1.0], [0.0], [0.0], [0.0], [1.0]])
    assert made.of(x, made.argument) == [0.5]


def test_infinities_are_no_gaps():
    x = np.array([[np.inf], [-np.inf], [2.0]])
    made = reduction(parse("max_over_time(x[30s])"), interval_s=10.0, min_coverage=1.0)
    with np.errstate(all="ignore"):
        (group,) = points(x)
        assert made.of(points(x), NAN) == [np.inf]
    assert list(group.rows) == [0, 1, 2]


def test_entities_that_lack_the_same_points_are_one_group():
    x = np.array([[1.0, NAN, 3.0, 4.0], [5.0, 6.0, 7.0, NAN]])
    grouped = [(list(g.entities), list(g.rows)) for g in points(x)]
    assert grouped == [([0, 2], [0, 1]), ([1], [1]), ([3], [0])]
