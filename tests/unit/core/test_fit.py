"""Whether an agent can run what a manifest asks, on the grid that it samples on."""

from functools import partial

import numpy as np
import pytest

from agent.core.fit import LEAST_SPAN_S, misfit, window_for
from agent.core.manifest import parse_manifest
from agent.core.sample import Sample
from agent.core.window import Window
from tests.fakes.onnx_files import SERIES, logistic, manifest_of

MODEL = logistic()


def said(*, interval_s=10.0, **changes):
    manifest = parse_manifest(manifest_of(MODEL, **changes))
    return misfit(manifest, new_window=partial(Window, interval_s=interval_s))


def event(**changes):
    target = {"kind": "event", "series": SERIES, "condition": ">= 0.9", "within": "5m"}
    return {"target": target | changes}


def test_what_fits_is_not_told():
    assert said(**event()) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (event(within="25h"), "looks ahead 90000 s; this agent waits 86400 s"),
        (event(within="5s"), "looks ahead 5 s; this host is sampled every 10 s"),
        (
            event(condition=f"> last_over_time({SERIES}[1s] offset 5s)"),
            "reads nothing: no sample lies in its range",
        ),
        (
            {"features": [f"last_over_time({SERIES}[1s] offset 5s)", "hour_sin()"]},
            "reads nothing: no sample lies in its range",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_the_reason(changes, reason):
    assert reason in said(**changes)


def test_a_window_is_as_long_as_past_and_horizon_and_never_very_short():
    long = window_of(manifest_of(MODEL, **event(within="2h")))
    short = window_of(manifest_of(MODEL, **event(within="1m")))
    assert kept_s(long) >= 2 * HOUR_S
    assert kept_s(short) == LEAST_SPAN_S


OTHER = "system.memory.utilization"
HOUR_S = 3600.0


def window_of(*manifests, interval_s=10.0):
    parsed = [parse_manifest(each) for each in manifests]
    return window_for(parsed, new_window=partial(Window, interval_s=interval_s))


def a_week_of(series, *, function="avg_over_time"):
    features = [f"last_over_time({SERIES}[1m])", f"{function}({series}[7d])"]
    return manifest_of(MODEL, features=features, **event(within="30m"))


def kept_s(grid):
    return (grid.capacity - 1) * grid.interval_s


def sampled(window):
    at = window.instant_of(0)
    values = np.ones(3, dtype=np.float32)
    window.append(Sample(at=at, layout=(SERIES, OTHER, "z"), values=values))
    return window


def test_what_reads_a_week_keeps_roll_ups_of_a_week_and_samples_of_an_hour():
    assert said(features=[f"max_over_time({OTHER}[7d])", "hour_sin()"]) is None
    window = window_of(a_week_of(OTHER))
    assert kept_s(window) == pytest.approx(HOUR_S, abs=1)
    assert kept_s(window.minutes.means) == 7 * 24 * HOUR_S


def test_only_what_is_read_over_days_has_roll_ups():
    window = sampled(window_of(a_week_of(OTHER)))
    assert set(window.columns) == {SERIES, OTHER}
    assert set(window.minutes.means.columns) == {OTHER}
    assert window.minutes.maxima.columns == {}


def test_maxima_are_kept_for_whoever_asks_for_the_greatest():
    window = sampled(window_of(a_week_of(OTHER, function="max_over_time")))
    assert window.minutes.means.columns == {}
    assert set(window.minutes.maxima.columns) == {OTHER}


def test_who_reads_no_days_keeps_none():
    window = sampled(window_of(manifest_of(MODEL)))
    assert window.minutes.means.capacity == 2
    assert window.minutes.means.columns == {}


def test_a_limit_over_days_and_a_value_over_days_are_read_too():
    limit = f"> quantile_over_time(0.99, {SERIES}[2d])"
    window = window_of(manifest_of(MODEL, **event(condition=limit)))
    assert kept_s(window.minutes.means) == 48 * HOUR_S
    spelled = f"avg_over_time({SERIES}[1d])"
    target = {"kind": "value", "expression": spelled, "ahead": "30m"}
    document = manifest_of(MODEL, target=target, decision=None)
    assert kept_s(window_of(document).minutes.means) == 24 * HOUR_S


def test_samples_a_minute_apart_are_kept_for_days():
    window = sampled(window_of(a_week_of(OTHER), interval_s=60.0))
    assert window.minutes is None
    assert kept_s(window) == 7 * 24 * HOUR_S


def test_without_a_task_a_window_is_short():
    window = window_of()
    assert kept_s(window) == LEAST_SPAN_S
    assert kept_s(window.minutes.means) == 60.0
