"""A host's life in a test: a ledger, a script, models, and the ticks over them."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import numpy as np

from agent.adapters.store.archive import Archive
from agent.adapters.store.desk import SqliteDesk
from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.registry import SqliteRegistry
from agent.core.lineup import LineUp
from agent.core.manifest import parse_manifest
from agent.core.moment import BASELINE, OutcomeKind, Resolved, Role
from agent.core.policy import Policy
from agent.core.release import ReleaseState
from agent.core.scorecard import Scorecard
from agent.errors import StateError
from agent.flows.cards import count
from agent.flows.tick import Ticker
from agent.ports import CardKey
from tests.fakes.ledger import START, MemoryLedger, _plain
from tests.fakes.models import FixedModels
from tests.fakes.vouchers import FixedVoucher

CPU = "system.cpu.utilization"
DISK = 'system.filesystem.utilization{mountpoint="$entity"}'
INTERVAL_S = 10.0
ACTIVE, STANDBY, SHADOW = ("a" * 64, "b" * 64, "c" * 64)
EVERYTHING = 10**9
# How far a release has come that holds this place; the first where nothing is given.
FITTING = {
    Role.ACTIVE: (ReleaseState.PROBATION, ReleaseState.CONFIRMED),
    Role.STANDBY: (ReleaseState.STANDBY,),
    Role.SHADOW: (ReleaseState.SHADOW,),
}


def manifest_of(*, task="cpu-busy", version=1, has_model=True, target=(), **changes):
    """Return an event manifest: a busy processor within 60 s, asked every 30 s."""
    content = {
        "schema": 1,
        "task": task,
        "version": version,
        "title": "The processors will be busy",
        "target": {
            "kind": "event",
            "series": CPU,
            "condition": ">= 0.9",
            "within": "60s",
            **dict(target),
        },
        "score_every": "30s",
        "features": [f"last_over_time({CPU}[10s])", f"avg_over_time({CPU}[30s])"],
    }
    if has_model:
        pinned = {"sha256": "d" * 64, "length": 1, "opset": 13, "ir": 8}
        content |= {"model": pinned, "decision": {"threshold": 0.5, "clear": 0.4}}
    return json.dumps({**content, **changes}).encode()


def disk_manifest(*, task="disk-full", **changes):
    """Return a task that speaks of every mount point."""
    of_disk = {
        "entity": "mountpoint",
        "features": [f"last_over_time({DISK}[10s])"],
        "target": {"series": DISK},
    }
    return manifest_of(task=task, **{**of_disk, **changes})


def value_manifest(
    *,
    task="cpu-load",
    quantiles=(0.1, 0.5, 0.9),
    as_="level",
    ahead="30s",
    **more,
):
    """Return a task that forecasts a value."""
    target = {
        "kind": "value",
        "expression": f"last_over_time({CPU}[10s])",
        "ahead": ahead,
        "quantiles": quantiles,
        "as": as_,
    }
    content = json.loads(manifest_of(task=task, **more))
    content.pop("decision", None)
    return json.dumps({**content, "target": target}).encode()


class _Bench:
    """What can be read of any ledger."""

    def lineup(self, task):
        """Return the line-up of a task; an empty one where there is none."""
        found = (each for each in self.ledger.lineups() if each.task == task)
        return next(found, LineUp(task=task))

    def states(self):
        """Return how far each release has come."""
        return {each.digest: each.state for each in self.ledger.releases()}


class InMemory(_Bench):
    """The plain ledger, and what a courier and a reader would do with it."""

    def __init__(self, folder):
        self.ledger = MemoryLedger()
        self.documents = {}

    def reopen(self):
        self.ledger = self.ledger.reopened()
        # What was held back is gone, its numbers too.
        self.ledger._next_moment_id = max(self.ledger._moments, default=0) + 1

    def break_commits(self):
        self.ledger.is_failing = True

    def mend_commits(self):
        self.ledger.is_failing = False

    def take_in(self, document, digest):
        self.documents[digest] = document
        self.ledger.admit(document, digest=digest)

    def withdraw(self, digest):
        withdrawn = ReleaseState.WITHDRAWN
        self.ledger.admit(self.documents[digest], digest=digest, state=withdrawn)

    def line_up(self, *, states=None, **slots):
        """Change a line-up as a courier does; see `fitting`."""
        lineup = LineUp(**slots)
        releases = self.ledger._releases
        for digest, state in fitting(lineup, self.states(), given=states).items():
            releases[digest] = replace(releases[digest], state=state)
        self.ledger.set_lineup(lineup)

    def ask(self, request):
        """Hand in a request as a command does; return its number."""
        return self.ledger.ask(request)

    def answer(self, number):
        return self.ledger.answer(number)

    def evidence(self):
        """Return what the guard's tests had come to, oldest first."""
        return self.ledger.evidence()

    def moments(self):
        outcomes = self.ledger._outcomes
        return [(m, outcomes.get(n)) for n, m in sorted(self.ledger._moments.items())]

    def cards(self):
        return dict(self.ledger._cards)

    def events(self):
        return [event.name for event in self.ledger._events]

    def sample_count(self):
        return len(self.ledger._samples)

    def close(self):
        pass


class SymbolicLedger(SqliteLedger):
    """Takes a release by the name that a test gave it, whatever its manifest."""

    def release(self, digest):
        self._name_of = lambda manifest: digest
        return super().release(digest)


class InSqlite(_Bench):
    """A real file; the courier's and the reader's connections are their own."""

    def __init__(self, folder):
        self.path = folder / "state.db"
        self.ledger = SymbolicLedger.open(self.path)
        self.documents = {}

    def reopen(self):
        self.ledger.close()
        self.ledger = SymbolicLedger.open(self.path)

    def break_commits(self):
        """Let the file be full; the pages it has are not enough for a tick."""
        with closing(sqlite3.connect(self.path)) as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
        self.ledger._connection.execute(f"PRAGMA max_page_count = {pages}")

    def mend_commits(self):
        self.ledger._connection.execute("PRAGMA max_page_count = 1000000")

    def take_in(self, document, digest):
        self.documents[digest] = document
        with SqliteRegistry.open(self.path) as registry:
            registry.admit(digest=digest, manifest=document, at=START)

    def withdraw(self, digest):
        with SqliteRegistry.open(self.path) as registry:
            _put(registry, {digest: ReleaseState.WITHDRAWN})

    def line_up(self, *, states=None, **slots):
        """Change a line-up as a courier does; see `fitting`."""
        lineup = LineUp(**slots)
        with SqliteRegistry.open(self.path) as registry, registry.transaction():
            known = {r.digest: r.state for r in registry.releases()}
            _put(registry, fitting(lineup, known, given=states))
            registry.set_lineup(lineup)

    def ask(self, request):
        """Hand in a request as a command does; return its number."""
        with SqliteDesk.open(self.path) as desk:
            return desk.ask(request)

    def answer(self, number):
        with SqliteDesk.open(self.path) as desk:
            return desk.answer(number)

    def evidence(self):
        """Return what the guard's tests had come to, oldest first."""
        with Archive.open(self.path) as archive:
            return archive.evidence(limit=EVERYTHING)[::-1]

    def moments(self, *, since=None):
        with Archive.open(self.path) as archive:
            return archive.moments(limit=EVERYTHING, since=since)[::-1]

    def cards(self):
        with Archive.open(self.path) as archive:
            return archive.cards()

    def events(self):
        with Archive.open(self.path) as archive:
            return [event.name for event in archive.events(limit=EVERYTHING)][::-1]

    def sample_count(self):
        with Archive.open(self.path) as archive:
            return archive.counts().samples

    def close(self):
        self.ledger.close()


def _put(registry, states):
    """Let releases have come so far, however they may have got there."""
    for digest, state in states.items():
        registry._connection.execute(
            "update releases set state = ? where digest = ?", (state, digest)
        )


def fitting(lineup, known, *, given=None):
    """Return the states that releases must still take to hold their places.

    Args:
        lineup: Who is to be at work.
        known: How far each release has come; who fits already stays as it is.
        given: Digest -> state, where the test wants a certain one.
    """
    wanted = {of: ReleaseState(state) for of, state in (given or {}).items()}
    for role, digest in lineup.roles():
        if known.get(digest) not in FITTING[role]:
            wanted.setdefault(digest, FITTING[role][0])
    return wanted


LEDGERS = [InMemory, InSqlite]


class KeptEvidence:
    """Keeps what would be files.

    Attributes:
        files: Name -> document.
        is_full: While set, nothing can be kept.
    """

    def __init__(self):
        self.files = {}
        self.is_full = False

    def keep(self, name, document):
        if self.is_full:
            raise StateError("evidence: No space left on device")
        self.files[name] = document


class Life:
    """Ticks a host's script over a ledger; tick `n` is at START + n intervals.

    Attributes:
        results: What came of each tick.
        now: The latest instant.
    """

    def __init__(
        self,
        bench,
        host,
        *,
        models=None,
        voucher=None,
        commit_every_s=0.0,
        **options,
    ):
        self.bench, self.host = bench, host
        self.models = models or FixedModels()
        self.voucher = voucher or FixedVoucher()
        self.evidence = KeptEvidence()
        self.options = {
            "interval_s": INTERVAL_S,
            "origin_s": START.timestamp(),
            "is_allowed": lambda task: True,
            "commit_every_s": commit_every_s,
            "policy": Policy(),
            "evidence": self.evidence,
            **options,
        }
        self.results = []
        self.now = START
        self.begin()

    def begin(self):
        """Start a new process's ticker on what the ledger holds."""
        self.ticker = Ticker(
            host=self.host,
            ledger=self.bench.ledger,
            models=self.models,
            voucher=self.voucher,
            **self.options,
        )

    def restart(self):
        """End as SIGTERM does, and start anew."""
        self.ticker.close(self.now)
        self.bench.reopen()
        self.begin()

    def tick(self, number):
        return self.tick_at(at(number))

    def tick_at(self, now):
        self.now = now
        self.results.append(self.ticker.tick(now))
        return self.results[-1]

    def ticks(self, *numbers):
        return [self.tick(number) for number in numbers]

    @property
    def events(self):
        return [event.name for result in self.results for event in result.events]


def walk(length, *, seed):
    """Return a seeded load that comes back to 0.7, with gaps, and now and then 1."""
    generator = np.random.default_rng(seed)
    load = np.empty(length)
    load[0] = 0.7
    for number in range(1, length):
        pull = 0.9 * (load[number - 1] - 0.7)
        load[number] = np.clip(0.7 + pull + generator.normal(0, 0.08), 0, 1)
    load[generator.random(length) < 0.05] = np.nan
    return load.tolist()


def at(number):
    return START + timedelta(seconds=INTERVAL_S * number)


def story(bench):
    """Return all that a ledger says of predictions, in a form that can be compared."""
    told = [(_plain(moment), outcome) for moment, outcome in bench.moments()]
    return told, bench.cards()


def recounted(bench, *, leading):
    """Return the scorecards counted anew from the moments and their outcomes.

    Args:
        bench: Where the moments are.
        leading: Task -> the manifest by which the baseline predicted.
    """
    return recount(bench.moments(), documents=bench.documents, leading=leading)


def recount(moments, *, documents, leading):
    manifests = {digest: parse_manifest(text) for digest, text in documents.items()}
    cards = {}
    for moment, outcome in moments:
        if outcome is None:
            continue
        resolved = Resolved(moment=moment, outcome=outcome)
        for prediction in moment.predictions:
            day = outcome.resolved_at.date()
            key = CardKey(moment.task, prediction.digest, prediction.role, day)
            is_baseline = prediction.digest == BASELINE
            own = leading[moment.task] if is_baseline else manifests[prediction.digest]
            card = cards.setdefault(key, Scorecard())
            count(card, prediction, resolved, manifest=own)
    return cards


def kinds(results):
    """Return how each moment that was resolved came out: kind, or reason if void."""
    return [
        str(r.outcome.void if r.outcome.kind is OutcomeKind.VOID else r.outcome.kind)
        for result in results
        for r in result.resolved
    ]
