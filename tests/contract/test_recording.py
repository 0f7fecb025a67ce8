"""A trace that is written: it reads back as it was, whatever ends the writing."""

import resource
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.adapters.trace import read_trace, recording
from agent.core.sample import Sample
from agent.errors import ConfigError, StateError

START = datetime(2026, 3, 1, 12, 0, 0, 123457, tzinfo=UTC)
NAN = float("nan")
LAYOUT = ("m.x", 'm.y{device="a,\\"b\\"",mountpoint="/mnt/\u00e4"}', "system.uptime")
BOTH = pytest.mark.parametrize("name", ["host.csv", "host.parquet"])


def sample(number, *values, layout=LAYOUT, step=timedelta(seconds=10)):
    return Sample(
        at=START + number * step, layout=layout, values=np.array(values, np.float32)
    )


TWO = [sample(0, 1, 2, 3), sample(1, 4, 5, 6)]


def write(path, samples, *, then=lambda out: None):
    with recording(path) as out:
        for each in samples:
            out.append(each)
        then(out)


def written(path, samples):
    write(path, samples)
    return read_trace(path)


@BOTH
def test_what_was_recorded_is_read_back_equal(tmp_path, name):
    samples = [
        sample(0, 0.1, NAN, 1e-30),
        sample(1, 1 / 3, -2.5e8, 3.4e38),
        sample(2, NAN, 0, 16_777_217),
    ]
    trace = written(tmp_path / name, samples)
    assert trace.layout == LAYOUT
    assert trace.instants == [each.at for each in samples]
    np.testing.assert_array_equal(trace.values, [each.values for each in samples])
    assert (trace.interval_s, trace.dropped, trace.normalised) == (10, 0, frozenset())
    assert [path.name for path in tmp_path.iterdir()] == [name]


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(*[st.floats(width=32, allow_infinity=False)] * 3),
        min_size=2,
        max_size=6,
    )
)
def test_every_number_reads_back_as_the_same_one(tmp_path_factory, rows):
    samples = [sample(number, *row) for number, row in enumerate(rows)]
    trace = written(tmp_path_factory.mktemp("any") / "host.csv", samples)
    np.testing.assert_array_equal(trace.values, [each.values for each in samples])


@BOTH
def test_a_series_that_comes_up_later_gets_a_column_and_one_that_goes_keeps_its_own(
    tmp_path, name
):
    trace = written(
        tmp_path / name,
        [
            sample(0, 1, 2, layout=("m.a", "m.b")),
            sample(1, 3, 4, layout=("m.c", "m.b")),
            sample(2, 5, layout=("m.b",)),
            sample(3, 6, 7, layout=("m.a", "m.d")),
        ],
    )
    assert trace.layout == ("m.a", "m.b", "m.c", "m.d")
    rows = [[1, 2, NAN, NAN], [NAN, 4, 3, NAN], [NAN, 5, NAN, NAN], [6, NAN, NAN, 7]]
    np.testing.assert_array_equal(trace.values, np.float32(rows))


def test_the_file_is_whole_after_every_row(tmp_path):
    path = tmp_path / "host.csv"
    with recording(path) as out:
        for number in range(5):
            layout = ("m.a", "m.b")[: 1 + number // 3]
            out.append(sample(number, *range(len(layout)), layout=layout))
            assert path.stat().st_size == out.size_bytes
            if number:
                assert len(read_trace(path).instants_s) == out.rows == number + 1


@BOTH
def test_a_file_that_is_there_is_left_as_it_is(tmp_path, name):
    path = tmp_path / name
    path.write_text("mine")
    with (
        pytest.raises(StateError, match=r"expected no such file yet, got one"),
        recording(path),
    ):
        pytest.fail("began")
    assert path.read_text() == "mine"


def test_rows_for_a_parquet_file_do_not_go_over_another_csv_file(tmp_path):
    (tmp_path / "host.csv").write_text("mine")
    with (
        pytest.raises(StateError, match=r"host\.csv: expected no such file"),
        recording(tmp_path / "host.parquet"),
    ):
        pytest.fail("began")
    assert [path.name for path in tmp_path.iterdir()] == ["host.csv"]


@BOTH
def test_without_a_row_there_is_no_file(tmp_path, name):
    with recording(tmp_path / name):
        pass
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_whatever_is_raised_leaves_the_rows_until_then(tmp_path, name):
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / name, TWO, then=lambda out: 1 / 0)
    (left,) = tmp_path.iterdir()
    assert left.name == "host.csv"
    assert read_trace(left).values.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_what_cannot_become_parquet_stays_csv_and_is_named(tmp_path):
    path = tmp_path / "host.parquet"
    with pytest.raises(
        StateError, match=r"host\.parquet: .*; the rows are in .*\.csv$"
    ):
        write(path, TWO, then=lambda out: (path / "in the way").mkdir(parents=True))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["host.csv", path.name]
    assert len(read_trace(tmp_path / "host.csv").instants_s) == 2


@contextmanager
def files_of_at_most(size_bytes):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_row_that_does_not_fit_leaves_nothing_of_itself(tmp_path):
    path = tmp_path / "host.csv"

    def one_more(out):
        with files_of_at_most(out.size_bytes + 20):
            out.append(sample(2, 7, 8, 9))

    with pytest.raises(
        StateError, match=r"host\.csv: File too large; expected a place"
    ):
        write(path, TWO, then=one_more)
    assert read_trace(path).values.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_column_that_does_not_fit_leaves_the_rows_as_they_were(tmp_path):
    path = tmp_path / "host.csv"

    def one_more(out):
        with files_of_at_most(out.size_bytes):
            out.append(sample(2, 3, layout=("m.b",)))

    with pytest.raises(StateError, match="File too large"):
        write(path, TWO, then=one_more)
    assert [each.name for each in tmp_path.iterdir()] == ["host.csv"]
    assert read_trace(path).values.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    with (
        pytest.raises(StateError, match=r"No such file or directory; expected a place"),
        recording(tmp_path / "none" / "host.csv"),
    ):
        pytest.fail("began")


def test_parquet_without_its_library_is_refused_before_any_row(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with (
        pytest.raises(ConfigError, match=r"'forewarn\[trace\]', or name a \.csv file$"),
        recording(tmp_path / "host.parquet"),
    ):
        pytest.fail("began")
    assert list(tmp_path.iterdir()) == []
