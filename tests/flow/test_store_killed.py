"""Killed at every write: `kill -9` loses ticks at most, and never tears one.

The writer lives many short lives on one file. Everything it writes follows from the
number of the tick, so what is found after a death can be told from what must be there.
FOREWARN_KILLS says how many deaths (30).
"""

import os
import selectors
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agent.adapters.store.archive import Archive
from agent.adapters.store.ledger import SqliteLedger
from agent.core.moment import (
    BASELINE,
    Moment,
    Outcome,
    OutcomeKind,
    Prediction,
    Resolved,
    Role,
)
from agent.core.sample import Sample
from agent.core.scorecard import Scorecard
from agent.ports import CardKey, Standing, TickRecord

KILLS = int(os.environ.get("FOREWARN_KILLS", "30"))
ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 3, 1, 23, 0, 0, 1, tzinfo=UTC)
INTERVAL = timedelta(seconds=10)
A_TICK, HORIZON_TICKS = 3, 5
DIGESTS = {Role.BASELINE: BASELINE, Role.ACTIVE: "a" * 64}
KEEP_TICKS = 60
LATER_S = 60.0


class Writer:
    """Goes on from what the ledger holds, as the daemon does at its start."""

    def __init__(self, ledger, *, trims):
        self.ledger, self.trims = ledger, trims
        self.waiting = {moment.id: moment for moment in ledger.open_moments()}
        last = max((s.at for s in ledger.samples(since=START)), default=None)
        self.tick = 0 if last is None else (last - START) // INTERVAL + 1
        self.cards = {}
        for at in (START, START + timedelta(days=1), START + timedelta(days=2)):
            self.cards |= ledger.cards(day=at.date())

    def live(self):
        generator = np.random.default_rng()
        while True:
            for _ in range(generator.integers(1, 8)):
                self.ledger.add(self.next_tick())
            self.ledger.commit(
                Standing(cards=self.cards, memories={"task": bytes(self.tick % 4_000)})
            )
            if self.trims and generator.random() < 0.2:
                self.trim()
            sys.stdout.write(".")
            sys.stdout.flush()

    def trim(self):
        keep_s = KEEP_TICKS * INTERVAL.total_seconds()
        now = START + self.tick * INTERVAL
        self.ledger.trim(now=now, keep_s=keep_s, max_bytes=10**9)

    def next_tick(self):
        tick, at = self.tick, START + self.tick * INTERVAL
        due = sorted(n for n, m in self.waiting.items() if m.due_at <= at)
        resolved = [resolve(self.waiting.pop(number), at) for number in due]
        for each in resolved:
            count_into(self.cards, each)
        moments = [moment_of(number) for number in numbers_of(tick)]
        self.waiting |= {moment.id: moment for moment in moments}
        self.tick += 1
        return TickRecord(
            sample=Sample(
                at=at,
                layout=("a", f"b{tick // 50}"),
                values=np.array([tick, np.nan], dtype=np.float32),
            ),
            moments=moments,
            resolved=resolved,
            events=[],
        )


def numbers_of(tick):
    return range(tick * A_TICK + 1, (tick + 1) * A_TICK + 1)


def moment_of(number):
    at = START + (number - 1) // A_TICK * INTERVAL
    return Moment(
        id=number,
        task="task",
        entity="",
        at=at,
        due_at=at + HORIZON_TICKS * INTERVAL,
        limit=0.9,
        origin=1 / number,
        state=number % 8,
        features=np.full(30, number, dtype=np.float32),
        predictions=tuple(
            Prediction(role=role, digest=digest, values=(1 / (number + shift),))
            for shift, (role, digest) in enumerate(DIGESTS.items())
        ),
    )


def resolve(moment, at):
    happened = moment.id % 3 == 0
    outcome = Outcome(
        kind=OutcomeKind.HAPPENED if happened else OutcomeKind.DID_NOT,
        resolved_at=at,
        happened_at=at - INTERVAL if happened else None,
    )
    return Resolved(moment=moment, outcome=outcome)


def count_into(cards, resolved):
    moment, outcome = resolved.moment, resolved.outcome
    baseline = moment.by(Role.BASELINE).values[0]
    happened = outcome.kind is OutcomeKind.HAPPENED
    lead_s = (outcome.happened_at - moment.at).total_seconds() if happened else 0.0
    for prediction in moment.predictions:
        day = outcome.resolved_at.date()
        key = CardKey(moment.task, prediction.digest, prediction.role, day)
        cards.setdefault(key, Scorecard()).add_event(
            prediction.values[0],
            baseline=baseline,
            happened=happened,
            threshold=0.01,
            lead_s=lead_s,
        )


def lives(path, *, trims):
    """Let writers live and die; yield after each death."""
    generator = np.random.default_rng(20_260_301)
    command = [sys.executable, __file__, str(path), *(["trims"] if trims else [])]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    for _ in range(KILLS):
        with subprocess.Popen(  # noqa: S603 - this very file
            command, stdout=subprocess.PIPE, env=environment
        ) as process:
            try:
                assert _has_committed(process), "the writer died by itself"
                span_s = float(generator.uniform(0, 0.05))
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(span_s)
            finally:
                process.kill()
        yield


def _has_committed(process):
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return selector.select(LATER_S) and process.stdout.read(1) == b"."


def check_integrity(path):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_killed_at_any_instant_leaves_whole_ticks(tmp_path):
    path = tmp_path / "state.db"
    ticks_before = 0
    for _ in lives(path, trims=False):
        with Archive.open(path) as archive:
            counts, cards = archive.counts(), archive.cards()
            moments = {m.id: came for m, came in archive.moments(limit=10**9)}
        outcomes = {n: came for n, came in moments.items() if came is not None}
        ticks = counts.samples
        assert ticks > ticks_before
        assert counts.moments == ticks * A_TICK
        assert moments.keys() >= set(numbers_of(ticks_before))
        resolved = max(ticks - HORIZON_TICKS, 0) * A_TICK
        assert sorted(outcomes) == list(range(1, resolved + 1))
        expected = {}
        for number in sorted(outcomes):
            made = moment_of(number)
            assert outcomes[number].resolved_at == made.due_at
            count_into(expected, Resolved(moment=made, outcome=outcomes[number]))
        assert cards == expected
        check_integrity(path)
        ticks_before = ticks


def test_killed_in_a_trim_leaves_the_young_and_the_open(tmp_path):
    path = tmp_path / "state.db"
    for _ in lives(path, trims=True):
        check_integrity(path)
        with SqliteLedger.open(path) as ledger:
            ats = [sample.at for sample in ledger.samples(since=START)]
            open_ids = [moment.id for moment in ledger.open_moments()]
            next_id = ledger.next_moment_id()
        ticks = (ats[-1] - START) // INTERVAL + 1
        kept = min(ticks, KEEP_TICKS)
        assert ats[-kept:] == [START + n * INTERVAL for n in range(ticks - kept, ticks)]
        # One that was killed early has lived less than a horizon.
        first_open = max(1, next_id - HORIZON_TICKS * A_TICK)
        assert open_ids == list(range(first_open, next_id))
        assert next_id == ticks * A_TICK + 1


def test_a_writer_resolves_what_it_should(tmp_path):
    """The law of the test itself, without a death."""
    with SqliteLedger.open(tmp_path / "state.db") as ledger:
        writer = Writer(ledger, trims=False)
        resolved = [
            each.moment.id for _ in range(8) for each in writer.next_tick().resolved
        ]
    assert resolved == list(range(1, 10))


def _main():
    path, trims = Path(sys.argv[1]), "trims" in sys.argv[2:]
    with SqliteLedger.open(path) as ledger:
        # A checkpoint every few commits, so that some deaths fall into one.
        ledger._connection.execute("PRAGMA wal_autocheckpoint = 100")
        Writer(ledger, trims=trims).live()


if __name__ == "__main__":
    _main()
