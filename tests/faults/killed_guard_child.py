"""A daemon whose releases come and go at full speed, told to die by its test.

What it lives through follows from the number of the tick and from what the ledger
holds: a courier offers releases that are good, poor, upside down or fickle, operators
ask for this and that, and the guard decides in a hurry. It commits every tick.

This process only forks: each life is a child, so that a death costs no start of Python.
It reads what to do from stdin, a line a life, and answers with a line.
"""

import os
import select
import signal
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np

from agent.adapters.evidence import EvidenceFiles
from agent.adapters.store.desk import SqliteDesk
from agent.adapters.store.registry import SqliteRegistry
from agent.adapters.store.rows import stamp
from agent.core.manifest import parse_manifest
from agent.core.release import QUARANTINED
from agent.core.request import Label, Request, Verb
from agent.core.sample import Sample
from agent.flows.replay import offer
from agent.flows.tick import Ticker
from tests.fakes.judged import (
    OMEN,
    QUICK,
    TASK,
    better,
    columns,
    document,
    good,
    inverted,
    poor,
)
from tests.fakes.ledger import START
from tests.fakes.life import CPU, INTERVAL_S, SymbolicLedger, at
from tests.fakes.models import FixedModels
from tests.fakes.vouchers import FixedVoucher

MOOD = "system.paging.utilization"
LAYOUT = (CPU, OMEN, MOOD)
LENGTH = 40_000
# So hasty that something comes to pass every few ticks: nobody would want it so.
HASTY = replace(QUICK, alpha=0.6, min_blocks=1, promotion=1.5, least_s=100.0)
OFFER_EVERY, ASK_EVERY, LABEL_EVERY = 29, 17, 23
LATER_S = 60.0


def fickle(features):
    """Return what is good for a while, then upside down."""
    return np.where(features[:, 1:] > 0.5, inverted(features), good(features))


KINDS = (better, fickle, poor, inverted, good)


class OmenHost:
    """What is read follows from the instant alone."""

    def __init__(self):
        told = columns(LENGTH, seed=20_261_123)
        mood = np.arange(LENGTH) % 120 > 70
        self._values = np.float32([told[CPU], told[OMEN], mood]).T

    def sample(self, now):
        values = self._values[number_of(now)].copy()
        return Sample(at=now, layout=LAYOUT, values=values)


HOST = OmenHost()


def number_of(instant):
    return round((instant - START).total_seconds() / INTERVAL_S)


def digest_of(version):
    return f"{version:064x}"[::-1]


def document_of(version):
    return document(
        version,
        features=[f"last_over_time({series}[10s])" for series in (OMEN, MOOD)],
    )


def ticker_on(ledger, folder):
    answers = {
        digest_of(version): KINDS[version % len(KINDS)]
        for version in range(1, LENGTH // OFFER_EVERY)
    }
    return Ticker(
        host=HOST,
        ledger=ledger,
        models=FixedModels(answers),
        voucher=FixedVoucher(),
        interval_s=INTERVAL_S,
        origin_s=START.timestamp(),
        commit_every_s=0.0,
        is_allowed=lambda task: True,
        policy=HASTY,
        evidence=EvidenceFiles(folder / "evidence"),
    )


# What others do before a tick; done before a death, it is not done again.


def meddle(path, number):
    """Offer a release and ask for something, where it is time."""
    if number % OFFER_EVERY == 0:
        _offer(path, number)
    if number % ASK_EVERY == ASK_EVERY - 1:
        _ask(path, number, wish=_wish)
    if number % LABEL_EVERY == LABEL_EVERY - 1:
        _ask(path, number, wish=_label)


def _offer(path, number):
    version = number // OFFER_EVERY + 1
    digest, text = digest_of(version), document_of(version)
    with SqliteRegistry.open(path) as registry:
        if digest not in {release.digest for release in registry.releases()}:
            manifest = parse_manifest(text)
            offer(
                registry,
                digest=digest,
                document=text,
                manifest=manifest,
                at=at(number),
            )


def _ask(path, number, *, wish):
    instant = at(number)
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "select document from requests where at = ?", (stamp(instant),)
        )
        asked = [b"label" in row[0].encode() for row in found]
    if (wish is _label) in asked:
        return
    with SqliteRegistry.open(path) as registry:
        (lineup,) = registry.lineups()
        releases = registry.releases()
    wanted = wish(path, number, lineup, releases)
    with SqliteDesk.open(path) as desk:
        desk.ask(Request(at=instant, by="ada", **wanted))


def _wish(path, number, lineup, releases):
    """Return what an operator wants now, of what there is."""
    versions = {release.digest: release.manifest.version for release in releases}
    quarantined = [r.manifest.version for r in releases if r.state in QUARANTINED]
    second = lineup.standby or lineup.active
    wishes = (
        {"verb": Verb.PIN, "version": versions.get(lineup.shadow)},
        {"verb": Verb.UNPIN},
        {"verb": Verb.PIN, "version": versions.get(second)},
        {"verb": Verb.UNPIN},
        {"verb": Verb.ROLLBACK},
        {"verb": Verb.CLEAR, "version": max(quarantined, default=0)},
    )
    return {"task": TASK, **wishes[number // ASK_EVERY % len(wishes)]}


def _label(path, number, lineup, releases):
    """Return what an operator knows of the last prediction, or of one before it."""
    with closing(sqlite3.connect(path)) as connection:
        (last,) = connection.execute("select max(id) from moments").fetchone()
    labels = list(Label)
    turn = number // LABEL_EVERY
    return {
        "verb": Verb.LABEL,
        "moment": last - turn % 5,
        "label": labels[turn % len(labels)],
    }


# Lives.


class Fuse:
    """Ends this process before its n-th write, counted since `light`."""

    NAMING = frozenset({"os.rename", "os.remove", "os.mkdir", "os.chmod"})
    WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def __init__(self, left):
        self.left, self.count, self.is_lit = left, 0, False

    def light(self, connection):
        self.is_lit = True
        connection.set_trace_callback(lambda statement: self.burn())
        sys.addaudithook(self.watch)

    def burn(self):
        if self.is_lit and self.count == self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def watch(self, event, given):
        if event in self.NAMING or (event == "open" and given[2] & self.WRITING):
            self.burn()


def ticks_on(path, ledger):
    """Yield the number of each tick, once it is committed."""
    known = [number_of(sample.at) for sample in ledger.samples(since=START)]
    ticker = ticker_on(ledger, path.parent)
    for number in count(max(known, default=-1) + 1):
        meddle(path, number)
        ticker.tick(at(number))
        yield number


def live(path, pipe):
    """Live until death; tell the number of each tick that is on disk."""
    with SymbolicLedger.open(path) as ledger:
        # A checkpoint every few commits, so that some deaths fall into one.
        ledger._connection.execute("PRAGMA wal_autocheckpoint = 50")
        for number in ticks_on(path, ledger):
            os.write(pipe, f"{number}\n".encode())


def live_one_tick(path, left):
    """Live through the next tick; die before the write of this number in it."""
    fuse = Fuse(left)
    with SymbolicLedger.open(path) as ledger:
        fuse.light(ledger._connection)
        next(ticks_on(path, ledger))
        fuse.is_lit = False
    return fuse.count


def live_until(path, last):
    """Live through the ticks up to this one."""
    with SymbolicLedger.open(path) as ledger:
        for number in ticks_on(path, ledger):
            if number >= last:
                return


def forked(work):
    """Return the pid of a child that does some work, and where its words are read."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os.fsync = lambda _: None  # a death leaves what was written; it only waits
        try:
            work(writer)
        finally:
            os._exit(0)
    os.close(writer)
    return pid, reader


def kill_after(path, *, at_work, delay_s):
    """Let a child live for a while and kill it; return the last tick it has told."""
    pid, reader = forked(lambda pipe: live(path, pipe))
    if at_work:
        select.select([reader], [], [], LATER_S)
    select.select([], [], [], delay_s)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reader, "rb") as pipe:
        # The last line may be torn: what it was to say is not said.
        lines = pipe.read().split(b"\n")[:-1]
    was_alive = os.WIFSIGNALED(status)
    return f"{int(was_alive)} {int(lines[-1]) if lines else -1}"


def kill_at(path, *, left):
    """Let a child die at a write of its next tick; say whether there was one."""
    pid, reader = forked(
        lambda pipe: os.write(pipe, str(live_one_tick(path, left)).encode())
    )
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read().decode()
    return "killed" if os.WIFSIGNALED(status) else f"lived {told}"


def resume(path, *, last):
    """Let a child live up to a tick; say whether it did."""
    pid, reader = forked(lambda _: live_until(path, last))
    _, status = os.waitpid(pid, 0)
    os.close(reader)
    return "killed" if os.WIFSIGNALED(status) else "lived"


VERBS = {
    "start": lambda path, number: kill_after(path, at_work=False, delay_s=number),
    "work": lambda path, number: kill_after(path, at_work=True, delay_s=number),
    "at": lambda path, number: kill_at(path, left=int(number)),
    "resume": lambda path, number: resume(path, last=int(number)),
}


def main():
    for line in sys.stdin:
        verb, path, number = line.rstrip("\n").split("\t")
        sys.stdout.write(f"{VERBS[verb](Path(path), float(number))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
