"""The columns of recorded hosts: what their flat names stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.columns import _SERIES, column_of, lost_unit, series_of_column
from agent.core.manifest import parse_manifest
from agent.core.metrics import is_known, metric
from agent.core.series import parse_series
from agent.errors import ExpressionError
from tests.fakes.life import manifest_of, value_manifest

NAN = float("nan")
READ = "system.disk.io.read"
READS = 'system.disk.io{device="all",direction="read"}'
CPU = "system.cpu.utilization"
DISK = 'system.filesystem.utilization{mountpoint="/"}'


@pytest.mark.parametrize(
    ("name", "series", "is_normalised"),
    [
        (READ, READS, False),
        (f"{READ}.norm", READS, True),
        (CPU, CPU, False),
        (f"{CPU}.norm", CPU, True),
        (
            "system.network.connections.established.norm",
            'system.network.connection.count{state="established"}',
            True,
        ),
        ("system.filesystem.utilization", DISK, False),
        # What the catalogue does not have keeps its name, all of it.
        (f"{CPU}.max", f"{CPU}.max", False),
        (
            "system.memory.utilization.with_cache.norm",
            "system.memory.utilization.with_cache.norm",
            True,
        ),
        ("label.incident", "label.incident", False),
        # A series in another order of its attributes is the same series.
        ('system.disk.io{direction="read",device="sda"}', None, False),
    ],
)
def test_a_name_stands_for_a_series(name, series, is_normalised):
    column = series_of_column(name)
    assert column.series == (series or str(parse_series(name)))
    assert column.is_normalised is is_normalised


@pytest.mark.parametrize("name", _SERIES)
def test_every_flat_name_stands_for_a_series_of_the_catalogue(name):
    meant = parse_series(_SERIES[name])
    assert str(meant) == _SERIES[name]
    assert is_known(meant.name)
    assert {key for key, _ in meant.attributes} <= set(metric(meant.name).attributes)


def test_no_two_flat_names_stand_for_one_series():
    assert len(set(_SERIES.values())) == len(_SERIES)


@pytest.mark.parametrize("name", sorted(_SERIES.values()))
def test_a_series_stands_for_itself(name):
    assert series_of_column(name).series == name


def test_what_spells_no_series_is_refused():
    with pytest.raises(ExpressionError, match="expected the end"):
        series_of_column("CPU %")


def test_a_counter_keeps_its_name_where_the_catalogue_has_a_rate():
    counter = np.arange(20.0)
    assert column_of(READ, values=counter).series == READ
    counter[7] = NAN
    assert column_of(READ, values=counter).series == READ


def test_a_gauge_that_rises_is_that_gauge():
    used = "system.memory.usage.used"
    column = column_of(used, values=np.arange(20.0))
    assert column.series == 'system.memory.usage{state="used"}'


@pytest.mark.parametrize("name", [CPU, READS, "unknown.counter"])
def test_a_column_that_is_called_as_its_series_is_taken_at_its_word(name):
    assert column_of(name, values=np.arange(20.0)).series == name


def test_a_short_or_quiet_recording_is_no_counter():
    assert column_of(READ, values=np.arange(5.0)).series == READS
    assert column_of(READ, values=np.zeros(100)).series == READS
    assert column_of(READ, values=np.full(100, NAN)).series == READS


@given(
    st.lists(st.floats(min_value=0, max_value=1e6), min_size=12, max_size=40),
    st.integers(min_value=0, max_value=10),
)
def test_what_falls_once_is_no_counter(steps, place):
    values = np.cumsum(np.array(steps) + 1)
    values[place + 1 :] -= values[place + 1] - values[place] + 1
    assert column_of(READ, values=values).series == READS


def task(**target):
    return parse_manifest(manifest_of(target=target))


@pytest.mark.parametrize(
    ("limit", "normalised", "words"),
    [
        (">= 0.9", {CPU}, f"{CPU} is normalised here: its unit is lost, so a limit of"),
        (">= 0.9", {"system.memory.utilization"}, ""),
        (">= 0.9", set(), ""),
        (f"> quantile_over_time(0.99, {CPU}[1h])", {CPU}, ""),
        (f"> 2 * avg_over_time({CPU}[1h])", {CPU}, ""),
        ("> last_over_time(system.cpu.logical.count[1m])", {CPU}, f"{CPU} is"),
    ],
)
def test_a_limit_in_a_lost_unit_means_nothing(limit, normalised, words):
    told = lost_unit(task(condition=limit), normalised=normalised)
    assert told.startswith(words)
    assert bool(told) == bool(words)


def test_the_limit_that_means_nothing_is_told():
    told = lost_unit(task(condition=">= 0.9"), normalised={CPU})
    assert told.endswith("so a limit of 0.9 means nothing")


def test_a_value_needs_no_unit():
    manifest = parse_manifest(value_manifest())
    reads = {str(series) for series in manifest.all_series()}
    assert lost_unit(manifest, normalised=reads) == ""
