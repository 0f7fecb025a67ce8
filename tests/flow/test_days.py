"""Windows of days: whenever a host begins anew, they hold what they held."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.moment import OutcomeKind
from agent.core.rollup import RollUp
from tests.fakes.host import ScriptedHost
from tests.fakes.life import (
    ACTIVE,
    CPU,
    LEDGERS,
    SHADOW,
    InMemory,
    InSqlite,
    Life,
    at,
    manifest_of,
    story,
    value_manifest,
    walk,
)
from tests.fakes.models import FixedModels, logistic

TICKS = 240
VALUE = "d" * 64
MISSED = {*range(60, 75), 90, 91, 150}
# Of a week that has hardly begun.
EARLY = {"min_coverage": 0.0001}
LIMIT = {"condition": f"> quantile_over_time(0.9, {CPU}[7d])", "within": "2m"}
FEATURES = [
    f"avg_over_time({CPU}[7h])",
    f"max_over_time({CPU}[1d])",
    f"last_over_time({CPU}[1m])",
    f"share_above({CPU}[2d], $limit)",
]
TASKS = {
    ACTIVE: manifest_of(target=LIMIT, features=FEATURES, **EARLY),
    SHADOW: manifest_of(version=2, target=LIMIT, features=FEATURES[1:], **EARLY),
    VALUE: value_manifest(features=FEATURES[:2], ahead="4m", **EARLY),
}


class At:
    """A host whose reading depends on the instant, not on who read before."""

    def __init__(self):
        self.number = 0
        self.load = walk(TICKS, seed=4)

    def sample(self, now):
        late = {"nobody.asks": 1.0} if self.number > 100 else {}
        row = {CPU: self.load[self.number], **late}
        return ScriptedHost([row]).sample(now)


def lived(bench, *, cuts=(), commit_every_s=0.0):
    for digest, document in TASKS.items():
        bench.take_in(document, digest)
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    bench.line_up(task="cpu-load", active=VALUE)
    host = At()
    models = FixedModels({ACTIVE: logistic, SHADOW: 0.4, VALUE: [[0.2, 0.4, 0.6]]})
    life = Life(bench, host, models=models, commit_every_s=commit_every_s)
    for number in range(TICKS):
        if number in cuts:
            life.restart()
        if number not in MISSED:
            host.number = number
            life.tick(number)
    life.ticker.close(life.now)
    told = story(bench), [plain(each) for each in bench.ledger.rollups(since=at(0))]
    bench.close()
    return told


def plain(each: RollUp):
    return each.at, each.layout, each.means.tobytes(), each.maxima.tobytes()


@pytest.fixture(scope="module")
def uninterrupted():
    return lived(InMemory(None))


def test_there_is_something_to_compare(uninterrupted):
    (moments, _), rolled = uninterrupted
    assert len(rolled) == TICKS // 6 - 2  # nobody was there for two whole minutes
    known = [moment["features"][1] for moment, _ in moments]
    assert len(set(known)) > 20
    kinds = {outcome.kind for _, outcome in moments if outcome}
    assert {OutcomeKind.HAPPENED, OutcomeKind.DID_NOT, OutcomeKind.VALUE} <= kinds


@settings(deadline=None, max_examples=8)
@given(cuts=st.sets(st.integers(1, TICKS - 1), min_size=1, max_size=8))
def test_ending_and_beginning_anew_at_any_tick_changes_no_number(uninterrupted, cuts):
    assert lived(InMemory(None), cuts=cuts) == uninterrupted


def test_so_it_is_in_a_file_however_often_is_committed(uninterrupted, tmp_path):
    cuts = {5, 33, 34, 61, 74, 75, 151, 200}
    for number, every_s in enumerate([0.0, 35.0, 10_000.0]):
        folder = tmp_path / str(number)
        folder.mkdir()
        bench = InSqlite(folder)
        assert lived(bench, cuts=cuts, commit_every_s=every_s) == uninterrupted


@pytest.fixture(params=LEDGERS)
def bench(request, tmp_path):
    made = request.param(tmp_path)
    made.take_in(manifest_of(features=FEATURES[:3], **EARLY), ACTIVE)
    made.line_up(task="cpu-busy", active=ACTIVE)
    yield made
    made.close()


def cpu(*values):
    return ScriptedHost.of_columns({CPU: values})


def ends(bench):
    """Return the minutes that the ledger has, by how many ticks after the start."""
    found = bench.ledger.rollups(since=at(-10_000))
    return [(each.at - at(0)) / timedelta(seconds=10) for each in found]


def test_a_minute_is_written_with_the_tick_that_ends_it(bench):
    life = Life(bench, cpu(0.1, 0.3, 0.5))
    life.ticks(*range(6))
    assert ends(bench) == [0]
    life.tick(6)
    assert ends(bench) == [0, 6]


def test_a_kill_loses_no_minute_whose_samples_stay_and_keeps_none_whose_do_not(bench):
    life = Life(bench, cpu(0.5), commit_every_s=75.0)
    life.ticks(*range(1, 38))
    bench.reopen()  # as after a kill
    last = max(sample.at for sample in bench.ledger.samples(since=at(0)))
    minute = timedelta(minutes=1)
    assert at(0) < last < at(37)
    assert bench.ledger.rolled_until() == last - (last - at(0)) % minute


def test_a_minute_in_which_nobody_was_there_to_the_end_is_of_what_was_seen(bench):
    life = Life(bench, cpu(0.25, 0.75))
    life.ticks(1, 2)
    life.restart()
    life.tick(60)
    (first, _) = bench.ledger.rollups(since=at(0))
    assert (first.at, first.means.tolist()) == (at(6), [0.5])


def test_a_host_whose_ledger_is_older_than_roll_ups_makes_them_of_its_samples(tmp_path):
    bench = InSqlite(tmp_path)
    bench.take_in(TASKS[ACTIVE], ACTIVE)
    bench.line_up(task="cpu-busy", active=ACTIVE)
    life = Life(bench, cpu(*walk(900, seed=3)))
    life.ticks(*range(900))  # two and a half hours: far more than samples are kept
    before = list(map(plain, bench.ledger.rollups(since=at(0))))
    with closing(sqlite3.connect(bench.path)) as connection, connection:
        connection.execute("delete from rollups")
    life.restart()
    life.tick(900)
    after = list(map(plain, bench.ledger.rollups(since=at(0))))
    assert (after[: len(before)], len(after)) == (before, len(before) + 1)
    bench.close()


def test_a_clock_that_goes_back_leaves_the_days_before_it(bench):
    life = Life(bench, cpu(0.5))
    life.ticks(*range(100))
    life.ticks(43, 44)
    minutes = life.ticker._window.minutes
    assert ends(bench)[:8] == [0, 6, 12, 18, 24, 30, 36, 42]
    assert ends(bench)[8:] == []
    column = minutes.means.rows(8)[:, minutes.means.columns[CPU]]
    assert np.isfinite(column).all()
    life.ticks(*range(45, 55))
    assert ends(bench)[8:] == [48, 54]


def test_so_it_leaves_days_of_samples_that_are_a_minute_apart(bench):
    life = Life(bench, cpu(0.5), interval_s=60.0)
    day = 24 * 60 * 6
    life.ticks(*range(0, day, 6))
    life.ticks(day - 60, day - 54)
    kept = [each.at for each in bench.ledger.samples(since=at(0))]
    hours = (at(day - 60) - kept[0]).total_seconds() / 3600
    assert hours > 20
    under_another_clock = [
        each for each in kept if at(day - 60 - 6 * 360) <= each < at(day - 60)
    ]
    assert under_another_clock == []


def test_a_tick_that_breaks_off_leaves_no_minute_behind(bench):
    life = Life(bench, cpu(0.5))
    life.ticks(*range(1, 6))
    judge, life.ticker._judge = life.ticker._judge, None
    with pytest.raises(TypeError):
        life.tick(6)
    life.ticker._judge = judge
    life.tick(7)
    # Of what the ledger knows: the sample of the broken tick is lost with it.
    (found,) = bench.ledger.rollups(since=at(0))
    assert found.at == at(6)


def test_samples_a_minute_apart_are_not_rolled_up(bench):
    life = Life(bench, cpu(0.5), interval_s=60.0)
    life.ticks(*range(0, 60, 6))
    assert ends(bench) == []
    life.restart()
    result = life.tick(60)
    assert np.isfinite(result.moments[0].features).all()
