"""A recorded host: what a file may hold, and what is said of one that may not be."""

import re
import sys
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from agent.adapters.trace import TraceHost, read_trace
from agent.errors import TraceError

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
START_S = START.timestamp()
NAN = float("nan")


def csv_file(folder, text, *, name="host.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def parquet_file(folder, *, name="host.parquet", **columns):
    path = folder / name
    parquet.write_table(pa.table(columns), path)
    return path


def instants(count, *, step_s=10):
    return [START + timedelta(seconds=step_s * number) for number in range(count)]


def rows(*seconds, header="timestamp,m.x"):
    return "\n".join([header, *(f"{START_S + s},{s}" for s in seconds)]) + "\n"


def test_a_file_is_rows_of_instants_and_columns_of_series(tmp_path):
    text = (
        'timestamp,m.x,"m.y{b=""2"",a=""1""}"\n'
        "2026-03-01T12:00:00Z,1,\n"
        "2026-03-01T12:00:10Z,nan,2.5\n"
        "2026-03-01T12:00:20Z,NaN,null\n"
    )
    trace = read_trace(csv_file(tmp_path, text))
    assert trace.name == "host.csv"
    assert trace.layout == ("m.x", 'm.y{a="1",b="2"}')
    assert trace.instants == instants(3)
    assert trace.values.dtype == np.float32
    expected = [[1, NAN], [NAN, 2.5], [NAN, NAN]]
    np.testing.assert_array_equal(trace.values, np.float32(expected))
    assert (trace.interval_s, trace.dropped, trace.gaps_s) == (10.0, 0, [])


def test_the_interval_is_the_usual_step_and_longer_steps_are_gaps(tmp_path):
    trace = read_trace(csv_file(tmp_path, rows(0, 10, 20, 34, 64, 74)))
    assert trace.interval_s == 10.0
    assert trace.gaps_s == [30.0]


@pytest.mark.parametrize(
    ("step_s", "interval_s"),
    [(9.999987, 10.0), (10.004, 10.0), (10.3, 10.3), (0.25, 0.25), (0.4, 0.4)],
)
def test_rows_that_are_each_a_little_late_are_as_far_apart_as_they_were_meant_to_be(
    tmp_path, step_s, interval_s
):
    path = csv_file(tmp_path, rows(*(step_s * number for number in range(9))))
    assert read_trace(path).interval_s == pytest.approx(interval_s, abs=1e-6)


@pytest.mark.parametrize(
    "written",
    [
        ["2026-03-01T12:00:00Z", "2026-03-01T12:00:10Z"],
        ["2026-03-01T12:00:00+00:00", "2026-03-01T13:00:10+01:00"],
        ["2026-03-01 12:00:00", "20260301T120010"],
        [f"{START_S:.0f}", f"{START_S + 10:.1f}"],
    ],
    ids=["utc", "zones", "no zone is UTC", "Unix seconds"],
)
def test_an_instant_may_be_written_in_many_ways(tmp_path, written):
    text = "timestamp,m.x\n" + "".join(f"{cell},1\n" for cell in written)
    assert read_trace(csv_file(tmp_path, text)).instants == instants(2)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(instants(2), pa.timestamp("s")),
        pa.array(instants(2), pa.timestamp("ms", tz="UTC")),
        pa.array(instants(2), pa.timestamp("us", tz="Europe/Berlin")),
        pa.array(instants(2), pa.timestamp("ns", tz="America/New_York")),
        pa.array([START_S, START_S + 10]),
        pa.array([int(START_S), int(START_S) + 10]),
        pa.array(["2026-03-01T12:00:00Z", "2026-03-01T13:00:10+01:00"]),
        pa.array(["2026-03-01T12:00:00Z", "2026-03-01T12:00:10Z"], pa.large_string()),
    ],
    ids=lambda column: str(column.type),
)
def test_an_instant_may_be_any_kind_of_column(tmp_path, column):
    path = parquet_file(tmp_path, timestamp=column, **{"m.x": [1.0, 2.0]})
    assert read_trace(path).instants == instants(2)


def test_nanoseconds_that_no_clock_of_ours_has_are_dropped(tmp_path):
    nanos = [
        int(START_S) * 10**9 + 1_234_567_891,
        int(START_S) * 10**9 + 11_234_567_899,
    ]
    column = pa.array(nanos, pa.timestamp("ns"))
    trace = read_trace(parquet_file(tmp_path, timestamp=column, **{"m.x": [1.0, 2.0]}))
    assert trace.interval_s == 10.0
    assert trace.instants[0] == START + timedelta(seconds=1, microseconds=234_567)


def test_a_zone_is_only_another_way_to_say_the_same_instant(tmp_path):
    east = timezone(timedelta(hours=5, minutes=30))
    text = "timestamp,m.x\n" + "".join(
        f"{at.astimezone(east).isoformat()},1\n" for at in instants(3)
    )
    assert read_trace(csv_file(tmp_path, text)).instants == instants(3)


def test_csv_and_parquet_of_the_same_host_are_the_same_trace(tmp_path):
    generator = np.random.default_rng(4)
    values = generator.normal(0, 1e3, (50, 3))
    values[generator.random((50, 3)) < 0.2] = NAN
    names = ["m.x", 'm.y{d="a"}', 'm.y{d="b"}']
    lines = [
        ",".join([at.isoformat(), *("" if np.isnan(v) else repr(v) for v in row)])
        for at, row in zip(instants(50), values.tolist(), strict=True)
    ]
    header = "timestamp," + ",".join('"' + n.replace('"', '""') + '"' for n in names)
    text = read_trace(csv_file(tmp_path, "\n".join([header, *lines])))
    columns = {name: values[:, place] for place, name in enumerate(names)}
    table = {"timestamp": pa.array(instants(50), pa.timestamp("ms", tz="UTC"))}
    binary = read_trace(parquet_file(tmp_path, **table, **columns))
    assert text.layout == binary.layout
    np.testing.assert_array_equal(text.instants_s, binary.instants_s)
    np.testing.assert_array_equal(text.values, binary.values)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, None], pa.int64()),
        pa.array([True, None]),
        pa.array([1.0, None], pa.float32()),
        pa.array([1, None], pa.int8()),
    ],
    ids=lambda column: str(column.type),
)
def test_a_missing_cell_is_a_gap_in_any_kind_of_column(tmp_path, column):
    path = parquet_file(tmp_path, timestamp=instants(2), **{"m.x": column})
    np.testing.assert_array_equal(read_trace(path).values, np.float32([[1], [NAN]]))


def test_the_ending_tells_the_kind_of_file_whatever_its_case(tmp_path):
    path = parquet_file(tmp_path, name="HOST.PARQUET", timestamp=instants(2), x=[1, 2])
    assert read_trace(path).layout == ("x",)


def test_a_folder_in_the_path_is_no_column(tmp_path):
    (tmp_path / "rack=7").mkdir()
    path = parquet_file(tmp_path / "rack=7", timestamp=instants(2), x=[1, 2])
    assert read_trace(path).layout == ("x",)


def test_the_mark_that_spreadsheets_put_before_the_header_is_not_part_of_it(tmp_path):
    path = tmp_path / "host.csv"
    path.write_text(rows(0, 10), encoding="utf-8-sig")
    assert read_trace(path).layout == ("m.x",)


def test_a_column_may_be_taken_in_under_another_name(tmp_path):
    path = csv_file(tmp_path, rows(0, 10, header="timestamp,CPU %"))
    assert read_trace(path, renamed={"CPU %": "m.cpu"}).layout == ("m.cpu",)


def test_a_flat_name_is_taken_in_as_the_series_that_it_stands_for(tmp_path):
    header = "timestamp,system.disk.io.write,system.memory.utilization.norm,a.norm"
    text = f"{header}\n0,1,0.5,1\n60,2,1,0\n"
    trace = read_trace(csv_file(tmp_path, text))
    writes = 'system.disk.io{device="all",direction="write"}'
    memory = "system.memory.utilization"
    assert trace.layout == (writes, memory, "a.norm")
    assert trace.normalised == {memory, "a.norm"}


def test_a_renamed_column_is_what_the_user_says(tmp_path):
    memory = "system.memory.utilization"
    path = csv_file(tmp_path, f"timestamp,{memory}.norm\n0,0.5\n60,1\n")
    trace = read_trace(path, renamed={f"{memory}.norm": memory})
    assert (trace.layout, trace.normalised) == ((memory,), frozenset())


def test_two_names_of_one_series_are_both_named(tmp_path):
    memory = "system.memory.utilization"
    path = csv_file(tmp_path, f"timestamp,{memory},{memory}.norm\n0,0.5,0\n60,1,1\n")
    words = f"two columns are the series {memory}: {memory} and {memory}.norm; take one"
    with pytest.raises(TraceError, match=re.escape(words)):
        read_trace(path)
    away = read_trace(path, renamed={f"{memory}.norm": "scaled"})
    assert away.layout == (memory, "scaled")


def test_a_counter_is_not_taken_for_the_rate_of_its_name(tmp_path):
    name = "system.network.io.receive"
    counted = "".join(f"{10 * n},{100 * n}\n" for n in range(12))
    path = csv_file(tmp_path, f"timestamp,{name}\n{counted}")
    assert read_trace(path).layout == (name,)


def test_rows_whose_time_does_not_grow_can_be_left_out(tmp_path):
    path = csv_file(tmp_path, rows(0, 10, 10, 5, 20, 19, 30))
    trace = read_trace(path, drop_disordered=True)
    assert trace.values[:, 0].tolist() == [0, 10, 20, 30]
    assert trace.dropped == 3


def test_a_host_lives_through_the_rows_one_a_reading(tmp_path):
    trace = read_trace(csv_file(tmp_path, rows(0, 10)))
    host = TraceHost(trace)
    for number, at in enumerate(trace.instants):
        sample = host.sample(at)
        assert (sample.at, sample.layout) == (at, ("m.x",))
        assert sample.values.tolist() == [10.0 * number]
        assert sample.failures == {}


AFTER = "expected a timestamp after 2026-03-01T12:00:10+00:00, got 2026-03-01T12:00:"
DROPS = "like that, --drop-disordered leaves them out"

BAD = {
    "no timestamp": (
        "time,m.x\n1,2\n",
        "expected a column timestamp, got time, m.x",
    ),
    "many columns": (
        "a,b,c,d,e,f\n1,2,3,4,5,6\n",
        "expected a column timestamp, got a, b, c, d, e",
    ),
    "empty": ("", "expected a CSV file with a header"),
    "not text": ("\x00\x01\ufffd", "expected a column timestamp, got \x00\x01\ufffd"),
    "header only": ("timestamp,m.x\n", "expected at least 2 rows, got 0"),
    "one row": (rows(0), "expected at least 2 rows, got 1"),
    "no series": (
        "timestamp\n1\n2\n",
        "expected at least one series, got only timestamp",
    ),
    "unsorted": (
        rows(0, 10, 5, 20),
        f"row 3: {AFTER}05+00:00 (unsorted); 1 rows are {DROPS}",
    ),
    "doubled": (
        rows(0, 10, 10, 10),
        f"row 3: {AFTER}10+00:00 (doubled); 2 rows are {DROPS}",
    ),
    "too few cells": (
        "timestamp,m.x,m.y\n1,2,3\n2,3\n",
        "row 2: expected 3 cells, got 2",
    ),
    "too many cells": ("timestamp,m.x\n1,2,3\n", "row 1: expected 2 cells, got 3"),
    "text in a cell": (
        "timestamp,m.x\n1,2\n2,high\n",
        'row 2, column m.x: expected a number or nothing, got "high"',
    ),
    "text as time": (
        "timestamp,m.x\n1,2\nyesterday,3\n",
        'row 2, column timestamp: expected ISO 8601 or Unix seconds, got "yesterday"',
    ),
    "no time": (
        "timestamp,m.x\n1,2\n,3\n",
        'row 2, column timestamp: expected ISO 8601 or Unix seconds, got ""',
    ),
    "time is no number": (
        "timestamp,m.x\n1,2\nnan,3\n",
        "row 2, column timestamp: expected ISO 8601 or Unix seconds, got nan",
    ),
    "milliseconds": (
        "timestamp,m.x\n1772366400000,2\n1772366410000,3\n",
        "row 1, column timestamp: expected ISO 8601 or Unix seconds, got 1.77237e+12",
    ),
    "endless": (
        "timestamp,m.x,m.y\n1,2,3\n2,3,inf\n",
        "row 2, column m.y: expected a number that a float32 can hold, got inf",
    ),
    "too large": (
        "timestamp,m.x\n1,2\n2,1e300\n",
        "row 2, column m.x: expected a number that a float32 can hold, got 1e+300",
    ),
    "bad series": (
        "timestamp,CPU %\n1,2\n2,3\n",
        'a column is not a series: column 4 of "CPU %": expected the end, got " %"',
    ),
    "two of one series": (
        'timestamp,"m.x{a=""1"",b=""2""}","m.x{b=""2"",a=""1""}"\n1,2,3\n2,3,4\n',
        (
            'two columns are the series m.x{a="1",b="2"}: m.x{a="1",b="2"} and '
            'm.x{b="2",a="1"}; take one of them in under another name by --rename'
        ),
    ),
    "two of one name": ("timestamp,m.x,m.x\n1,2,3\n", "two columns are called m.x"),
    "two times": (
        "timestamp,timestamp,m.x\n1,2,3\n",
        "two columns are called timestamp",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_with_what_was_expected_and_what_was_got(tmp_path, case):
    text, message = BAD[case]
    path = csv_file(tmp_path, text)
    with pytest.raises(TraceError) as caught:
        read_trace(path)
    assert str(caught.value) == f"{path}: {message}"


def test_too_little_is_left_when_the_disordered_are_dropped(tmp_path):
    path = csv_file(tmp_path, rows(100, 10, 20, 30))
    with pytest.raises(TraceError, match=r"expected at least 2 rows, got 1$"):
        read_trace(path, drop_disordered=True)


def test_a_column_to_rename_must_be_there(tmp_path):
    path = csv_file(tmp_path, rows(0, 10))
    with pytest.raises(TraceError, match=r"expected a column cpu to rename, got none$"):
        read_trace(path, renamed={"cpu": "m.cpu"})


def test_two_columns_may_not_be_renamed_to_one_series(tmp_path):
    path = parquet_file(tmp_path, timestamp=instants(2), a=[1, 2], b=[3, 4])
    with pytest.raises(TraceError, match=r"the series m\.x: a and b; take one"):
        read_trace(path, renamed={"a": "m.x", "b": "m.x"})


@pytest.mark.parametrize("name", ["host.csv", "host.parquet"])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    path = tmp_path / name
    expected = f"{path}: cannot be read: No such file or directory"
    with pytest.raises(TraceError, match=re.escape(expected)):
        read_trace(path)


@pytest.mark.parametrize("name", ["host.csv", "host.parquet"])
def test_a_folder_is_no_trace(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(TraceError, match=r"cannot be read: Is a directory$"):
        read_trace(tmp_path / name)


@pytest.mark.parametrize(
    "content", [b"", b"timestamp,x\n1,2\n", b"PAR1 and no more PAR1"]
)
def test_what_is_called_parquet_must_be_parquet(tmp_path, content):
    path = tmp_path / "host.parquet"
    path.write_bytes(content)
    with pytest.raises(TraceError, match="expected a Parquet file: "):
        read_trace(path)


def test_a_parquet_file_that_is_called_csv_is_refused(tmp_path):
    path = parquet_file(tmp_path, name="host.csv", timestamp=instants(2), x=[1, 2])
    with pytest.raises(TraceError, match="expected a "):
        read_trace(path)


def test_a_torn_parquet_file_is_refused(tmp_path):
    path = parquet_file(tmp_path, timestamp=instants(2), x=[1, 2])
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:length])
        with pytest.raises(TraceError):
            read_trace(path)


@pytest.mark.parametrize(
    ("column", "got"),
    [
        (pa.array(["a", "b"]), "string"),
        (pa.array([[1.0], [2.0]]), "list<.*: double>"),
        (pa.array([START.date()] * 2), r"date32\[day\]"),
    ],
)
def test_a_column_of_something_else_than_numbers_is_refused(tmp_path, column, got):
    path = parquet_file(tmp_path, timestamp=instants(2), **{"m.x": column})
    with pytest.raises(TraceError, match=f"column m.x: expected numbers, got {got}$"):
        read_trace(path)


def test_a_parquet_instant_that_is_missing_is_refused(tmp_path):
    column = pa.array([START, None], pa.timestamp("ms"))
    path = parquet_file(tmp_path, timestamp=column, x=[1, 2])
    with pytest.raises(TraceError, match="row 2, column timestamp: expected ISO 8601"):
        read_trace(path)


def test_two_parquet_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "host.parquet"
    stamps, values = pa.array(instants(2)), pa.array([1.0, 2.0])
    table = pa.Table.from_arrays([stamps, values, values], ["timestamp", "x", "x"])
    parquet.write_table(table, path)
    with pytest.raises(TraceError, match=r"two columns are called x$"):
        read_trace(path)


def test_parquet_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    path = parquet_file(tmp_path, timestamp=instants(2), x=[1, 2])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        TraceError, match=r"pip install 'forewarn\[trace\]', or use CSV$"
    ):
        read_trace(path)


def test_a_share_in_percent_is_refused_before_it_flatters(tmp_path):
    path = tmp_path / "percent.csv"
    path.write_text("timestamp,system.cpu.utilization\n0,12\n60,\n120,87\n")
    with pytest.raises(TraceError, match=r"expected a share of 0 to 1, got 87; a perc"):
        read_trace(path)


def test_blank_lines_say_nothing(tmp_path):
    path = tmp_path / "blank.csv"
    path.write_text("timestamp,system.cpu.load_average.1m\n0,12\n\n60,87\n\n")
    assert read_trace(path).values.tolist() == [[12], [87]]
