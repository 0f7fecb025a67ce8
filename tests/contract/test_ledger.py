"""What holds for every ledger: the one in memory and the one in SQLite."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from agent.adapters.store.registry import SqliteRegistry
from agent.core.event import Event, EventName
from agent.core.lineup import LineUp
from agent.core.moment import Moment, Outcome, OutcomeKind, Resolved, Role, Void
from agent.core.release import ReleaseState
from agent.core.scorecard import Scorecard
from agent.errors import StateError
from agent.ports import CardKey, Standing
from tests.fakes.ledger import (
    INTERVAL,
    NOTHING,
    START,
    MemoryLedger,
    check_same_moment,
    check_same_sample,
    did_not,
    manifest,
    moment,
    prediction,
    tick,
)
from tests.fakes.life import SymbolicLedger

DIGEST = "c" * 64
KEY = CardKey("disk-full", DIGEST, Role.ACTIVE, START.date())
YEARS_S = 10 * 365 * 86_400.0
PLENTY = 10**12


class InMemory:
    def __init__(self, folder):
        self.ledger = MemoryLedger()

    def reopen(self):
        self.ledger = self.ledger.reopened()

    def break_commits(self):
        self.ledger.is_failing = True

    def mend_commits(self):
        self.ledger.is_failing = False

    def take_in(self, lineup, digest, document):
        self.ledger.admit(document, digest=digest)
        self.ledger.set_lineup(lineup)

    def withdraw(self, digest, document):
        self.ledger.admit(document, digest=digest, state=ReleaseState.WITHDRAWN)

    def close(self):
        pass


class InSqlite:
    def __init__(self, folder):
        self.path = folder / "state.db"
        self.ledger = SymbolicLedger.open(self.path)

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

    def take_in(self, lineup, digest, document):
        with SqliteRegistry.open(self.path) as registry, registry.transaction():
            registry.admit(digest=digest, manifest=document, at=START)
            registry.set_state(digest, ReleaseState.SHADOW)
            registry.set_lineup(lineup)

    def withdraw(self, digest, document):
        with SqliteRegistry.open(self.path) as registry:
            registry.set_state(digest, ReleaseState.WITHDRAWN)

    def close(self):
        self.ledger.close()


@pytest.fixture(params=[InMemory, InSqlite])
def room(request, tmp_path):
    """A ledger, and what can befall it."""
    with closing(request.param(tmp_path)) as opened:
        yield opened


def commit(ledger, *ticks, standing=NOTHING):
    for each in ticks:
        ledger.add(each)
    ledger.commit(standing)


def committed_samples(ledger, *, since=START):
    return list(ledger.samples(since=since))


@pytest.fixture
def full_moment():
    """A moment of a value target, with everything that may be there."""
    return moment(
        7,
        task="memory-use",
        entity="",
        limit=None,
        origin=float("nan"),
        predictions=(
            prediction(Role.ACTIVE, "a" * 64, 0.1, 1 / 3, 2e300),
            prediction(
                Role.SHADOW,
                "b" * 64,
                -1.5,
                5e-324,
                0.1 + 0.2,
                features=np.array([np.nan, -0.0], dtype=np.float32),
            ),
            prediction(Role.BASELINE, "baseline", 0.0, 1.0, float("nan")),
        ),
    )


def test_a_new_ledger_is_empty(room):
    ledger = room.ledger
    assert ledger.lineups() == ()
    assert ledger.next_moment_id() == 1
    assert ledger.open_moments() == []
    assert committed_samples(ledger) == []
    assert ledger.cards(day=START.date()) == {}
    assert ledger.memories() == {}


def test_a_sample_comes_back_as_it_was_but_for_its_failures(room):
    values = np.array([1 / 3, np.nan, -0.0, 3e38, np.inf], dtype=np.float32)
    sample = tick(0, layout=("a", "b", "c", "d", "ü{x=1}")).sample
    sample = type(sample)(
        at=sample.at, layout=sample.layout, values=values, failures={"disk": "gone"}
    )
    record = tick(0)
    commit(room.ledger, type(record)(sample=sample, moments=(), resolved=(), events=()))
    room.reopen()
    (found,) = committed_samples(room.ledger)
    check_same_sample(found, sample)
    assert found.failures == {}
    assert found.at.tzinfo is UTC


def test_a_moment_comes_back_as_it_was(room, full_moment):
    other = moment(8)
    commit(room.ledger, tick(0, moments=[full_moment, other]))
    room.reopen()
    found = room.ledger.open_moments()
    for one, expected in zip(found, [full_moment, other], strict=True):
        check_same_moment(one, expected)


def test_a_moment_without_predictions_comes_back_without(room):
    commit(room.ledger, tick(0, moments=[moment(1, predictions=())]))
    (found,) = room.ledger.open_moments()
    assert found.predictions == ()


def test_predictions_come_by_the_name_of_their_role(room, full_moment):
    commit(room.ledger, tick(0, moments=[full_moment]))
    (found,) = room.ledger.open_moments()
    assert [p.role for p in found.predictions] == sorted(
        p.role for p in full_moment.predictions
    )


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(
            Outcome(
                kind=OutcomeKind.HAPPENED,
                resolved_at=START,
                happened_at=START - timedelta(microseconds=1),
            ),
            id="happened",
        ),
        pytest.param(Outcome(kind=OutcomeKind.DID_NOT, resolved_at=START), id="not"),
        pytest.param(
            Outcome(kind=OutcomeKind.VALUE, resolved_at=START, value=0.1 + 0.2),
            id="value",
        ),
        *(
            pytest.param(
                Outcome(kind=OutcomeKind.VOID, resolved_at=START, void=void), id=void
            )
            for void in Void
        ),
    ],
)
def test_a_moment_with_an_outcome_is_not_open(room, outcome):
    first, second = moment(1), moment(2)
    commit(room.ledger, tick(0, moments=[first, second]))
    commit(room.ledger, tick(1, resolved=[Resolved(moment=first, outcome=outcome)]))
    room.reopen()
    assert [m.id for m in room.ledger.open_moments()] == [2]


def test_a_moment_may_be_made_and_resolved_in_the_same_commit(room):
    made = moment(1)
    commit(
        room.ledger,
        tick(0, moments=[made]),
        tick(1, resolved=[did_not(made, at=START + INTERVAL)]),
    )
    assert room.ledger.open_moments() == []


def test_open_moments_come_oldest_first_whichever_were_resolved(room):
    made = [moment(number) for number in range(1, 13)]
    commit(room.ledger, tick(0, moments=made))
    gone = [made[i] for i in (0, 3, 4, 11)]
    commit(room.ledger, tick(1, resolved=[did_not(m, at=START) for m in gone]))
    room.reopen()
    assert [m.id for m in room.ledger.open_moments()] == [2, 3, 6, 7, 8, 9, 10, 11]


def test_samples_come_oldest_first_from_since_on(room):
    commit(room.ledger, *(tick(number) for number in (3, 0, 2, 1)))
    found = committed_samples(room.ledger, since=START + INTERVAL)
    assert [s.at for s in found] == [START + n * INTERVAL for n in (1, 2, 3)]


def test_the_same_instant_again_replaces_the_sample(room):
    commit(room.ledger, tick(0))
    again = tick(0, layout=("other",))
    commit(room.ledger, again)
    (found,) = committed_samples(room.ledger)
    check_same_sample(found, again.sample)


def test_a_layout_may_change_and_change_back(room):
    ticks = [
        tick(0, layout=("a", "b")),
        tick(1, layout=("a",)),
        tick(2, layout=()),
        tick(3, layout=("a", "b")),
    ]
    commit(room.ledger, *ticks[:2])
    room.reopen()
    commit(room.ledger, *ticks[2:])
    found = committed_samples(room.ledger)
    for one, expected in zip(found, ticks, strict=True):
        check_same_sample(one, expected.sample)
    assert found[0].layout is found[3].layout or isinstance(room, InMemory)


def test_what_is_held_back_is_not_there_and_is_lost_with_the_process(room):
    room.ledger.add(tick(0, moments=[moment(1)]))
    assert committed_samples(room.ledger) == []
    assert room.ledger.open_moments() == []
    room.reopen()
    assert committed_samples(room.ledger) == []


def test_a_commit_of_nothing_changes_nothing(room):
    commit(room.ledger, tick(0))
    room.ledger.commit(NOTHING)
    room.ledger.commit(NOTHING)
    assert len(committed_samples(room.ledger)) == 1


def test_after_a_failing_commit_everything_is_held_back_and_written_once(room):
    first, second = moment(1), moment(2)
    commit(room.ledger, tick(0, moments=[first]))
    room.break_commits()
    record = tick(
        1,
        moments=[second, *(moment(n) for n in range(3, 60))],
        resolved=[did_not(first, at=START + INTERVAL)],
        events=[Event(at=START, name=EventName.TICK_FAILED)],
        layout=("new",),
    )
    room.ledger.add(record)
    standing = Standing(cards={KEY: Scorecard(resolved=1)}, memories={"t": b"1"})
    for _ in range(2):
        with pytest.raises(StateError, match="committing 1 ticks: "):
            room.ledger.commit(standing)
        assert len(committed_samples(room.ledger)) == 1
        assert [m.id for m in room.ledger.open_moments()] == [1]
        assert room.ledger.cards(day=KEY.day) == {}
    room.mend_commits()
    commit(room.ledger, tick(2), standing=Standing(cards={}, memories={"other": b"2"}))
    room.ledger.commit(NOTHING)
    room.reopen()
    assert [s.layout for s in committed_samples(room.ledger)] == [
        ("a", "b"),
        ("new",),
        ("a", "b"),
    ]
    assert [m.id for m in room.ledger.open_moments()] == list(range(2, 60))
    assert room.ledger.cards(day=KEY.day) == {KEY: Scorecard(resolved=1)}
    assert room.ledger.memories() == {"t": b"1", "other": b"2"}


def test_the_first_outcome_of_a_moment_stands(room):
    made = moment(1)
    commit(room.ledger, tick(0, moments=[made]))
    for number in (1, 2):
        commit(
            room.ledger,
            tick(number, resolved=[did_not(made, at=START + number * INTERVAL)]),
        )
    assert room.ledger.open_moments() == []


def test_numbers_of_moments_go_on_where_they_were(room):
    commit(room.ledger, tick(0, moments=[moment(1), moment(2)]))
    assert room.ledger.next_moment_id() == 3
    room.ledger.add(tick(1, moments=[moment(3)]))
    assert room.ledger.next_moment_id() == 4


def test_numbers_of_moments_do_not_come_back_after_a_trim(room):
    made = [moment(number) for number in (1, 2, 3)]
    commit(
        room.ledger,
        tick(0, moments=made),
        tick(1, resolved=[did_not(m, at=START) for m in made]),
    )
    trimmed = room.ledger.trim(
        now=START + timedelta(days=9), keep_s=1, max_bytes=PLENTY
    )
    assert (trimmed.samples, trimmed.moments) == (2, 3)
    room.reopen()
    assert room.ledger.next_moment_id() == 4


def test_cards_are_of_one_day_and_the_newest_counts(room):
    tomorrow = KEY._replace(day=date(2026, 3, 2))
    shadow = KEY._replace(role=Role.SHADOW)
    card = Scorecard()
    card.add_event(0.3, baseline=0.1, happened=True, threshold=0.2, lead_s=61.0)
    card.add_void("gap")
    room.ledger.commit(Standing(cards={KEY: Scorecard(), shadow: card}, memories={}))
    room.ledger.commit(Standing(cards={KEY: card, tomorrow: card}, memories={}))
    room.reopen()
    assert room.ledger.cards(day=START.date()) == {KEY: card, shadow: card}
    assert room.ledger.cards(day=tomorrow.day) == {tomorrow: card}


def test_a_card_of_a_value_task_comes_back_as_it_was(room):
    card = Scorecard()
    card.add_value((0.1, 0.5), baseline=(0.2, 0.4), value=0.3, quantiles=(0.1, 0.9))
    room.ledger.commit(Standing(cards={KEY: card}, memories={}))
    assert room.ledger.cards(day=KEY.day) == {KEY: card}


def test_a_card_that_changes_after_the_commit_is_not_changed_in_the_ledger(room):
    card = Scorecard()
    room.ledger.commit(Standing(cards={KEY: card}, memories={}))
    card.add_void("gap")
    assert room.ledger.cards(day=KEY.day) == {KEY: Scorecard()}


def test_memories_are_by_task_and_the_newest_counts(room):
    room.ledger.commit(Standing(cards={}, memories={"a": b"\0\xff", "b": b""}))
    room.ledger.commit(Standing(cards={}, memories={"a": b"2"}))
    room.reopen()
    assert room.ledger.memories() == {"a": b"2", "b": b""}


def test_what_the_courier_changed_is_seen(room):
    room.ledger.has_changed()
    commit(room.ledger, tick(0))
    assert not room.ledger.has_changed()
    lineup = LineUp(task="disk-full", active=DIGEST)
    room.take_in(lineup, DIGEST, manifest())
    assert room.ledger.has_changed()
    assert not room.ledger.has_changed()
    assert room.ledger.lineups() == (lineup,)
    release = room.ledger.release(DIGEST)
    assert (release.digest, release.state) == (DIGEST, ReleaseState.SHADOW)
    assert release.manifest.task == "disk-full"


def test_what_was_at_work_says_what_a_task_is(room):
    lineup = LineUp(task="disk-full", shadow=DIGEST)
    room.take_in(lineup, DIGEST, manifest())
    assert room.ledger.definition("disk-full") is None
    room.withdraw(DIGEST, manifest())
    assert room.ledger.definition("disk-full").digest == DIGEST
    assert room.ledger.definition("another") is None


def test_an_unknown_release_is_an_error(room):
    with pytest.raises(StateError, match="no release cccccccccccc"):
        room.ledger.release(DIGEST)


def test_a_trim_keeps_what_is_young_and_what_is_open(room):
    old, still_open, young = moment(1), moment(2), moment(3, at=START + 5 * INTERVAL)
    commit(
        room.ledger,
        tick(0, moments=[old, still_open]),
        tick(5, moments=[young], resolved=[did_not(old, at=START + 5 * INTERVAL)]),
        standing=Standing(cards={KEY: Scorecard()}, memories={"t": b"1"}),
    )
    trimmed = room.ledger.trim(now=START + 6 * INTERVAL, keep_s=10.0, max_bytes=PLENTY)
    assert (trimmed.samples, trimmed.moments) == (1, 1)
    room.reopen()
    assert [s.at for s in committed_samples(room.ledger)] == [START + 5 * INTERVAL]
    found = room.ledger.open_moments()
    for one, expected in zip(found, [still_open, young], strict=True):
        check_same_moment(one, expected)
    assert room.ledger.cards(day=KEY.day) == {KEY: Scorecard()}
    assert room.ledger.memories() == {"t": b"1"}


def test_what_a_trim_would_cut_is_what_is_older_not_what_is_as_old(room):
    commit(room.ledger, tick(0), tick(1))
    room.ledger.trim(now=START + INTERVAL, keep_s=10.0, max_bytes=PLENTY)
    assert len(committed_samples(room.ledger)) == 2


def test_the_oldest_days_go_until_the_rest_has_room(room):
    start = datetime(2026, 3, 1, tzinfo=UTC)
    minutes = range(0, 4 * 24 * 60, 6)
    wide = tuple(f"series.{n}" for n in range(100))
    for minute in minutes:
        record = tick(0, layout=wide)
        sample = type(record.sample)(
            at=start + timedelta(minutes=minute),
            layout=wide,
            values=record.sample.values,
        )
        room.ledger.add(type(record)(sample=sample, moments=(), resolved=(), events=()))
    room.ledger.commit(NOTHING)
    now = start + timedelta(days=3, hours=23, minutes=59)
    half = room.ledger.trim(now=now, keep_s=YEARS_S, max_bytes=PLENTY).bytes_after // 2
    trimmed = room.ledger.trim(now=now, keep_s=YEARS_S, max_bytes=half)
    first = committed_samples(room.ledger, since=start)[0].at
    assert trimmed.bytes_after <= half + 1_000
    assert first.time() == start.time()
    assert start < first < now
    assert trimmed.samples == (first - start) // timedelta(minutes=6)


def test_a_limit_bites_even_the_last_day(room):
    made: list[Moment] = [moment(1), moment(2)]
    commit(room.ledger, tick(0, moments=made), tick(1))
    commit(room.ledger, tick(2, resolved=[did_not(made[0], at=START)]))
    room.ledger.trim(now=START + 3 * INTERVAL, keep_s=YEARS_S, max_bytes=1)
    assert committed_samples(room.ledger) == []
    assert [m.id for m in room.ledger.open_moments()] == [2]
