"""Whether an agent can run what a manifest asks, on the grid that it samples on."""

from functools import partial

import pytest

from agent.core.fit import LEAST_SPAN_S, misfit, span_s
from agent.core.manifest import parse_manifest
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
            event(condition=f">= quantile_over_time(0.99, {SERIES}[7d])"),
            "reads back 604800 s; this agent keeps 21600 s",
        ),
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
    long = parse_manifest(manifest_of(MODEL, **event(within="2h")))
    short = parse_manifest(manifest_of(MODEL, **event(within="1m")))
    assert span_s(long) >= 2 * 3600
    assert span_s(short) == LEAST_SPAN_S
