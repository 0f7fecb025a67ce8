import json
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.output import cell_text, emit, instant_text, say, table
from agent.config import Duration, Size

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Role(StrEnum):
    ACTIVE = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    role: Role
    path: Path
    at: datetime
    hits: tuple[int, ...]
    score: float


def test_data_goes_to_stdout_and_words_to_stderr(capsys):
    emit({"a": 1}, as_json=False, text="one a")
    say("that was all")
    assert capsys.readouterr() == ("one a\n", "that was all\n")


def test_json_holds_the_data_whatever_the_text(capsys):
    thing = Thing(
        role=Role.ACTIVE, path=Path("/x"), at=NOON, hits=(1, 2), score=float("nan")
    )
    emit([thing], as_json=True, text="one thing")
    assert json.loads(capsys.readouterr().out) == [
        {
            "role": "active",
            "path": "/x",
            "at": "2024-05-01T12:00:00Z",
            "hits": [1, 2],
            "score": None,
        }
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.int64(7), 7),
        (Duration("2s"), 2.0),
        (Size("1kB"), 1000),
        (Path("/x"), "/x"),
    ],
)
def test_numbers_of_other_kinds_are_numbers(value, expected, capsys):
    emit(value, as_json=True, text="")
    assert json.loads(capsys.readouterr().out) == expected


def test_what_json_does_not_know_is_our_mistake():
    with pytest.raises(NotImplementedError, match="no JSON for slice"):
        emit(slice(1), as_json=True, text="")


def test_no_text_prints_nothing(capsys):
    emit([], as_json=False, text="")
    assert capsys.readouterr() == ("", "")


def test_a_table_is_aligned_with_numbers_to_the_right():
    rows = [("disk_full", 3, 0.123456, NOON), ("oom", 12, None, None)]
    assert table(("task", "count", "score", "due"), rows=rows) == (
        "task       count   score  due\n"
        "disk_full      3  0.1235  2024-05-01T12:00:00Z\n"
        "oom           12       -  -"
    )


def test_a_table_without_rows_is_its_header():
    assert table(("a", "b"), rows=[]) == "a  b"


def test_a_row_of_another_length_is_our_mistake():
    with pytest.raises(ValueError, match="shorter"):
        table(("a", "b"), rows=[("one",)])


def test_what_a_terminal_would_obey_is_shown_instead():
    assert cell_text("a\x1b[31m\nb\u202eé") == "a\\x1b[31m\\nb\\u202eé"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "-"),
        (float("nan"), "-"),
        (3, "3"),
        (1234567, "1234567"),
        (12345.678, "1.235e+04"),
        ("", ""),
        (NOON, "2024-05-01T12:00:00Z"),
    ],
)
def test_cells(cell, text):
    assert cell_text(cell) == text


def test_instants_are_utc_to_the_second_wherever_they_come_from():
    tokyo = timezone(timedelta(hours=9))
    at = datetime(2024, 5, 1, 21, 0, 0, 999_999, tzinfo=tokyo)
    assert instant_text(at) == "2024-05-01T12:00:00Z"


CELLS = st.none() | st.integers() | st.floats() | st.text(string.printable, max_size=9)


@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5))
def test_every_row_is_one_line(rows):
    lines = table(("a", "b", "c"), rows=rows).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(line == line.rstrip() for line in lines)
