"""The samples that a daemon has kept, as a recording reads them."""

import os
import sqlite3
from contextlib import closing

import pytest

from agent.adapters.store.kept import _CHUNK, kept_samples
from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.registry import SqliteRegistry
from agent.errors import StateError
from tests.fakes.ledger import INTERVAL, NOTHING, START, check_same_sample, tick


def kept_in(folder, ticks):
    path = folder / "state.db"
    with SqliteRegistry.open(path), SqliteLedger.open(path) as ledger:
        for each in ticks:
            ledger.add(each)
        ledger.commit(NOTHING)
    return path


def read(path, *, since=None):
    with closing(sqlite3.connect(path)) as connection:
        return list(kept_samples(connection, path=path, since=since))


def test_all_that_is_kept_is_read_oldest_first(tmp_path):
    layouts = [("a", "b"), ("a", "b"), ("c",), ("a", "b")]
    ticks = [tick(number, layout=layout) for number, layout in enumerate(layouts)]
    found = read(kept_in(tmp_path, ticks))
    for sample, each in zip(found, ticks, strict=True):
        check_same_sample(sample, each.sample)
    assert found[0].layout is found[3].layout


def test_the_first_is_the_one_at_that_instant(tmp_path):
    path = kept_in(tmp_path, [tick(number) for number in range(5)])
    since = START + 2 * INTERVAL
    assert [each.at for each in read(path, since=since)] == [
        since + number * INTERVAL for number in range(3)
    ]


@pytest.mark.parametrize("count", [0, _CHUNK, _CHUNK + 1])
def test_none_is_lost_between_two_reads(tmp_path, count):
    path = kept_in(tmp_path, [tick(number) for number in range(count)])
    assert len(read(path)) == count


def test_what_cannot_be_read_is_said(tmp_path):
    path = kept_in(tmp_path, [tick(0)])
    os.truncate(path, 2_000)
    with pytest.raises(StateError, match="reading samples"):
        read(path)
