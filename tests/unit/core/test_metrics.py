"""The catalogue: every row is well formed, and every name is found."""

import re

import pytest

from agent.core.metrics import CATALOGUE, Kind, is_known, is_share, metric
from agent.core.series import parse_series

_NAME = re.compile(r"system(\.[a-z0-9_]+)+")
_UCUM = re.compile(r"(1|s|By|Cel|\{[a-z]+\})(/s)?")


def test_each_name_has_one_row():
    names = [row.name for row in CATALOGUE]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_each_row_is_well_formed(row):
    assert _NAME.fullmatch(row.name)
    assert _UCUM.fullmatch(row.unit)
    assert row.help.endswith(".")
    assert len(set(row.attributes)) == len(row.attributes)
    assert parse_series(row.name).name == row.name


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_what_is_per_second_is_a_rate(row):
    if row.unit.endswith("/s"):
        assert row.kind is Kind.RATE


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_a_utilization_is_a_ratio_and_so_is_pressure_and_nothing_else(row):
    is_share = row.name.endswith("utilization") or ".pressure." in row.name
    assert row.is_ratio == is_share


def test_a_row_is_found_by_its_name():
    assert metric("system.disk.io").unit == "By/s"
    assert metric("system.disk.io").attributes == ("device", "direction")
    assert is_known("system.disk.io")


def test_a_name_without_a_row_is_not_known():
    assert not is_known("system.disk.colour")
    with pytest.raises(KeyError, match=r"system\.disk\.colour"):
        metric("system.disk.colour")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("system.cpu.utilization", True),
        ("system.memory.usage", False),
        ("system.cpu.mood", False),
    ],
)
def test_a_share_is_a_known_metric_that_lies_within_nought_and_one(name, expected):
    assert is_share(name) is expected
