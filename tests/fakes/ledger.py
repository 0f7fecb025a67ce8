"""The ledger in plain memory, and what ticks are made of in a test."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from agent.core.event import AUDIT
from agent.core.evidence import Evidence, Question
from agent.core.lineup import LineUp
from agent.core.manifest import parse_manifest
from agent.core.moment import (
    BASELINE,
    Moment,
    Outcome,
    OutcomeKind,
    Prediction,
    Resolved,
    Role,
    Thesis,
)
from agent.core.release import Release, ReleaseState
from agent.core.request import Request, Verb
from agent.core.sample import Sample
from agent.core.turn import turned
from agent.errors import IllegalTransitionError, StateError
from agent.ports import Standing, TickRecord, Trimmed

START = datetime(2026, 3, 1, 12, 30, 15, 123457, tzinfo=UTC)
INTERVAL = timedelta(seconds=10)
NOTHING = Standing(cards={}, memories={})
ROW_BYTES = 1_000


class MemoryLedger:
    """Keeps what is committed in lists and dictionaries; `trim` counts 1,000 a row.

    Attributes:
        is_failing: While set, `commit` raises StateError and writes nothing.
        changes: What others would do: `admit`, `set_lineup` and `ask` count as changes.
    """

    def __init__(self):
        self.is_failing = False
        self.changes = 0
        self._seen = None
        self._held, self._standing = [], _Standing()
        self._samples, self._moments, self._outcomes = {}, {}, {}
        self._rollups = {}
        self._cards, self._memories, self._events = {}, {}, []
        self._evidence, self._requests, self._answers = [], {}, {}
        self._lineups, self._releases = {}, {}
        self._next_moment_id = 1

    def reopened(self):
        """Return what a new process would find: without what was held back."""
        other = copy.copy(self)
        other._held, other._standing, other._seen = [], _Standing(), None
        return other

    def admit(self, manifest, *, digest, state=ReleaseState.SHADOW):
        self.changes += 1
        self._releases[digest] = Release(
            digest=digest, manifest=parse_manifest(manifest), state=state
        )

    def set_lineup(self, lineup):
        self.changes += 1
        self._lineups[lineup.task] = lineup

    def ask(self, request):
        """Hand in a request as the desk does; return its number."""
        self.changes += 1
        number = len(self._requests) + 1
        self._requests[number] = msgspec.structs.replace(request, id=number)
        return number

    def answer(self, number):
        return self._answers.get(number)

    def requests(self):
        return tuple(r for n, r in self._requests.items() if n not in self._answers)

    def evidence(self):
        """Return the points of the guard's tests, oldest first."""
        return list(self._evidence)

    def add(self, record):
        self._held.append(record)
        for moment in record.moments:
            self._next_moment_id = max(self._next_moment_id, moment.id + 1)

    def commit(self, standing):
        held = self._standing
        held.hold(standing)
        if self.is_failing:
            raise StateError(f"committing {len(self._held)} ticks: told to fail")
        try:
            lineups, releases, events = self._turned(held.turns)
        except IllegalTransitionError:
            held.turns.clear()
            raise
        for record in self._held:
            self._take(record)
        self._lineups, self._releases = lineups, releases
        self._events.extend([*held.events, *events])
        self._cards.update(copy.deepcopy(held.cards))
        self._memories.update(held.memories)
        for each in held.corrections:
            if each.moment.id in self._moments:
                self._outcomes[each.moment.id] = each.outcome
        for each in held.answers:
            self._answers.setdefault(each.request, each)
        self._held, self._standing = [], _Standing()
        return events

    def _turned(self, turns):
        """Return line-ups, releases and events as they are after some turns."""
        lineups, releases, events = dict(self._lineups), dict(self._releases), []
        for turn in turns:
            lineup = lineups.get(turn.task, LineUp(task=turn.task))
            own = [r for r in releases.values() if r.manifest.task == turn.task]
            states = {release.digest: release.state for release in own}
            left = turned(turn.move, turn.digest, lineup=lineup, states=states)
            if left is None:
                continue
            for digest, state in left.states.items():
                releases[digest] = replace(releases[digest], state=state)
            lineups[turn.task] = left.lineup
            events.append(turn.event)
        return lineups, releases, events

    def _take(self, record):
        self._samples[record.sample.at] = replace(record.sample, failures={})
        self._rollups.update({each.at: each for each in record.rollups})
        for moment in record.moments:
            by_role = sorted(moment.predictions, key=lambda p: p.role)
            kept = msgspec.structs.replace(moment, predictions=tuple(by_role))
            self._moments[moment.id] = kept
        for each in record.resolved:
            if each.moment.id in self._moments:
                self._outcomes.setdefault(each.moment.id, each.outcome)
        self._events.extend(record.events)
        self._evidence.extend(record.evidence)

    def has_changed(self):
        changed, self._seen = self._seen != self.changes, self.changes
        return changed

    def lineups(self):
        return tuple(self._lineups[task] for task in sorted(self._lineups))

    def release(self, digest):
        if digest not in self._releases:
            raise StateError(f"no release {digest[:12]}")
        return self._releases[digest]

    def releases(self):
        def place(release):
            return release.manifest.task, release.manifest.version

        return tuple(sorted(self._releases.values(), key=place))

    def definition(self, task):
        over = [
            release
            for release in self._releases.values()
            if release.manifest.task == task
            and release.state in {"retired", "rolled_back", "withdrawn"}
        ]
        return max(over, key=lambda each: each.manifest.version, default=None)

    def resolved(self, moment):
        if moment not in self._outcomes:
            return None
        return self._moments[moment], self._outcomes[moment]

    def next_moment_id(self):
        return self._next_moment_id

    def open_moments(self):
        return [
            moment
            for number, moment in sorted(self._moments.items())
            if number not in self._outcomes
        ]

    def samples(self, *, since):
        return (self._samples[at] for at in sorted(self._samples) if at >= since)

    def rollups(self, *, since):
        return (self._rollups[at] for at in sorted(self._rollups) if at >= since)

    def rolled_until(self):
        return max(self._rollups, default=None)

    def forget_rollups(self, *, since):
        self._rollups = {at: r for at, r in self._rollups.items() if at < since}

    dropped_ticks = 0

    def forget_samples(self, *, since):
        self._samples = {at: s for at, s in self._samples.items() if at < since}

    def cards(self, *, day):
        return {
            key: copy.deepcopy(card)
            for key, card in self._cards.items()
            if key.day == day
        }

    def memories(self):
        return dict(self._memories)

    def trim(self, *, now, keep_s, max_bytes):
        before = self._size_bytes()
        self._drop_rollups(now - timedelta(days=8))
        samples, moments = self._drop(now - timedelta(seconds=keep_s))
        while self._size_bytes() > max_bytes and (instants := self._droppable()):
            oldest = min(instants)
            midnight = oldest.replace(hour=0, minute=0, second=0, microsecond=0)
            next_day = midnight + timedelta(days=1)
            end = next_day if next_day <= now else oldest + timedelta(hours=1)
            self._drop_rollups(end)
            more = self._drop(end)
            samples, moments = samples + more[0], moments + more[1]
        return Trimmed(
            samples=samples,
            moments=moments,
            bytes_before=before,
            bytes_after=self._size_bytes(),
        )

    def _droppable(self):
        settled = (self._moments[n].at for n in self._outcomes)
        return [*self._samples, *self._rollups, *settled]

    def _drop_rollups(self, before):
        self._rollups = {at: r for at, r in self._rollups.items() if at >= before}

    def _drop(self, before):
        samples = [at for at in self._samples if at < before]
        moments = [n for n in self._outcomes if self._moments[n].at < before]
        for at in samples:
            del self._samples[at]
        for number in moments:
            del self._moments[number], self._outcomes[number]
        self._events = [e for e in self._events if e.at >= before or e.name in AUDIT]
        self._evidence = [each for each in self._evidence if each.at >= before]
        return len(samples), len(moments)

    def _size_bytes(self):
        kept = (self._samples, self._rollups, self._moments, self._outcomes)
        return ROW_BYTES * sum(map(len, kept))


class _Standing:
    """What waits for a good commit besides ticks."""

    def __init__(self):
        self.cards, self.memories = {}, {}
        self.turns, self.answers, self.corrections = [], [], []
        self.events = []

    def hold(self, standing):
        self.cards.update(standing.cards)
        self.memories.update(standing.memories)
        self.turns.extend(standing.turns)
        self.answers.extend(standing.answers)
        self.corrections.extend(standing.corrections)
        self.events.extend(standing.events)


def tick(number, *, moments=(), resolved=(), events=(), evidence=(), layout=("a", "b")):
    """Return the tick at START + number intervals."""
    at = START + number * INTERVAL
    values = np.arange(number, number + len(layout), dtype=np.float32) / 3
    return TickRecord(
        sample=Sample(at=at, layout=layout, values=values),
        moments=moments,
        resolved=resolved,
        events=events,
        evidence=evidence,
    )


def moment(number, *, at=START, **changes):
    """Return an event task's moment, due 15 minutes later."""
    made = Moment(
        id=number,
        task="disk-full",
        entity="/var",
        at=at,
        due_at=at + timedelta(minutes=15),
        limit=0.95,
        origin=0.1 + 0.2,
        state=4,
        features=np.array([number, np.nan, 1 / 3], dtype=np.float32),
        predictions=(
            prediction(Role.ACTIVE, "a" * 64, 0.0123),
            prediction(Role.BASELINE, BASELINE, 1 / 3),
        ),
    )
    return msgspec.structs.replace(made, **changes)


def prediction(role, digest, *values, features=None):
    return Prediction(role=role, digest=digest, values=values, features=features)


def did_not(of, *, at):
    """Return the moment with the outcome that nothing happened."""
    outcome = Outcome(kind=OutcomeKind.DID_NOT, resolved_at=at)
    return Resolved(moment=of, outcome=outcome)


def point(*, at=START, task="disk-full", **changes):
    """Return what a test had come to at an instant."""
    made = Evidence(
        at=at,
        task=task,
        question=Question(Thesis.WORSE, "a" * 64, BASELINE),
        e_value=0.1 + 0.2,
        threshold=20.0,
        blocks=3,
        ticks=41,
        episodes=2,
        lost=1,
        loss=1 / 3,
        reference_loss=0.1,
        allowed=0.11,
        predictions=80,
        run_blocks=2,
        run_episodes=1,
        run_lost=1,
        since=at - timedelta(hours=1),
        started_at=at - timedelta(days=1),
    )
    return msgspec.structs.replace(made, **changes)


def request(verb=Verb.ROLLBACK, *, at=START, task="disk-full", **more):
    return Request(at=at, by="ada", verb=verb, task=task, **more)


def manifest(task="disk-full", version=1):
    """Return the smallest manifest there is: a survey without a model."""
    document = {
        "schema": 1,
        "task": task,
        "version": version,
        "title": "a survey",
        "target": {
            "kind": "event",
            "series": "system.cpu.utilization",
            "condition": ">= 0.9",
            "within": "15m",
        },
        "features": ["last_over_time(system.cpu.utilization[1m])"],
    }
    return json.dumps(document).encode()


def check_same_sample(found, expected):
    assert (found.at, found.layout) == (expected.at, expected.layout)
    np.testing.assert_array_equal(found.values, expected.values, strict=True)


def check_same_moment(found, expected):
    """Compare moments whose predictions may come in another order."""
    assert _plain(found) == _plain(expected)


def _plain(of):
    by_role = sorted(of.predictions, key=lambda p: p.role)
    fields = {name: getattr(of, name) for name in of.__slots__}
    return fields | {
        "origin": repr(float(of.origin)),
        "features": _plain_array(of.features),
        "predictions": [
            (
                p.role,
                p.digest,
                repr(p.values),
                _plain_array(p.features),
                p.calibration,
            )
            for p in by_role
        ],
    }


def _plain_array(array):
    return None if array is None else (str(array.dtype), array.tobytes())
