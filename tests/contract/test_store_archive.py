"""What the commands read of the state database."""

import re
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from agent.adapters.store.archive import Archive
from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.registry import SqliteRegistry
from agent.core.event import AUDIT, Event, EventName
from agent.core.lineup import LineUp
from agent.core.moment import Outcome, OutcomeKind, Resolved, Role, Void
from agent.core.release import ReleaseState
from agent.core.rollup import RollUp
from agent.core.sample import Sample
from agent.core.scorecard import Scorecard
from agent.core.wait import Stretch
from agent.errors import StateError
from agent.ports import CardKey, Standing
from tests.fakes.ledger import (
    INTERVAL,
    NOTHING,
    START,
    check_same_moment,
    check_same_sample,
    did_not,
    manifest,
    moment,
    point,
    tick,
)

DIGEST = "d" * 64
KEYS = [
    CardKey(task, DIGEST, Role.ACTIVE, day)
    for day in (date(2026, 2, 28), date(2026, 3, 1))
    for task in ("disk-full", "memory-short")
]
LATER = START + INTERVAL
FIRST = moment(1)
SECOND = moment(2, task="memory-short", entity="", limit=None, predictions=())
THIRD = moment(3, at=LATER, entity="/home")
POINTS = [
    point(),
    point(task="memory-short"),
    point(at=LATER, e_value=2.5),
]
ROLLED_BACK = Event(
    at=START,
    name=EventName.RELEASE_ROLLED_BACK,
    fields={"task": "disk-full", "version": 3},
)
PINNED = Event(at=LATER, name=EventName.RELEASE_PINNED, fields={"task": "memory-short"})
VOID = Outcome(kind=OutcomeKind.VOID, resolved_at=LATER, void=Void.REBOOT)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("state") / "state.db"
    with SqliteRegistry.open(path) as registry, registry.transaction():
        registry.admit(digest=DIGEST, manifest=manifest(), at=START)
        registry.set_lineup(LineUp(task="disk-full", active=DIGEST))
    with SqliteLedger.open(path) as ledger:
        event = Event(at=START, name=EventName.TICK_FAILED, fields={"error": "gone"})
        ledger.add(tick(0, moments=[FIRST, SECOND], events=[event]))
        resolved = [did_not(FIRST, at=LATER), Resolved(moment=SECOND, outcome=VOID)]
        event = Event(at=LATER, name=EventName.DAEMON_STOPPED)
        ledger.add(tick(1, moments=[THIRD], resolved=resolved, events=[event]))
        cards = {key: Scorecard(resolved=n) for n, key in enumerate(KEYS)}
        ledger.commit(Standing(cards=cards, memories={"b": b"2", "a": b"1"}))
    return path


@pytest.fixture
def archive(path):
    with closing(Archive.open(path)) as opened:
        yield opened


@pytest.fixture
def new(tmp_path):
    """The archive of a daemon that has done nothing yet."""
    SqliteLedger.open(tmp_path / "state.db").close()
    with closing(Archive.open(tmp_path / "state.db")) as opened:
        yield opened


def test_a_new_one_is_empty(new):
    counts = new.counts()
    assert (counts.samples, counts.moments, counts.open_moments) == (0, 0, 0)
    assert (counts.resolved, counts.events) == ({}, 0)
    assert new.moments() == new.events() == []
    assert new.evidence() == new.requests() == []
    assert new.history(names=AUDIT) == []
    assert new.moment(1) is None
    assert new.cards() == new.memories() == {}
    assert new.last_sample() is None


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({}, [3, 2, 1]),
        ({"task": "disk-full"}, [3, 1]),
        ({"task": "unknown"}, []),
        ({"entity": ""}, [2]),
        ({"since": LATER}, [3]),
        ({"since": LATER + timedelta(microseconds=1)}, []),
        ({"limit": 2}, [3, 2]),
        ({"only_resolved": True}, [2, 1]),
        ({"task": "disk-full", "limit": 1, "only_resolved": True}, [1]),
    ],
)
def test_moments_are_filtered(archive, filters, numbers):
    assert [m.id for m, _ in archive.moments(**filters)] == numbers


def test_a_moment_comes_whole_with_its_outcome(archive):
    found = archive.moments(limit=2)
    for (one, came), expected in zip(found, (THIRD, SECOND), strict=True):
        check_same_moment(one, expected)
        assert came == (VOID if expected is SECOND else None)


def test_events_come_newest_first(archive):
    assert [(e.at, e.level, e.name, e.fields) for e in archive.events()] == [
        (LATER, "info", "daemon_stopped", {}),
        (START, "error", "tick_failed", {"error": "gone"}),
    ]
    assert [e.name for e in archive.events(since=LATER)] == ["daemon_stopped"]
    assert len(archive.events(limit=1)) == 1


@pytest.fixture
def judged(tmp_path):
    """The archive of a host with a guard."""
    with SqliteLedger.open(tmp_path / "state.db") as ledger:
        unlike = Event(
            at=START, name=EventName.TICK_FAILED, fields={"task": "disk-full"}
        )
        started = Event(at=START, name=EventName.RELEASE_CRASHED)
        told = [ROLLED_BACK, unlike, started]
        ledger.add(tick(0, moments=[FIRST], evidence=POINTS[:2], events=told))
        ledger.add(tick(1, evidence=POINTS[2:], events=[PINNED]))
        ledger.commit(Standing(cards={}, memories={}))
    with closing(Archive.open(tmp_path / "state.db")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({}, [2, 1, 0]),
        ({"task": "disk-full"}, [2, 0]),
        ({"task": "unknown"}, []),
        ({"since": LATER}, [2]),
        ({"since": LATER + timedelta(microseconds=1)}, []),
        ({"until": START}, [1, 0]),
        ({"until": START - timedelta(microseconds=1)}, []),
        ({"limit": 1}, [2]),
        ({"task": "disk-full", "since": START, "until": START}, [0]),
    ],
)
def test_evidence_is_filtered_and_comes_newest_first(judged, filters, numbers):
    assert judged.evidence(**filters) == [POINTS[number] for number in numbers]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["release_pinned", "release_crashed", "release_rolled_back"]),
        ({"task": "disk-full"}, ["release_rolled_back"]),
        ({"task": "unknown"}, []),
        ({"since": LATER}, ["release_pinned"]),
        ({"limit": 2}, ["release_pinned", "release_crashed"]),
        ({"names": {"tick_failed", "of_tomorrow"}}, ["tick_failed"]),
        ({"names": ()}, []),
    ],
)
def test_history_is_of_the_names_that_are_asked_for(judged, filters, names):
    found = judged.history(**{"names": AUDIT, **filters})
    assert [event.name for event in found] == names


def test_history_tells_all_that_is_known_of_an_event(judged):
    (found,) = judged.history(names=AUDIT, task="disk-full")
    assert (found.at, found.level) == (START, "error")
    assert found.fields == ROLLED_BACK.fields


def test_one_moment_is_found_by_its_number(archive):
    for expected, outcome in ((SECOND, VOID), (THIRD, None)):
        found, came = archive.moment(expected.id)
        check_same_moment(found, expected)
        assert came == outcome
    assert archive.moment(4) is None


def test_cards_of_all_days_come_oldest_first(archive):
    assert list(archive.cards().items()) == [
        (key, Scorecard(resolved=n)) for n, key in enumerate(KEYS)
    ]
    assert list(archive.cards(task="disk-full")) == [KEYS[0], KEYS[2]]


def test_releases_and_lineups_are_as_the_courier_left_them(archive, path):
    assert archive.lineups() == (LineUp(task="disk-full", active=DIGEST),)
    (found,) = archive.releases()
    assert (found.digest, found.task, found.version) == (DIGEST, "disk-full", 1)
    assert (found.state, found.admitted_at) == (ReleaseState.STAGED, START)
    assert archive.manifest_of(DIGEST) == manifest()
    message = f"^{re.escape(str(path))}: no release eeeeeeeeeeee$"
    with pytest.raises(StateError, match=message):
        archive.manifest_of("e" * 64)


def test_counts_add_up(archive):
    counts = archive.counts()
    assert (counts.samples, counts.moments, counts.events) == (2, 3, 2)
    assert (counts.open_moments, counts.resolved) == (1, {"did_not": 1, "void": 1})


def test_memories_come_by_task(archive):
    assert list(archive.memories().items()) == [("a", b"1"), ("b", b"2")]


def test_the_last_sample_is_the_newest(archive):
    check_same_sample(archive.last_sample(), tick(1).sample)
    assert archive.last_sample().values.dtype == np.float32


def test_the_size_is_that_of_the_file_and_its_wal(archive, path):
    assert archive.size_bytes() == path.stat().st_size
    with SqliteLedger.open(path):
        wal = path.with_name("state.db-wal")
        size_bytes = path.stat().st_size + wal.stat().st_size
        assert archive.size_bytes() == size_bytes


def test_how_often_each_series_was_there_is_told_of_samples_and_of_roll_ups(tmp_path):
    path, gap = tmp_path / "state.db", np.nan
    rows = [("a", "b"), (1.0, gap)], [("a", "b"), (1.0, 2.0)], [("a",), (3.0,)]
    minutes = [START + n * timedelta(minutes=1) for n in range(4)]
    with SqliteLedger.open(path) as ledger:
        for at, (layout, values) in zip(minutes[1:], rows, strict=True):
            taken = np.array(values, dtype=np.float32)
            made = RollUp(at=at, layout=layout, means=1 - taken, maxima=0 * taken)
            sample = Sample(at=at, layout=layout, values=taken)
            ledger.add(
                replace(tick(0), sample=sample, rollups=[made] * ("b" in layout))
            )
        ledger.commit(NOTHING)

    def told(*, since, until, of_rollups):
        stretch = Stretch(
            since=minutes[since], until=minutes[until], of_rollups=of_rollups
        )
        with Archive.open(path) as archive:
            return archive.present(stretch)

    assert told(since=0, until=3, of_rollups=False) == {"a": 3, "b": 1}
    assert told(since=1, until=2, of_rollups=False) == {"a": 1, "b": 1}
    assert told(since=0, until=3, of_rollups=True) == {"a": 2, "b": 1}
    assert told(since=3, until=3, of_rollups=True) == {}
