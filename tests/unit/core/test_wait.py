"""Waiting for history: what a new host still lacks, and how much of it."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.core.manifest import parse_manifest
from agent.core.wait import Stretch, Wait, wait
from tests.fakes.onnx_files import SERIES, logistic, manifest_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY_S = 86_400.0
WEEK = f"> quantile_over_time(0.99, {SERIES}[7d])"
MODEL = logistic()


def event(condition, **changes):
    series = changes.pop("series", SERIES)
    target = {
        "kind": "event",
        "series": series,
        "condition": condition,
        "within": "15m",
    }
    return {"target": target, **changes}


def waits(document, *, interval_s=10.0, **present):
    """Return what is missing where the series of `present` were there so often."""
    names = {name.replace("_", "."): count for name, count in present.items()}
    return waits_where(document, names, interval_s=interval_s)


def waits_where(document, names, *, interval_s=10.0, asked=None):
    def present(stretch):
        if asked is not None:
            asked.append(stretch)
        return names

    return wait(
        parse_manifest(manifest_of(MODEL, **document)),
        interval_s=interval_s,
        until=NOON,
        present=present,
    )


def test_a_limit_that_is_a_number_waits_for_nothing():
    assert waits(event(">= 0.9")) is None


def test_a_limit_over_a_week_needs_four_fifths_of_it_in_whole_minutes():
    assert waits(event(WEEK), system_cpu_utilization=180) == Wait(
        series=SERIES, needs_s=483_840.0, has_s=10_800.0
    )


def test_the_wait_is_over_with_the_last_point_that_is_needed():
    needed = 8 * 7 * 24 * 60 // 10
    assert waits(event(WEEK), system_cpu_utilization=needed) is None
    assert waits(event(WEEK), system_cpu_utilization=needed - 1) is not None


def test_what_the_manifest_lets_be_missing_is_not_needed():
    found = waits(event(WEEK, min_coverage=0.5), system_cpu_utilization=1)
    assert found.needs_s == 3.5 * DAY_S


def test_a_series_that_is_not_there_has_nothing():
    assert waits(event(WEEK), system_memory_utilization=9_999).has_s == 0


@pytest.mark.parametrize(
    ("span", "interval_s", "of_rollups"),
    [
        pytest.param("1d", 10.0, True, id="days_are_roll_ups"),
        pytest.param("6h", 10.0, False, id="hours_are_samples"),
        pytest.param("1d", 60.0, False, id="a_sample_a_minute_is_a_point_itself"),
    ],
)
def test_it_is_counted_in_what_is_read(span, interval_s, of_rollups):
    asked = []
    condition = f"> avg_over_time({SERIES}[{span}])"
    waits_where(event(condition), {}, interval_s=interval_s, asked=asked)
    back = timedelta(days=1) if span == "1d" else timedelta(hours=6)
    assert asked == [Stretch(since=NOON - back, until=NOON, of_rollups=of_rollups)]


def test_what_is_newer_than_the_range_does_not_count():
    asked = []
    condition = f"> avg_over_time({SERIES}[1h] offset 30m)"
    waits_where(event(condition), {}, asked=asked)
    (stretch,) = asked
    assert stretch.until == NOON - timedelta(minutes=30)
    assert stretch.since == NOON - timedelta(minutes=90)


def test_the_entity_that_has_most_of_it_counts():
    disk = 'system.disk.io_time.utilization{device="$entity"}'
    document = event(
        f"> quantile_over_time(0.99, {disk}[1d])", series=disk, entity="device"
    )
    there = {
        'system.disk.io_time.utilization{device="sda"}': 5,
        'system.disk.io_time.utilization{device="sdb"}': 7,
        SERIES: 1_440,
    }
    found = waits_where(document, there)
    assert (found.series, found.has_s) == (disk, 7 * 60.0)


def test_features_count_only_where_none_may_be_missing():
    features = [f"avg_over_time({SERIES}[1d])", "hour_sin()"]
    document = event(">= 0.9", features=features)
    assert waits(document) is None
    assert waits({**document, "missing": "skip"}).needs_s == 0.8 * DAY_S


def test_of_several_things_the_one_that_is_missing_longest_is_told():
    memory = "system.memory.utilization"
    condition = f"> avg_over_time({SERIES}[3d]) + avg_over_time({memory}[2d])"
    there = {SERIES: 3 * 1_440, memory: 1_440}
    assert waits_where(event(condition), there).series == memory
    assert waits_where(event(condition), {}).series == SERIES


def test_a_value_waits_for_what_it_is_told_of():
    target = {"kind": "value", "expression": f"avg_over_time({SERIES}[5m])"}
    document = {"target": {**target, "ahead": "15m"}, "decision": None}
    assert waits(document, system_cpu_utilization=2) == Wait(
        series=SERIES, needs_s=240.0, has_s=20.0
    )
    assert waits(document, system_cpu_utilization=30) is None
