"""Rows read back as what was written, to the last digit."""

import math
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.adapters.store import rows
from agent.core.lineup import LineUp
from agent.core.moment import Role, Thesis, Wager
from agent.core.request import Answer, Label, Request, Verb
from tests.fakes.ledger import moment, point

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


def test_wagers_are_a_json_array_of_arrays_and_null_where_there_are_none():
    wager = Wager(Thesis.WORSE, Role.ACTIVE, Role.BASELINE, 12, 8, 1)
    row = rows.moment_row(moment(1, wagers=(wager,)))
    assert row[-1] == '[["worse","active","baseline",12,8,1]]'
    assert len(row) == rows.MOMENT_COLUMNS
    assert rows.moment_row(moment(1))[-1] is None


numbers = st.integers(0, 2**53)
wagers = st.builds(
    Wager, *map(st.sampled_from, (Thesis, Role, Role)), numbers, numbers, numbers
)


@given(st.lists(wagers).map(tuple))
def test_wagers_come_back_exactly(made):
    row = rows.moment_row(moment(1, wagers=made))
    assert rows.moment_of(row, predictions=()).wagers == made


@given(st.floats(0, allow_infinity=False), st.none() | st.floats(0, 1))
def test_evidence_comes_back_exactly(e_value, loss):
    made = point(e_value=e_value, loss=loss, allowed=loss)
    at, task, document = rows.evidence_row(made)
    assert rows.evidence_of(document) == made
    assert (rows.instant(at), task) == (made.at, made.task)


@given(st.booleans())
def test_a_line_up_comes_back_with_its_pin(is_pinned):
    lineup = LineUp(task="t", active="a", shadow="c", is_pinned=is_pinned)
    row = rows.lineup_row(lineup)
    assert row == ("t", "a", None, "c", int(is_pinned))
    assert rows.lineup_of(row) == lineup


@given(
    st.builds(
        Request,
        at=st.datetimes(timezones=st.just(UTC)),
        by=st.text(),
        verb=st.sampled_from(Verb),
        task=st.text(),
        version=st.none() | numbers,
        moment=st.none() | numbers,
        label=st.none() | st.sampled_from(Label),
    )
)
def test_a_request_comes_back_with_its_number(request):
    found = rows.request_of(7, rows.text(request))
    assert found == msgspec.structs.replace(request, id=7)


def test_there_may_be_no_answer_yet():
    at = datetime(2026, 3, 1, tzinfo=UTC)
    answer = Answer(request=7, at=at, is_done=False, words="kein Release")
    assert rows.answer_of(None) is None
    assert rows.answer_of(rows.text(answer)) == answer
