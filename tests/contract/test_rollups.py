"""What holds for the roll-ups of every ledger: in memory and in SQLite."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from agent.adapters.store import rollups
from agent.core.rollup import RollUp
from tests.fakes.ledger import NOTHING, START, tick
from tests.fakes.life import LEDGERS, InSqlite

MINUTE = timedelta(minutes=1)
YEARS_S = 10 * 365 * 86_400.0
PLENTY = 10**12


@pytest.fixture(params=LEDGERS)
def bench(request, tmp_path):
    with closing(request.param(tmp_path)) as opened:
        yield opened


def rolled(number, *, layout=("a", "b"), at=None):
    return RollUp(
        at=START + number * MINUTE if at is None else at,
        layout=layout,
        means=np.arange(number, number + len(layout), dtype=np.float32) / 3,
        maxima=np.full(len(layout), np.nan, dtype=np.float32),
    )


def commit(bench, *made, number=0):
    bench.ledger.add(replace(tick(number), rollups=made))
    bench.ledger.commit(NOTHING)


def numbers(bench, *, since=START):
    return [(each.at - START) // MINUTE for each in bench.ledger.rollups(since=since)]


def test_a_new_ledger_has_rolled_up_nothing(bench):
    assert bench.ledger.rolled_until() is None
    assert numbers(bench) == []
    bench.ledger.forget_rollups(since=START)


def test_a_roll_up_comes_back_as_it_was(bench):
    made = [rolled(0), rolled(1, layout=("c",))]
    commit(bench, *made)
    bench.reopen()
    for found, expected in zip(bench.ledger.rollups(since=START), made, strict=True):
        assert (found.at, found.layout) == (expected.at, expected.layout)
        for name in ("means", "maxima"):
            np.testing.assert_array_equal(
                getattr(found, name), getattr(expected, name), strict=True
            )


def test_roll_ups_come_oldest_first_from_since_on(bench):
    count = 2 * rollups._CHUNK + 1
    commit(bench, *[rolled(number) for number in range(count)])
    assert numbers(bench) == list(range(count))
    assert numbers(bench, since=START + 5 * MINUTE) == list(range(5, count))
    assert bench.ledger.rolled_until() == START + (count - 1) * MINUTE


def test_what_is_held_back_is_not_there_and_is_lost_with_the_process(bench):
    bench.ledger.add(replace(tick(0), rollups=[rolled(0)]))
    assert numbers(bench) == []
    bench.reopen()
    bench.ledger.commit(NOTHING)
    assert numbers(bench) == []


def test_the_same_minute_again_replaces_the_roll_up(bench):
    commit(bench, rolled(3))
    again = rolled(7, layout=("c",), at=START + 3 * MINUTE)
    commit(bench, again, number=1)
    (found,) = bench.ledger.rollups(since=START)
    assert found.layout == ("c",)
    np.testing.assert_array_equal(found.means, again.means)


def test_what_another_clock_timed_is_forgotten_from_since_on(bench):
    commit(bench, *map(rolled, range(5)))
    bench.ledger.forget_rollups(since=START + 9 * MINUTE)
    assert numbers(bench) == [0, 1, 2, 3, 4]
    bench.ledger.forget_rollups(since=START + 3 * MINUTE)
    assert numbers(bench) == [0, 1, 2]


def test_a_trim_keeps_eight_days_however_little_else_is_kept(bench):
    made = [rolled(24 * 60 * day) for day in range(10)]
    commit(bench, *made)
    now = made[-1].at
    bench.ledger.trim(now=now, keep_s=60.0, max_bytes=PLENTY)
    assert numbers(bench) == [24 * 60 * day for day in range(1, 10)]


def test_a_limit_bites_roll_ups_too(bench):
    commit(bench, *map(rolled, range(50)))
    bench.ledger.trim(now=START + 50 * MINUTE, keep_s=YEARS_S, max_bytes=1)
    assert numbers(bench) == []


def test_a_layout_that_only_a_roll_up_has_outlives_a_trim(tmp_path):
    bench = InSqlite(tmp_path)
    commit(bench, *[rolled(number, layout=(f"s{number}",)) for number in range(300)])
    now = START + 300 * MINUTE
    bench.ledger.trim(now=now, keep_s=1.0, max_bytes=PLENTY)
    assert {each.layout for each in bench.ledger.rollups(since=START)} == {
        (f"s{number}",) for number in range(300)
    }
    bench.close()


def test_reading_leaves_no_transaction_open_between_two_roll_ups(tmp_path):
    bench = InSqlite(tmp_path)
    commit(bench, *map(rolled, range(3)))
    reading = bench.ledger.rollups(since=START)
    next(reading)
    commit(bench, rolled(3), number=1)
    with closing(sqlite3.connect(bench.path)) as other:
        busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0
    bench.close()
