"""Roll-ups: what a minute's samples come to, when it is over, and after a restart."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.expression import parse
from agent.core.features import bind
from agent.core.rollup import Days, is_long
from agent.core.sample import Sample
from agent.core.window import Window

START = datetime(2026, 3, 4, tzinfo=UTC)
NAN = math.nan
HOURS_S = 10 * 3600.0


def sample(seconds, /, **values):
    return Sample(
        at=START + timedelta(seconds=seconds),
        layout=tuple(values),
        values=np.array(list(values.values()), dtype=np.float32),
    )


class Host:
    """A window that rolls up, and what it told."""

    def __init__(self, *, interval_s=10.0, days=None):
        self.told = []
        self.window = Window(
            interval_s=interval_s,
            span_s=60.0,
            origin_s=START.timestamp(),
            days=days or Days(span_s=HOURS_S),
            tell=self.told.append,
        )

    def lives(self, samples):
        for each in samples:
            self.window.append(each)
        return self

    def minutes(self, name="x", count=3, *, of="means"):
        grid = getattr(self.window.minutes, of)
        if name not in grid.columns:
            return None
        return grid.rows(count)[:, grid.columns[name]].tolist()

    def ends(self):
        """Return the minutes that were told, as numbers, with mean and maximum of x."""
        return [
            ((each.at - START) / timedelta(minutes=1), *each.means, *each.maxima)
            for each in self.told
        ]


def every(interval_s, values, *, first=0):
    return [
        sample(first + interval_s * step, x=value) for step, value in enumerate(values)
    ]


def test_a_minute_is_the_mean_and_the_maximum_of_its_samples():
    host = Host().lives(every(10, [1, 2, 3, 4, 5, 9], first=10))
    assert host.minutes()[-1] == 4.0
    assert host.minutes(of="maxima")[-1] == 9.0
    assert host.ends() == [(1, 4.0, 9.0)]


def test_a_minute_is_there_with_the_sample_at_its_end_and_not_before():
    host = Host().lives(every(10, [7, 1, 1, 1, 1, 1]))
    assert host.ends() == [(0, 7.0, 7.0)]  # of the sample at its end alone
    host.lives([sample(60, x=7)])
    assert host.ends()[1:] == [(1, 2.0, 7.0)]
    np.testing.assert_array_equal(host.minutes(), [NAN, 7, 2])


def test_what_is_missing_in_a_minute_is_passed_over():
    values = [sample(10, x=1, y=NAN), sample(30, x=NAN, y=NAN), sample(60, x=3, y=NAN)]
    host = Host().lives(values)
    assert host.minutes()[-1] == 2.0
    assert math.isnan(host.minutes("y")[-1])
    assert math.isnan(host.minutes("y", of="maxima")[-1])


def test_a_minute_without_a_sample_is_a_gap_and_is_not_told():
    host = Host().lives([sample(60, x=1), sample(240, x=4)])
    np.testing.assert_array_equal(host.minutes(count=4), [1, NAN, NAN, 4])
    assert [end for end, _, _ in host.ends()] == [1, 4]


def test_a_minute_whose_last_sample_was_missed_ends_with_the_next_one():
    host = Host().lives([sample(40, x=1), sample(50, x=3)])
    assert host.told == []
    host.lives([sample(70, x=9)])
    assert host.ends() == [(1, 2.0, 3.0)]


def test_a_minute_ends_with_time_though_nobody_measured():
    host = Host().lives([sample(50, x=3)])
    host.window.advance(host.window.slot_of(START + timedelta(seconds=130)))
    np.testing.assert_array_equal(host.minutes(), [NAN, 3, NAN])
    assert host.ends() == [(1, 3.0, 3.0)]


def test_the_second_sample_of_a_slot_counts_alone_unless_its_minute_is_over():
    host = Host().lives([sample(50, x=9), sample(51, x=3), sample(60, x=5)])
    host.lives([sample(61, x=99)])
    assert host.ends() == [(1, 4.0, 5.0)]
    assert host.minutes()[-1] == 4.0


def test_a_series_may_come_up_within_a_minute():
    host = Host().lives([sample(50, x=1), sample(60, y=2, x=3)])
    (told,) = host.told
    assert dict(zip(told.layout, told.means.tolist(), strict=True)) == {"x": 2, "y": 2}
    assert host.minutes("y")[-1] == 2.0


@pytest.mark.parametrize("interval_s", [1.0, 7.0, 25.0, 45.0])
def test_every_sample_belongs_to_the_minute_that_ends_with_or_after_it(interval_s):
    count = int(600 / interval_s)
    times = [interval_s * step for step in range(1, count + 1)]
    host = Host(interval_s=interval_s).lives(every(interval_s, times, first=interval_s))
    for end, mean, maximum in host.ends():
        members = [at for at in times if 60 * (end - 1) < at <= 60 * end]
        assert mean == pytest.approx(sum(members) / len(members))
        assert maximum == max(members)
    assert len(host.ends()) == times[-1] // 60


def test_only_what_is_wanted_is_kept_and_everything_is_told():
    days = Days(span_s=HOURS_S, means=lambda n: n == "x", maxima=lambda n: n == "y")
    host = Host(days=days).lives([sample(60, x=1, y=2)])
    assert (host.minutes("x")[-1], host.minutes("y")) == (1.0, None)
    assert (host.minutes("x", of="maxima"), host.minutes("y", of="maxima")[-1]) == (
        None,
        2.0,
    )
    assert host.told[0].layout == ("x", "y")


def test_a_clock_that_goes_back_empties_the_days():
    host = Host().lives(every(10, range(60)))
    host.lives([sample(120, x=5)])
    np.testing.assert_array_equal(host.minutes(), [NAN, NAN, 5])


@pytest.mark.parametrize("interval_s", [60.0, 59.9999998, 300.0])
def test_samples_a_minute_apart_or_more_are_the_points_themselves(interval_s):
    host = Host(interval_s=interval_s)
    assert host.window.minutes is None
    assert host.window.capacity == math.ceil(HOURS_S / interval_s) + 1
    host.lives([sample(0, x=1)])
    host.window.advance(1)
    host.window.clear()
    assert host.told == []


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        ("avg_over_time(x[6h])", False),
        ("avg_over_time(x[7h])", True),
        ("avg_over_time(x[5m] offset 6h)", True),
        ("hour_sin()", False),
    ],
)
def test_more_than_six_hours_back_is_long(spelled, expected):
    assert is_long(parse(spelled)) is expected


LONG = (
    "avg_over_time(x[7h])",
    "max_over_time(x[7h])",
    "min_over_time(x[8h])",
    "quantile_over_time(0.9, x[7h])",
    "share_above(x[7h] offset 20m, 0.5)",
    "predict_linear(x[7h], 600)",
    "last_over_time(x[1m] offset 6h)",
)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    gaps=st.sampled_from([0.0, 0.1, 0.9]),
    steps=st.integers(2_600, 2_700),
)
def test_long_calls_say_the_same_of_samples_and_of_what_a_minute_of_them_came_to(
    seed, gaps, steps
):
    generator = np.random.default_rng(seed)
    values = generator.random(steps)
    values[generator.random(steps) < gaps] = NAN
    fine = Host().lives(every(10, values))
    whole = fine.window.minutes.means.slot
    coarse = {
        of: Window(interval_s=60.0, span_s=HOURS_S, origin_s=START.timestamp())
        for of in ("means", "maxima")
    }
    for told in fine.told:
        for of, window in coarse.items():
            values = getattr(told, of)
            window.append(Sample(at=told.at, layout=told.layout, values=values))
    for window in coarse.values():
        window.advance(whole)

    def read(text, window):
        spelled = [parse(text)]
        bound = bind(spelled, entities=("",), window=window, min_coverage=0.5)
        return bound.evaluate(at=START)

    for text in LONG:
        of = "maxima" if text.startswith("max") else "means"
        np.testing.assert_array_equal(
            read(text, fine.window), read(text, coarse[of]), err_msg=text
        )


@settings(deadline=None, max_examples=100)
@given(
    values=st.lists(
        st.one_of(st.none(), st.floats(0, 1, width=32)), min_size=2, max_size=60
    ),
    data=st.data(),
)
def test_beginning_anew_changes_no_minute_and_tells_none_twice(values, data):
    samples = [
        sample(10 * step, x=value)
        for step, value in enumerate(values)
        if value is not None
    ]
    whole = Host().lives(samples)
    cut = data.draw(st.integers(0, len(samples)))
    first = Host().lives(samples[:cut])
    until = first.told[-1].at if first.told else None
    # What is lived through again may begin anywhere up to what has no roll-up yet.
    known = [each for each in samples[:cut] if until is None or each.at <= until]
    begin = data.draw(st.integers(0, len(known))) if until else 0
    second = Host()
    second.window.minutes.refill(iter(first.told), until=until)
    second.lives(samples[begin:])
    assert [*first.ends(), *second.ends()] == whole.ends()
    for of in ("means", "maxima"):
        # Of a minute that was over before anything is lived through again, too.
        np.testing.assert_array_equal(
            second.minutes(count=12, of=of) if samples[begin:] else None,
            whole.minutes(count=12, of=of) if samples[begin:] else None,
        )
