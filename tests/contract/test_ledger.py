"""What holds for every ledger: the one in memory and the one in SQLite."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import msgspec
import numpy as np
import pytest

from agent.adapters.store.archive import Archive
from agent.adapters.store.desk import SqliteDesk
from agent.adapters.store.registry import SqliteRegistry
from agent.core.event import AUDIT, Event, EventName
from agent.core.lineup import LineUp
from agent.core.moment import (
    Moment,
    Outcome,
    OutcomeKind,
    Resolved,
    Role,
    Thesis,
    Void,
    Wager,
)
from agent.core.release import ReleaseState
from agent.core.request import Answer, Verb
from agent.core.scorecard import Scorecard
from agent.core.turn import Move, Turn
from agent.errors import IllegalTransitionError, StateError
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
    point,
    prediction,
    request,
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

    def staff(self, lineup, states):
        for version, (digest, state) in enumerate(states.items(), start=1):
            document = manifest(version=version)
            self.ledger.admit(document, digest=digest, state=state)
        self.ledger.set_lineup(lineup)

    def ask(self, asked):
        return self.ledger.ask(asked)

    def answer(self, number):
        return self.ledger.answer(number)

    def events(self):
        return [(event.name, event.fields) for event in self.ledger._events]

    def points(self):
        return self.ledger.evidence()

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

    def staff(self, lineup, states):
        with SqliteRegistry.open(self.path) as registry, registry.transaction():
            for version, (digest, state) in enumerate(states.items(), start=1):
                document = manifest(version=version)
                registry.admit(digest=digest, manifest=document, at=START)
                registry._connection.execute(
                    "update releases set state = ? where digest = ?", (state, digest)
                )
            registry.set_lineup(lineup)

    def ask(self, asked):
        with SqliteDesk.open(self.path) as desk:
            return desk.ask(asked)

    def answer(self, number):
        with SqliteDesk.open(self.path) as desk:
            return desk.answer(number)

    def events(self):
        with Archive.open(self.path) as archive:
            return [(each.name, each.fields) for each in archive.events()][::-1]

    def points(self):
        with Archive.open(self.path) as archive:
            return archive.evidence()[::-1]

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


def test_what_the_audit_log_lists_outlives_every_trim(room):
    told = [
        Event(at=START, name=name, fields={"n": 1})
        for name in (EventName.TICK_FAILED, EventName.RELEASE_ROLLED_BACK)
    ]
    assert [event.name in AUDIT for event in told] == [False, True]
    number = room.ask(request())
    commit(room.ledger, tick(0, events=told, evidence=[point()]))
    now = START + timedelta(days=9)
    room.ledger.trim(now=now, keep_s=1.0, max_bytes=1)
    assert room.events() == [("release_rolled_back", {"n": 1})]
    assert room.points() == []
    assert [each.id for each in room.ledger.requests()] == [number]


def test_a_trim_keeps_young_evidence(room):
    points = [point(at=START + n * INTERVAL) for n in (0, 1)]
    commit(room.ledger, tick(1, evidence=points))
    room.ledger.trim(now=START + 2 * INTERVAL, keep_s=10.0, max_bytes=PLENTY)
    assert room.points() == points[1:]


def test_what_the_guard_staked_comes_back_as_it_was(room):
    wagers = (
        Wager(Thesis.WORSE, Role.ACTIVE, Role.STANDBY, 12, 8, 1),
        Wager(Thesis.NOT_WORSE, Role.SHADOW, Role.ACTIVE, 2**40, 0, 3),
    )
    made = [moment(1, wagers=wagers), moment(2)]
    commit(room.ledger, tick(0, moments=made))
    room.reopen()
    first, second = room.ledger.open_moments()
    assert (first.wagers, second.wagers) == (wagers, ())
    check_same_moment(first, made[0])


def test_evidence_comes_back_as_it_was(room):
    points = [
        point(e_value=5e-324),
        point(task="other", loss=None, reference_loss=None, allowed=None),
    ]
    commit(room.ledger, tick(0, evidence=points))
    room.reopen()
    assert room.points() == points


def test_a_resolved_moment_is_found_with_its_outcome(room):
    made = [moment(1), moment(2)]
    commit(room.ledger, tick(0, moments=made))
    resolved = did_not(made[0], at=START)
    room.ledger.add(tick(1, resolved=[resolved]))
    assert room.ledger.resolved(1) is None  # held back
    room.ledger.commit(NOTHING)
    found, outcome = room.ledger.resolved(1)
    check_same_moment(found, made[0])
    assert outcome == resolved.outcome
    assert room.ledger.resolved(2) is None
    assert room.ledger.resolved(3) is None


AVERTED = Outcome(kind=OutcomeKind.VOID, resolved_at=START, void=Void.AVERTED)


def correction(of, outcome=AVERTED):
    return replace(NOTHING, corrections=[Resolved(moment=of, outcome=outcome)])


def test_a_correction_replaces_an_outcome(room):
    made = moment(1)
    happened = Outcome(
        kind=OutcomeKind.HAPPENED, resolved_at=START, happened_at=START, value=1.0
    )
    resolved = Resolved(moment=made, outcome=happened)
    commit(room.ledger, tick(0, moments=[made]), tick(1, resolved=[resolved]))
    room.ledger.commit(correction(made))
    assert room.ledger.resolved(1)[1] == AVERTED
    commit(room.ledger, tick(2, resolved=[resolved]))
    assert room.ledger.resolved(1)[1] == AVERTED


def test_a_correction_of_a_moment_that_is_gone_comes_to_nothing(room):
    room.ledger.commit(correction(moment(1)))
    assert room.ledger.resolved(1) is None


def test_releases_come_by_task_and_version(room):
    room.staff(LINEUP, STATES)
    found = [(each.digest, each.state) for each in room.ledger.releases()]
    assert found == list(STATES.items())


def test_a_request_is_asked_until_it_is_answered(room):
    assert room.ledger.requests() == ()
    asked = [
        request(Verb.PIN, version=3),
        request(Verb.LABEL, task="", moment=7, label="averted"),
    ]
    numbers = [room.ask(each) for each in asked]
    assert numbers == [1, 2]
    numbered = [
        msgspec.structs.replace(each, id=n) for n, each in enumerate(asked, start=1)
    ]
    assert list(room.ledger.requests()) == numbered
    answer = Answer(request=1, at=START, is_done=False, words="no version 3")
    room.ledger.commit(replace(NOTHING, answers=[answer]))
    assert [each.id for each in room.ledger.requests()] == [2]
    assert (room.answer(1), room.answer(2)) == (answer, None)


def test_the_first_answer_stands(room):
    number = room.ask(request())
    for words in ("first", "second"):
        answer = Answer(request=number, at=START, is_done=True, words=words)
        room.ledger.commit(replace(NOTHING, answers=[answer]))
    assert room.answer(number).words == "first"


def test_a_request_is_seen_as_a_change_and_its_answer_is_not(room):
    room.ledger.has_changed()
    number = room.ask(request())
    assert room.ledger.has_changed()
    answer = Answer(request=number, at=START, is_done=True, words="")
    room.ledger.commit(replace(NOTHING, answers=[answer]))
    assert not room.ledger.has_changed()


A, B, C = "a" * 64, "b" * 64, "c" * 64
LINEUP = LineUp(task="disk-full", active=A, standby=B, shadow=C)
STATES = {
    A: ReleaseState.CONFIRMED,
    B: ReleaseState.STANDBY,
    C: ReleaseState.SHADOW,
}


def turn(move, digest, *, task="disk-full", name=EventName.LINEUP_CHANGED):
    event = Event(at=START, name=name, fields={"move": move, "digest": digest})
    return Turn(task=task, move=move, digest=digest, event=event)


def turns(*made):
    return replace(NOTHING, turns=made)


def states(room):
    return {each.digest: each.state for each in room.ledger.releases()}


@pytest.mark.parametrize(
    ("move", "digest", "lineup", "left", "changed"),
    [
        pytest.param(
            *(Move.PROMOTE, C),
            LINEUP,
            LineUp(task="disk-full", active=C, standby=A),
            {A: "standby", B: "retired", C: "probation"},
            id="promote",
        ),
        pytest.param(
            *(Move.PROMOTE, C),
            LineUp(task="disk-full", shadow=C),
            LineUp(task="disk-full", active=C),
            {C: "probation"},
            id="promote_the_only_one",
        ),
        pytest.param(
            *(Move.ROLL_BACK, A),
            LINEUP,
            LineUp(task="disk-full", active=B, shadow=C),
            {A: "rolled_back", B: "confirmed"},
            id="roll_back_with_a_standby",
        ),
        pytest.param(
            *(Move.ROLL_BACK, A),
            LineUp(task="disk-full", active=A, is_pinned=True),
            LineUp(task="disk-full"),
            {A: "rolled_back"},
            id="roll_back_without_a_standby",
        ),
        pytest.param(
            *(Move.ROLL_BACK, C),
            LINEUP,
            replace(LINEUP, shadow=None),
            {C: "rejected"},
            id="roll_back_the_shadow",
        ),
        pytest.param(
            *(Move.ROLL_BACK, B),
            LINEUP,
            replace(LINEUP, standby=None),
            {B: "rolled_back"},
            id="roll_back_the_standby",
        ),
        pytest.param(
            *(Move.RECALL, B),
            LINEUP,
            replace(LINEUP, active=B, standby=A),
            {A: "standby", B: "confirmed"},
            id="recall",
        ),
        pytest.param(
            *(Move.PIN, A), LINEUP, replace(LINEUP, is_pinned=True), {}, id="pin"
        ),
        pytest.param(
            *(Move.UNPIN, A), replace(LINEUP, is_pinned=True), LINEUP, {}, id="unpin"
        ),
    ],
)
def test_a_turn_changes_states_and_line_up(room, move, digest, lineup, left, changed):
    room.staff(lineup, STATES)
    made = turn(move, digest)
    assert list(room.ledger.commit(turns(made))) == [made.event]
    room.reopen()
    assert room.ledger.lineups() == (left,)
    assert states(room) == STATES | changed
    assert room.events() == [("lineup_changed", made.event.fields)]


@pytest.mark.parametrize(
    ("move", "before", "after"),
    [
        pytest.param(Move.CONFIRM, "probation", "confirmed", id="confirm"),
        pytest.param(Move.CLEAR, "rolled_back", "retired", id="clear"),
        pytest.param(Move.CLEAR, "rejected", "retired", id="clear_a_rejected_one"),
    ],
)
def test_a_turn_may_change_a_state_alone(room, move, before, after):
    lineup = LineUp(task="disk-full", active=A if move is Move.CONFIRM else None)
    room.staff(lineup, {A: ReleaseState(before)})
    made = turn(move, A)
    assert list(room.ledger.commit(turns(made))) == [made.event]
    assert states(room) == {A: after}
    assert room.ledger.lineups() == (lineup,)


@pytest.mark.parametrize("move", [m for m in Move if m is not Move.UNPIN])
def test_a_turn_after_the_release_was_withdrawn_comes_to_nothing(room, move):
    withdrawn = STATES | {C: ReleaseState.WITHDRAWN}
    left = replace(LINEUP, shadow=None)
    room.staff(left, withdrawn)
    assert list(room.ledger.commit(turns(turn(move, C)))) == []
    assert room.ledger.lineups() == (left,)
    assert states(room) == withdrawn
    assert room.events() == []


def test_a_turn_about_a_stranger_comes_to_nothing(room):
    room.staff(LINEUP, STATES)
    made = [turn(Move.PIN, "e" * 64), turn(Move.ROLL_BACK, A, task="another")]
    assert list(room.ledger.commit(turns(*made))) == []
    assert room.ledger.lineups() == (LINEUP,)


def test_turns_of_one_commit_come_one_after_another_and_after_its_ticks(room):
    room.staff(LINEUP, STATES)
    made = [
        turn(Move.PROMOTE, C),
        turn(Move.RECALL, B),  # retired by the first
        turn(Move.ROLL_BACK, C),
        turn(Move.PIN, A),
    ]
    room.ledger.add(tick(0, events=[Event(at=START, name=EventName.TICK_FAILED)]))
    told = [made[n].event for n in (0, 2, 3)]
    assert list(room.ledger.commit(turns(*made))) == told
    assert room.ledger.lineups() == (
        LineUp(task="disk-full", active=A, is_pinned=True),
    )
    assert states(room) == {A: "confirmed", B: "retired", C: "rolled_back"}
    assert room.events() == [
        ("tick_failed", {}),
        *(("lineup_changed", event.fields) for event in told),
    ]


def test_a_turn_is_no_change_by_another_process(room):
    room.staff(LINEUP, STATES)
    room.ledger.has_changed()
    room.ledger.commit(turns(turn(Move.PROMOTE, C)))
    assert not room.ledger.has_changed()


def test_turns_are_handed_over_once(room):
    room.staff(LINEUP, STATES)
    room.ledger.commit(turns(turn(Move.PROMOTE, C)))
    assert list(room.ledger.commit(NOTHING)) == []
    assert len(room.events()) == 1


def test_after_a_failing_commit_a_turn_is_made_once_by_the_next_good_one(room):
    room.staff(LINEUP, STATES)
    number = room.ask(request())
    made = moment(1)
    commit(room.ledger, tick(0, moments=[made], resolved=[did_not(made, at=START)]))
    back, unpin = turn(Move.ROLL_BACK, A), turn(Move.UNPIN, B)
    answer = Answer(request=number, at=START, is_done=True, words="rolled back")
    room.break_commits()
    room.ledger.add(tick(1, moments=[moment(n) for n in range(2, 60)]))
    decided = replace(turns(back), answers=[answer])
    for standing in (decided, correction(made)):
        with pytest.raises(StateError):
            room.ledger.commit(standing)
        assert room.ledger.lineups() == (LINEUP,)
        assert states(room) == STATES
        assert (room.events(), room.answer(number)) == ([], None)
        assert room.ledger.resolved(1)[1] != AVERTED
    room.mend_commits()
    assert list(room.ledger.commit(turns(unpin))) == [back.event, unpin.event]
    assert list(room.ledger.commit(NOTHING)) == []
    assert room.ledger.lineups() == (replace(LINEUP, active=B, standby=None),)
    assert states(room) == STATES | {A: "rolled_back", B: "confirmed"}
    assert len(room.events()) == 2
    assert room.answer(number) == answer
    assert room.ledger.resolved(1)[1] == AVERTED


def test_a_turn_that_cannot_be_is_raised_and_keeps_nothing_else_from_being_written(
    room,
):
    faulty = STATES | {C: ReleaseState.STAGED}
    room.staff(LINEUP, faulty)
    room.ledger.add(tick(0))
    with pytest.raises(IllegalTransitionError, match="staged can be activated"):
        room.ledger.commit(turns(turn(Move.PIN, A), turn(Move.PROMOTE, C)))
    assert committed_samples(room.ledger) == []
    assert (room.ledger.lineups(), states(room)) == ((LINEUP,), faulty)
    assert list(room.ledger.commit(NOTHING)) == []
    assert len(committed_samples(room.ledger)) == 1
    assert room.ledger.lineups() == (LINEUP,)


class Dying:
    """A connection whose process dies before one of its statements."""

    def __init__(self, connection, *, statements):
        self._connection, self._left = connection, statements

    @property
    def in_transaction(self):
        return self._connection.in_transaction

    def execute(self, statement, *values):
        if statement != "ROLLBACK":
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
        return self._connection.execute(statement, *values)


def test_killed_in_a_turn_leaves_the_old_line_up_or_the_new_one(tmp_path):
    room = InSqlite(tmp_path)
    room.staff(LINEUP, STATES)
    deaths = 0
    while room.ledger.lineups() == (LINEUP,):
        assert states(room) == STATES
        assert room.events() == []
        connection = room.ledger._connection
        room.ledger._connection = Dying(connection, statements=deaths)
        try:
            room.ledger.commit(turns(turn(Move.PROMOTE, C)))
        except KeyboardInterrupt:
            deaths += 1
        room.ledger._connection = connection
        room.reopen()
        assert deaths < 100
    assert deaths == 9  # begin, two reads, three states, line-up, event, commit
    assert room.ledger.lineups() == (LineUp(task="disk-full", active=C, standby=A),)
    assert states(room) == {A: "standby", B: "retired", C: "probation"}
    assert len(room.events()) == 1
    room.close()
