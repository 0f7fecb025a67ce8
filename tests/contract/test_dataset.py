"""Labelled samples in files: whole, once, and for any engine to read."""

import os
import pickle
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("dask", reason="dask is not installed")
pytest.importorskip("moto", reason="moto is not installed")

import numpy as np
import pandas as pd
import pyarrow as pa
from dask import dataframe as dask_frame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import dataset as arrow_dataset
from pyarrow import fs, parquet

from agent.errors import ConfigError, StateError, UnavailableError
from central.adapters.dataset import ParquetDataset, opened
from central.adapters.dataset.place import Place, place
from tests.fakes.dataset import DAY, RELEASE, MemoryDataset, batch, samples_of
from tests.fakes.object_store import make_bucket, object_store

TODAY = DAY.date()
TOMORROW = TODAY + timedelta(days=1)
OTHER = "b" * 64
_NUMBERS = count()


@pytest.fixture(scope="session")
def store():
    with object_store() as options:
        yield options


@pytest.fixture
def bucket(store):
    return make_bucket(f"bucket-{next(_NUMBERS)}", store)


@pytest.fixture(params=["folder", "bucket"])
def url(request, tmp_path):
    if request.param == "folder":
        return str(tmp_path / "dataset")
    return request.getfixturevalue("bucket")


@pytest.fixture
def samples(url):
    return opened(url)


@pytest.fixture(params=["memory", "folder", "bucket"])
def either(request, tmp_path):
    if request.param == "memory":
        return MemoryDataset()
    is_folder = request.param == "folder"
    return opened(str(tmp_path) if is_folder else request.getfixturevalue("bucket"))


def same(left, right):
    for name in left.__slots__:
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
        assert getattr(left, name).dtype.kind == getattr(right, name).dtype.kind


def paths(url):
    """Return the paths of all files, whatever their names."""
    where = place(url)
    found = where.filesystem.get_file_info(
        fs.FileSelector(str(where._root), recursive=True, allow_not_found=True)
    )
    return sorted(info.path for info in found if info.is_file)


# What holds for whatever keeps samples.


def test_what_was_added_is_read(either):
    sent = batch(range(20))
    either.add(sent)
    same(either.read("cpu", releases=[RELEASE]), samples_of(sent.rows))


def test_nothing_is_nothing(either):
    assert either.tasks() == ()
    assert either.releases("cpu") == ()
    assert either.stock() == ()
    assert len(either.read("cpu", releases=[RELEASE])) == 0


def test_samples_come_by_time_whatever_the_order_they_came_in(either):
    either.add(batch(range(5, 10), id_=1, day=1))
    either.add(batch([3, 1, 2], id_=2))
    either.add(batch([9, 0], id_=3, host="host-0002"))
    at = either.read("cpu", releases=[RELEASE]).at
    assert len(at) == 10
    assert list(at) == sorted(at)


def test_the_same_batch_again_changes_nothing(either):
    either.add(batch(range(20)))
    before = either.stock()
    either.add(batch(range(20)))
    assert either.stock() == before


def test_a_sample_in_two_batches_comes_once(either):
    either.add(batch(range(12), id_=1))
    either.add(batch(range(8, 20), id_=2))
    found = either.read("cpu", releases=[RELEASE])
    same(found, samples_of(batch(range(20)).rows))
    assert either.stock()[0].rows == 20


def test_only_the_releases_that_are_asked_for_come(either):
    either.add(batch(range(5), id_=1))
    either.add(batch(range(5, 9), id_=2, release=OTHER))
    assert either.releases("cpu") == (RELEASE, OTHER)
    assert len(either.read("cpu", releases=[OTHER])) == 4
    assert len(either.read("cpu", releases=[OTHER, RELEASE])) == 9
    assert len(either.read("cpu", releases=[])) == 0


@pytest.mark.parametrize(
    ("since", "until", "rows"),
    [
        pytest.param(None, None, 30, id="all_of_it"),
        pytest.param(DAY + timedelta(days=1), None, 20, id="since_is_inclusive"),
        pytest.param(None, DAY + timedelta(days=1), 10, id="until_is_exclusive"),
        pytest.param(
            DAY + timedelta(days=1, seconds=50),
            DAY + timedelta(days=2, seconds=20),
            7,
            id="within_days",
        ),
    ],
)
def test_only_the_time_that_is_asked_for_comes(since, until, rows, either):
    for day in range(3):
        either.add(batch(range(10), id_=day, day=day, host=f"host-000{day}"))
    found = either.read("cpu", releases=[RELEASE], since=since, until=until)
    assert len(found) == rows


def test_tasks_do_not_mix(either):
    either.add(batch(range(5), id_=1))
    either.add(batch(range(3), id_=2, task="disk"))
    assert either.tasks() == ("cpu", "disk")
    assert [each.rows for each in either.stock()] == [5, 3]


def test_a_value_task_counts_no_events(either):
    either.add(batch(range(4)))
    assert either.stock()[0].events == 1
    either.add(batch([9], id_=2, label=0.7))
    assert either.stock()[0].events is None


def test_the_parts_are_the_whole(either):
    for day in range(3):
        either.add(batch(range(10), id_=day, day=day, host=f"host-000{day}"))
    whole = either.read("cpu", releases=[RELEASE])
    parts = [part() for part in either.parts("cpu", releases=[RELEASE])]
    assert sum(map(len, parts)) == len(whole)
    np.testing.assert_array_equal(np.concatenate([part.at for part in parts]), whole.at)


# What holds for files.


def test_a_part_is_read_wherever_it_is_sent(samples):
    samples.add(batch(range(10)))
    (part,) = pickle.loads(  # noqa: S301 - our own
        pickle.dumps(samples.parts("cpu", releases=[RELEASE], width=3))
    )
    same(part(), samples_of(batch(range(10)).rows))


def test_a_day_that_is_not_asked_for_is_no_part(samples):
    for day in range(3):
        samples.add(batch(range(10), id_=day, day=day, host=f"host-000{day}"))
    since, until = DAY + timedelta(days=1), DAY + timedelta(days=1, hours=1)
    parts = samples.parts("cpu", releases=[RELEASE], since=since, until=until)
    assert [part.day for part in parts] == [TOMORROW]


def test_a_confused_host_keeps_nobody_from_learning(samples):
    samples.add(batch(range(10), id_=1))
    samples.add(batch(range(4), id_=2, host="confused-1", width=7))
    samples.add(batch(range(4), id_=3, host="confused-2", baseline=(0.1, 0.2)))
    samples.add(batch(range(3), id_=4, host="confused-3", active=(0.1, 0.2)))
    found = samples.read("cpu", releases=[RELEASE])
    assert set(found.host) == {"host-0001", "confused-3"}
    assert np.isnan(found.active[found.host == "confused-3"]).all()


def test_compaction_leaves_one_file_a_day_and_every_sample(samples, url):
    for number in range(4):
        samples.add(batch(range(8 * number, 8 * number + 10), id_=number))
    before = samples.read("cpu", releases=[RELEASE])
    assert samples.compact(before=TOMORROW) == 4
    same(samples.read("cpu", releases=[RELEASE]), before)
    assert len(paths(url)) == 1
    assert samples.compact(before=TOMORROW) == 0


def test_compaction_leaves_a_day_that_is_not_over(samples, url):
    samples.add(batch(range(5), id_=1))
    samples.add(batch(range(5, 9), id_=2))
    assert samples.compact(before=TODAY) == 0
    assert len(paths(url)) == 2


def test_what_comes_late_is_compacted_later(samples, url):
    samples.add(batch(range(5), id_=1))
    samples.add(batch(range(5, 9), id_=2))
    samples.compact(before=TOMORROW)
    samples.add(batch(range(5), id_=1))
    assert samples.compact(before=TOMORROW) == 1
    assert samples.stock()[0].rows == 9
    assert len(paths(url)) == 1


def test_files_that_are_not_ours_are_passed_over(samples, url):
    samples.add(batch(range(5)))
    where = place(url)
    for name in (
        "task=cpu/day=2026-05-04/_part.parquet",
        "task=cpu/day=never/a.parquet",
        "task=cpu/notes.txt",
        "README",
        "task=empty/day=2026-05-04/_x",
    ):
        path = where._root / name
        where.filesystem.create_dir(str(path.parent))
        with where.filesystem.open_output_stream(str(path)) as stream:
            stream.write(b"?")
    assert samples.tasks() == ("cpu",)
    assert samples.stock()[0].files == 1
    assert len(samples.read("cpu", releases=[RELEASE])) == 5


def test_files_that_go_meanwhile_are_looked_for_anew(samples, monkeypatch):
    samples.add(batch(range(5), id_=1))
    samples.add(batch(range(5, 9), id_=2))
    usual = Place.files

    def files(self, task, day):
        found = usual(self, task, day)
        monkeypatch.setattr(Place, "files", usual)
        samples.compact(before=TOMORROW)
        return found

    monkeypatch.setattr(Place, "files", files)
    assert len(samples.read("cpu", releases=[RELEASE])) == 9


def test_files_that_go_on_going_are_not_to_be_had(samples, monkeypatch):
    samples.add(batch(range(5)))
    monkeypatch.setattr(Place, "files", lambda *_: ["gone/away.parquet"])
    with pytest.raises(UnavailableError, match="a file went while it was read"):
        samples.read("cpu", releases=[RELEASE])


# What other engines see.


def test_pandas_reads_them(tmp_path):
    opened(str(tmp_path)).add(batch(range(8)))
    frame = pd.read_parquet(tmp_path, filters=[("task", "==", "cpu")])
    assert list(frame["label"]) == [1, 0, 0, 0, 1, 0, 0, 0]
    assert set(frame["day"].astype(str)) == {"2026-05-04"}
    assert frame["at"].iloc[1] == pd.Timestamp(DAY + timedelta(seconds=10))
    np.testing.assert_allclose(frame["features"].iloc[2], [np.nan, 2.1, 2.2], 1e-6)


@pytest.mark.parametrize("where", ["folder", "bucket"])
def test_dask_reads_them(where, tmp_path, request):
    is_folder = where == "folder"
    url = str(tmp_path) if is_folder else request.getfixturevalue("bucket")
    for day in range(2):
        opened(url).add(batch(range(8), id_=day, day=day))
    reached = place(url)
    frame = dask_frame.read_parquet(
        str(reached._root), filesystem=reached.filesystem, columns=["label", "host"]
    )
    assert frame.npartitions >= 1
    assert frame["label"].sum().compute(scheduler="synchronous") == 4


def test_arrow_reads_them_from_an_object_store(bucket):
    opened(bucket).add(batch(range(8)))
    where = place(bucket)
    table = arrow_dataset.dataset(
        str(where._root), filesystem=where.filesystem, partitioning="hive"
    ).to_table(filter=arrow_dataset.field("day") == "2026-05-04")
    assert table["task"].to_pylist() == ["cpu"] * 8
    assert table["features"].type.value_type == pa.float32()


def test_the_columns_are_what_the_documents_say(tmp_path):
    opened(str(tmp_path)).add(batch(range(8)))
    (path,) = paths(str(tmp_path))
    schema = parquet.read_schema(path)
    assert schema.names == [
        *("host", "sequence", "place", "at", "entity", "release", "label", "weight"),
        *("baseline", "active", "features"),
    ]
    assert str(schema.field("at").type) == "timestamp[us, tz=UTC]"
    column = parquet.ParquetFile(path).metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.lists(st.integers(0, 40), min_size=1, max_size=12, unique=True),
        min_size=1,
        max_size=5,
    ),
    st.sets(st.integers(0, 4)),
)
def test_whatever_comes_twice_is_there_once(tmp_path_factory, batches, compactions):
    samples = opened(str(tmp_path_factory.mktemp("any")))
    for number, numbers in enumerate(batches):
        samples.add(batch(numbers, id_=number))
        if number in compactions:
            samples.compact(before=TOMORROW)
    wanted = samples_of(batch(sorted(set().union(*batches))).rows)
    same(samples.read("cpu", releases=[RELEASE]), wanted)


# What goes wrong.


@pytest.mark.parametrize("harm", ["cut", "garbage", "flipped", "empty"])
def test_a_damaged_file_is_named(harm, samples, url):
    samples.add(batch(range(30)))
    (path,) = paths(url)
    where = place(url)
    whole = where.get(path)
    middle = len(whole) // 3
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    content = {
        "cut": whole[: len(whole) // 2],
        "garbage": b"PAR1" + bytes(200) + b"PAR1",
        "flipped": flipped,
        "empty": b"",
    }[harm]
    with where.filesystem.open_output_stream(path) as stream:
        stream.write(content)
    with pytest.raises(StateError, match=Path(path).name):
        samples.read("cpu", releases=[RELEASE])
    samples.add(batch(range(30, 33), id_=2))
    with pytest.raises(StateError, match="expected a Parquet file of samples"):
        samples.compact(before=TOMORROW)
    assert len(paths(url)) == 2


def test_a_file_that_lacks_a_column_is_a_damaged_one(tmp_path):
    samples = opened(str(tmp_path))
    samples.add(batch(range(3)))
    (path,) = paths(str(tmp_path))
    parquet.write_table(pa.table({"host": ["host-0001"]}), path)
    with pytest.raises(StateError, match="expected the column sequence"):
        samples.read("cpu", releases=[RELEASE])


def test_a_folder_that_cannot_be_written_is_not_to_be_had_now(tmp_path):
    (tmp_path / "file").write_text("in the way")
    samples = opened(str(tmp_path / "file"))
    with pytest.raises(UnavailableError, match=r"dataset .*file"):
        samples.add(batch(range(3)))


def test_a_bucket_that_is_not_there_is_not_to_be_had_now(store):
    samples = opened(f"s3://nowhere/fleet?{store}")
    with pytest.raises(UnavailableError, match="dataset s3://nowhere/fleet: "):
        samples.add(batch(range(3)))


@pytest.mark.parametrize("address", ["ftp://host/path", "s3://", "s3://a?what=ever"])
def test_an_address_that_cannot_be_one_is_a_matter_of_configuration(address):
    with pytest.raises(ConfigError, match=r"dataset\.url: expected a folder or an"):
        opened(address)


def test_a_secret_in_an_address_is_not_told():
    with pytest.raises(ConfigError) as raised:
        opened("s3://me:secret@bucket/path?what=ever")
    assert "secret" not in str(raised.value)
    assert "s3://bucket/path" in str(raised.value)


# Killed at any step.


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


WRITES = ("mkdir", "open", "fsync", "rename", "replace", "remove", "unlink")


def dying(monkeypatch, *, after):
    """Let the process die right before its n-th step towards the disk."""
    left = iter(range(after + 1))

    def step(usual):
        def run(*args, **kwargs):
            if next(left, None) is None:
                raise Killed
            return usual(*args, **kwargs)

        return run

    for name in WRITES:
        monkeypatch.setattr(os, name, step(getattr(os, name)))
    monkeypatch.setattr(Place, "remove", step(Place.remove))


@pytest.mark.parametrize("after", range(12))
def test_killed_while_adding_leaves_all_or_nothing(after, tmp_path):
    url = str(tmp_path / "dataset")
    opened(url).add(batch(range(5), id_=1))
    with pytest.MonkeyPatch.context() as monkeypatch:
        dying(monkeypatch, after=after)
        try:
            opened(url).add(batch(range(5, 12), id_=2, day=1))
        except Killed:
            is_done = False
        else:
            is_done = True
    found = len(opened(url).read("cpu", releases=[RELEASE]))
    assert found in ({12} if is_done else {5, 12})
    opened(url).add(batch(range(5, 12), id_=2, day=1))
    assert len(opened(url).read("cpu", releases=[RELEASE])) == 12


@pytest.mark.parametrize("after", range(14))
def test_killed_while_compacting_loses_and_doubles_nothing(after, tmp_path):
    url = str(tmp_path / "dataset")
    for number in range(4):
        opened(url).add(batch(range(8 * number, 8 * number + 10), id_=number))
    wanted = samples_of(batch(range(34)).rows)
    with pytest.MonkeyPatch.context() as monkeypatch:
        dying(monkeypatch, after=after)
        with suppress(Killed):
            opened(url).compact(before=TOMORROW)
    same(opened(url).read("cpu", releases=[RELEASE]), wanted)
    assert opened(url).stock()[0].rows == 34
    opened(url).compact(before=TOMORROW)
    same(opened(url).read("cpu", releases=[RELEASE]), wanted)
    assert opened(url).stock()[0].files == 1


def test_the_day_of_an_instant_is_that_of_utc(samples):
    samples.add(batch(range(5)))
    late = datetime.fromisoformat("2026-05-05T01:00:00+02:00")
    assert late.astimezone(UTC).date() == date(2026, 5, 4)
    assert isinstance(samples, ParquetDataset)
    assert len(samples.read("cpu", releases=[RELEASE], until=late)) == 5
