"""Killed around rollbacks and promotions: none is lost, none comes to pass twice.

FOREWARN_KILLS says how many deaths at any instant (25).
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.adapters.store.archive import Archive
from agent.core.event import AUDIT, EventName
from agent.core.lineup import LineUp
from agent.core.manifest import parse_manifest
from agent.core.release import ReleaseEvent, ReleaseState, after
from agent.core.turn import Move, turned
from tests.fakes.judged import TASK
from tests.fakes.life import EVERYTHING, FITTING, InSqlite, at, recounted, story
from tests.faults.killed_guard_child import (
    digest_of,
    document_of,
    meddle,
    number_of,
    ticker_on,
)

KILLS = int(os.environ.get("FOREWARN_KILLS", "25"))
ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("killed_guard_child.py")
AT_WORK_S, AT_START_S = 0.08, 0.05
MOVES = {
    EventName.RELEASE_PROMOTED: Move.PROMOTE,
    EventName.RELEASE_CONFIRMED: Move.CONFIRM,
    EventName.RELEASE_ROLLED_BACK: Move.ROLL_BACK,
    EventName.RELEASE_REJECTED: Move.ROLL_BACK,
    EventName.RELEASE_RECALLED: Move.RECALL,
    EventName.RELEASE_PINNED: Move.PIN,
    EventName.RELEASE_UNPINNED: Move.UNPIN,
    EventName.RELEASE_CLEARED: Move.CLEAR,
}
# What is looked at write by write, and whether an operator asked for it.
TURNS = {
    EventName.RELEASE_ROLLED_BACK: False,
    EventName.RELEASE_PROMOTED: False,
    EventName.RELEASE_RECALLED: True,
}
# A held verdict is told anew by each process.
LOGGED = AUDIT - {EventName.VERDICT_HELD}


@pytest.fixture(scope="module")
def killer():
    """Return what lets a daemon live and kills it; says what was seen of it."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=environment,
    ) as process:

        def kill(verb, path, number):
            process.stdin.write(f"{verb}\t{path}\t{number}\n")
            said = process.stdout.readline().split()
            assert said, "the forking process died by itself"
            return said

        yield kill
        process.stdin.close()


def audit(path):
    """Return the audit log, oldest first."""
    with Archive.open(path) as archive:
        found = archive.history(names=LOGGED, limit=EVERYTHING)[::-1]
    return [(each.name, number_of(each.at), dict(each.fields)) for each in found]


class Chain:
    """The line-up and the states that a chain of audit events leads to."""

    def __init__(self):
        self.lineup, self.states = LineUp(task=TASK), {}

    def follow(self, name, fields):
        """Take the step that an event tells of; one that cannot be is an error."""
        version = fields.get("version")
        digest = "" if version is None else digest_of(version)
        if name == EventName.RELEASE_ADMITTED:
            self._admit(digest)
        elif name == EventName.RELEASE_ACTIVATED:
            self._step(digest, ReleaseEvent.ACTIVATED)
            self.lineup = replace(
                self.lineup, active=digest, shadow=self._waited_before
            )
        elif name in MOVES:
            made = turned(MOVES[name], digest, lineup=self.lineup, states=self.states)
            assert made is not None, f"{name} of version {version} cannot be"
            self.lineup = made.lineup
            self.states |= made.states

    def _admit(self, digest):
        assert digest not in self.states
        self.states[digest] = ReleaseState.SHADOW
        self._waited_before = self.lineup.shadow
        if self._waited_before is not None and self.lineup.active is not None:
            self._step(self._waited_before, ReleaseEvent.SUPERSEDED)
        self.lineup = replace(self.lineup, shadow=digest)

    def _step(self, digest, event):
        self.states[digest] = after(self.states[digest], event)


def replayed(log):
    chain = Chain()
    for name, _, fields in log:
        chain.follow(name, fields)
    return chain.lineup, chain.states


def check_file(path):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def check_lineup(bench):
    """Check that there is one line-up, that its states fit, and nobody else is in."""
    (lineup,) = bench.ledger.lineups()
    states = bench.states()
    for role, digest in lineup.roles():
        assert states[digest] in FITTING[role]
    at_work = {s for states_of in FITTING.values() for s in states_of}
    assert {d for d, s in states.items() if s in at_work} == {
        digest for _, digest in lineup.roles()
    }
    assert len(list(lineup.roles())) == len({d for _, d in lineup.roles()})
    assert lineup.active or not lineup.is_pinned
    return lineup, states


def check(bench):
    """Check what must hold after any death; return the audit log."""
    check_file(bench.path)
    log = audit(bench.path)
    assert len({json.dumps(each) for each in log}) == len(log)
    assert replayed(log) == check_lineup(bench)
    check_evidence(bench.path, log)
    return log


def check_evidence(path, log):
    """Check that every rollback that the guard decided has its file, whole."""
    for name, _, fields in log:
        if name == EventName.RELEASE_ROLLED_BACK and "by" not in fields:
            kept = path.parent / "evidence" / f"{fields['evidence']}.json"
            assert json.loads(kept.read_bytes())["version"] == fields["version"]


def requests_of(path):
    with Archive.open(path) as archive:
        return archive.requests(limit=EVERYTHING)[::-1]


def sample_count(path):
    with Archive.open(path) as archive:
        return archive.counts().samples


def last_tick(bench):
    return sample_count(bench.path) - 1


def lived(folder, last):
    """Return the ledger of a daemon that never died, after these ticks."""
    folder.mkdir()
    bench = InSqlite(folder)
    ticker = ticker_on(bench.ledger, folder)
    for number in range(last + 1):
        meddle(bench.path, number)
        ticker.tick(at(number))
    return bench


def known_to(bench):
    """Let a bench know the documents of all that were ever taken in."""
    bench.documents = {
        digest_of(version): document_of(version)
        for version in range(1, len(bench.states()) + 1)
    }
    return bench


def test_killed_at_any_instant_no_turn_is_lost_or_comes_twice(tmp_path, killer):
    generator = np.random.default_rng(26)
    (tmp_path / "killed").mkdir()
    bench = InSqlite(tmp_path / "killed")
    bench.close()
    log = []
    for _ in range(KILLS):
        is_at_work = generator.random() < 0.8
        most_s = AT_WORK_S if is_at_work else AT_START_S
        delay_s = float(generator.uniform(0, most_s))
        verb = "work" if is_at_work else "start"
        was_alive, told = map(int, killer(verb, bench.path, delay_s))
        assert was_alive, "the daemon died by itself"
        bench.reopen()
        before, log = log, check_or_nothing(bench)
        assert log[: len(before)] == before
        assert last_tick(bench) >= told
        bench.close()
    bench.reopen()
    plain = lived(tmp_path / "plain", last_tick(bench))
    seen = compare(bench, plain)
    print(f"{KILLS} deaths, {last_tick(bench) + 1} ticks, {seen}")  # noqa: T201
    plain.close()
    bench.close()


def check_or_nothing(bench):
    """Check, unless it died before anything was taken in."""
    return check(bench) if bench.ledger.lineups() else []


def compare(bench, plain):
    """Check that two ledgers tell one and the same life; return what came to pass.

    What one has that the other lacks is what was asked before a tick that never was.
    """
    last = last_tick(bench)
    log = [each for each in audit(bench.path) if each[1] <= last]
    assert log == audit(plain.path)
    asked = [pair for pair in requests_of(bench.path) if number_of(pair[0].at) <= last]
    assert asked == requests_of(plain.path)
    assert story(bench) == story(plain)
    assert bench.ledger.memories() == plain.ledger.memories()
    leading = {TASK: parse_manifest(document_of(1))}
    assert bench.cards() == recounted(known_to(bench), leading=leading)
    return dict(Counter(name for name, _, _ in log))


# Every write of one tick.


@pytest.fixture(scope="module")
def turning(tmp_path_factory):
    """Return a folder for each kind of turn, right before the tick that brings it."""
    folder = tmp_path_factory.mktemp("turning")
    bench = lived(folder / "life", -1)
    ticker = ticker_on(bench.ledger, folder / "life")
    found = {}
    for number in range(2_000):
        before = folder / str(number)
        before.mkdir()
        with closing(sqlite3.connect(before / "state.db")) as copy:
            bench.ledger._connection.backup(copy)
        evidence = folder / "life" / "evidence"
        if evidence.exists():
            shutil.copytree(evidence, before / "evidence")
        meddle(bench.path, number)
        ticker.tick(at(number))
        for name, when, fields in audit(bench.path)[-4:]:
            if when == number and ("by" in fields) == TURNS.get(name):
                found.setdefault(name, before)
        if found.keys() == TURNS.keys():
            bench.close()
            return found
        if before not in found.values():
            shutil.rmtree(before)
    pytest.fail(f"never: {', '.join(TURNS.keys() - found.keys())}")


@pytest.mark.parametrize("name", TURNS)
def test_killed_at_each_write_of_its_tick_a_turn_is_not_there_or_whole(
    name, turning, tmp_path, killer
):
    before = turning[name]
    number = sample_count(before / "state.db")
    expected, deaths = None, 0
    for left in range(400):
        folder = tmp_path / str(left)
        shutil.copytree(before, folder)
        path = folder / "state.db"
        killed, *writes = killer("at", path, left)
        with closing(InSqlite(folder)) as bench:
            check(bench)
        assert killer("resume", path, number + 1) == ["lived"]
        log = audit(path)
        expected = expected or log
        assert log == expected
        assert name in {each[0] for each in log}
        shutil.rmtree(folder)
        if killed == "lived":
            assert int(writes[0]) == deaths
            break
        deaths += 1
    assert deaths > 15
    print(f"{deaths} deaths")  # noqa: T201
