"""What every `ports.Host` owes its user: the same cases on the fake and on the real."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from agent.adapters.host.filters import Filters
from agent.adapters.host.host import LocalHost
from agent.core.metrics import is_known
from agent.core.series import parse_series
from tests.fakes.host import ScriptedHost

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(seconds=10)


def _scripted():
    return ScriptedHost.of_columns(
        {
            "system.uptime": [100.0, 110.0, 120.0],
            "system.cpu.utilization": [math.nan, 0.25, 0.5],
            'system.filesystem.utilization{mountpoint="/"}': [0.1, 0.1, 0.2],
        }
    )


@pytest.fixture(params=["scripted", "local"])
def host(request):
    made = _scripted() if request.param == "scripted" else LocalHost(filters=Filters())
    yield made
    made.close()


def test_a_sample_is_of_the_instant_it_was_asked_for(host):
    assert host.sample(NOW).at == NOW


def test_there_is_one_float32_a_series(host):
    sample = host.sample(NOW)
    assert sample.values.dtype == np.float32
    assert sample.values.shape == (len(sample.layout),)


def test_series_are_spelt_canonically_and_each_once(host):
    layout = host.sample(NOW).layout
    assert [str(parse_series(name)) for name in layout] == list(layout)
    assert len(set(layout)) == len(layout)


def test_every_series_is_in_the_catalogue(host):
    assert all(is_known(parse_series(name).name) for name in host.sample(NOW).layout)


def test_the_layout_stays_the_same_object(host):
    first = host.sample(NOW)
    assert host.sample(NOW + STEP).layout is first.layout


def test_a_sample_keeps_its_values_when_the_next_is_taken(host):
    first = host.sample(NOW)
    kept = first.values.copy()
    second = host.sample(NOW + STEP)
    assert not np.shares_memory(first.values, second.values)
    assert np.array_equal(first.values, kept, equal_nan=True)


def test_a_healthy_host_reports_no_failure(host):
    assert not host.sample(NOW).failures


def test_the_uptime_is_there(host):
    sample = host.sample(NOW)
    assert sample.values[sample.layout.index("system.uptime")] > 0


def test_a_script_says_which_collector_fails_and_when():
    host = ScriptedHost([{"system.uptime": 1.0}], failures={1: {"cpu": "torn"}})
    assert [host.sample(NOW).failures for _ in range(3)] == [{}, {"cpu": "torn"}, {}]


def test_a_script_may_change_its_layout_and_plays_its_last_row_on():
    host = ScriptedHost([{"system.uptime": 1.0}, {"system.cpu.utilization": 0.5}])
    layouts = [host.sample(NOW).layout for _ in range(3)]
    assert layouts[1] == ("system.cpu.utilization",)
    assert layouts[2] is layouts[1]
