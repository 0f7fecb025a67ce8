"""Killed at any instant: the ticks since the last commit are gone, and nothing else.

FOREWARN_KILLS says how many deaths (25).
"""

import os
import selectors
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from agent.core.manifest import parse_manifest
from agent.core.scorecard import Scorecard
from tests.fakes.life import InSqlite, at, recount, recounted, story
from tests.faults.killed_daemon_child import (
    ACTIVE,
    DISK,
    TASKS,
    line_up,
    number_of,
    ticker_on,
)

KILLS = int(os.environ.get("FOREWARN_KILLS", "25"))
# On a busy machine a daemon does less before it dies; then more of them must.
MOST_KILLS = 8 * KILLS
KINDS = {"happened", "did_not", "void"}
ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("killed_daemon_child.py")
LATER_S = 60.0
AT_WORK_S, AT_START_S = 0.05, 0.4
HORIZON_TICKS = 6
LEADING = {
    manifest.task: manifest
    for manifest in (parse_manifest(TASKS[digest]) for digest in (ACTIVE, DISK))
}


def life_and_death(path, generator):
    """Let a daemon live on the file for a while; return what it said it committed."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "OPENBLAS_NUM_THREADS": "1",
    }
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, str(CHILD), str(path)],
        stdout=subprocess.PIPE,
        env=environment,
    ) as process:
        try:
            is_at_work = generator.random() < 0.8
            if is_at_work:
                assert _has_spoken(process), "the daemon died by itself"
            most = AT_WORK_S if is_at_work else AT_START_S
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(float(generator.uniform(0, most)))
        finally:
            process.kill()
        # The last line may be torn: what it was to say is not said.
        lines = process.stdout.read().split(b"\n")[:-1]
    return max((int(line) for line in lines if line), default=-1)


def _has_spoken(process):
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return bool(selector.select(LATER_S))


def check_file(path):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


class Record:
    """What was found on disk after the deaths so far.

    Attributes:
        last: The newest tick.
        outcomes: Every outcome, by its moment's number.
    """

    def __init__(self, bench):
        self.last, self.outcomes = -1, {}
        self._bench, self._cards = bench, {}

    def grow(self):
        """Read what is new; check that it is whole and that nothing old has changed."""
        bench, before = self._bench, self.last
        found = bench.ledger.samples(since=at(before + 1))
        numbers = [number_of(sample.at) for sample in found]
        self.last = before + len(numbers)
        assert numbers == list(range(before + 1, self.last + 1))
        assert bench.sample_count() == self.last + 1
        young = bench.moments(since=at(before - HORIZON_TICKS))
        first = young[0][0].id
        assert [m.id for m, _ in young] == list(range(first, first + len(young)))
        new = [pair for pair in young if not self._is_known(*pair)]
        cards = recount(new, documents=TASKS, leading=LEADING)
        for key, card in cards.items():
            self._cards[key] = self._cards.get(key, Scorecard()).merged(card)
        assert bench.cards() == self._cards

    def kinds(self):
        """Return which kinds of outcome there were."""
        return {str(outcome.kind) for outcome in self.outcomes.values()}

    def _is_known(self, moment, outcome):
        assert moment.at <= at(self.last)
        assert (outcome is not None) == (moment.due_at <= at(self.last)), moment.id
        if moment.id in self.outcomes:
            assert outcome == self.outcomes[moment.id]
            return True
        if outcome is not None:
            assert outcome.resolved_at == moment.due_at
            self.outcomes[moment.id] = outcome
        return False

    def check_all(self):
        """Check that nothing that was ever there is gone, and nothing there twice."""
        moments = self._bench.moments()
        assert [m.id for m, _ in moments] == list(range(1, len(moments) + 1))
        assert {m.id: o for m, o in moments if o is not None} == self.outcomes
        assert self._bench.cards() == recounted(self._bench, leading=LEADING)


def told(bench):
    """Return all that must be as if nobody had died, the guard's tests included."""
    ledger = bench.ledger
    return *story(bench), bench.evidence(), ledger.memories(), ledger.lineups()


def uninterrupted(folder, last):
    """Return what a daemon that never died says of the same ticks."""
    folder.mkdir()
    bench = InSqlite(folder)
    line_up(bench)
    ticker = ticker_on(bench.ledger)
    for number in range(last + 1):
        ticker.tick(at(number))
    ticker.close(at(last))
    everything = told(bench)
    bench.close()
    return everything


def test_killed_at_any_instant_it_loses_only_what_was_not_committed(tmp_path):
    generator = np.random.default_rng(25)
    bench = InSqlite(tmp_path)
    line_up(bench)
    bench.documents = TASKS
    record = Record(bench)
    for death in range(MOST_KILLS):
        if death >= KILLS and record.kinds() >= KINDS:
            break
        bench.close()
        committed = life_and_death(bench.path, generator)
        check_file(bench.path)
        bench.reopen()
        record.grow()
        assert record.last >= committed
        if death % 50 == 0:
            record.check_all()
    record.check_all()
    assert record.kinds() >= KINDS
    assert told(bench) == uninterrupted(tmp_path / "uninterrupted", record.last)
    bench.close()
    ticks, outcomes = record.last + 1, len(record.outcomes)
    print(f"{death} deaths, {ticks} ticks, {outcomes} outcomes")  # noqa: T201
