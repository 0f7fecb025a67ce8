"""Rows read back as what was written, to the last digit."""

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.adapters.store import rows

floats = st.floats(allow_infinity=False)


def test_an_instant_is_whole_microseconds_since_1970():
    at = datetime(2026, 3, 1, 0, 0, 0, 1, tzinfo=UTC)
    assert rows.stamp(at) == 1_772_323_200_000_001


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_comes_back_exactly(at):
    assert rows.instant(rows.stamp(at)) == at


def test_an_instant_of_another_zone_is_the_same_instant():
    at = datetime(2026, 3, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert rows.instant(rows.stamp(at)) == at
    assert rows.instant(rows.stamp(at)).tzinfo is UTC


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(TypeError):
        rows.stamp(datetime(2026, 3, 1))  # noqa: DTZ001 - that is the point


def test_scores_are_a_json_array():
    assert rows.scores_text((0.0123,)) == "[0.0123]"
    assert rows.scores_text(()) == "[]"


@given(st.lists(floats).map(tuple))
def test_scores_come_back_exactly(values):
    found = rows.scores_of(rows.scores_text(values))
    assert list(map(repr, found)) == [
        repr(float(abs(v)) if math.isnan(v) else v) for v in values
    ]


@given(st.lists(st.floats(width=32)))
def test_a_vector_comes_back_exactly(values):
    vector = np.array(values, dtype=np.float32)
    found = rows.unpacked(rows.packed(vector))
    assert found.tobytes() == vector.tobytes()
    assert found.dtype == np.float32


def test_a_vector_is_little_endian_float32():
    assert rows.packed(np.array([1.0], dtype=np.float32)) == b"\0\0\x80\x3f"


@given(st.lists(st.text(st.characters(codec="utf-8"))).map(tuple))
def test_a_layout_comes_back_exactly(layout):
    assert rows.layout_of(rows.layout_text(layout)) == layout
