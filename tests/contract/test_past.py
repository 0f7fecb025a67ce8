"""The past: what a report tells of, all of it as of one instant."""

from contextlib import closing
from datetime import date, timedelta

import msgspec
import numpy as np
import pytest

from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.past import SqlitePast
from agent.adapters.store.registry import SqliteRegistry
from agent.core.channel import Channel
from agent.core.event import Event, EventName
from agent.core.evidence import Question
from agent.core.lineup import LineUp
from agent.core.moment import Role, Thesis
from agent.core.sample import Sample
from agent.core.scorecard import Scorecard
from agent.core.trust import Trust
from agent.errors import StateError
from agent.ports import CardKey, Standing, TickRecord
from tests.fakes.ledger import (
    INTERVAL,
    NOTHING,
    START,
    check_same_moment,
    did_not,
    manifest,
    moment,
    point,
    tick,
)

TASK = "disk-full"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def ledger(path):
    with closing(SqliteLedger.open(path)) as opened:
        yield opened


@pytest.fixture
def open_past(path):
    opened = []

    def make():
        opened.append(SqlitePast.open(path))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def kept(ledger, numbers, *, resolved=(), task=TASK):
    """Commit moments of these numbers, some of them with their outcome."""
    made = {n: moment(n, at=START + INTERVAL * n, task=task) for n in numbers}
    ledger.add(
        tick(
            max(numbers),
            moments=made.values(),
            resolved=[did_not(made[n], at=made[n].due_at) for n in resolved],
        )
    )
    ledger.commit(NOTHING)
    return made


def test_an_empty_ledger_tells_nothing(ledger, open_past):
    past = open_past()
    assert past.lineups() == past.releases() == ()
    assert past.cards(since=date(2000, 1, 1)) == past.memories() == {}
    assert past.events(after=0, limit=9) == past.evidence(since=None) == []
    assert past.oldest_open() == past.missing(since=None) == past.refusals() == {}
    assert past.known_until() is None
    assert past.first_since(START) == 1
    assert list(past.resolved(TASK, after=0, before=None)) == []
    assert list(past.chosen([1, 2])) == []
    assert past.trust() == Trust()


def test_without_a_database_there_is_no_past(path):
    with pytest.raises(StateError, match="no state here"):
        SqlitePast.open(path)


def test_it_tells_of_the_instant_at_which_it_was_opened(ledger, open_past):
    kept(ledger, [1, 2], resolved=[1])
    past = open_past()
    assert past.known_until() == START + 2 * INTERVAL
    kept(ledger, [3], resolved=[])
    with SqliteRegistry.open(past._path) as registry:
        registry.set_trust(Trust(checked_at=START))
    assert past.known_until() == START + 2 * INTERVAL
    assert past.trust() == Trust()
    assert open_past().trust().checked_at == START


def test_it_writes_nothing(ledger, open_past):
    with pytest.raises(Exception, match="readonly"):
        open_past()._connection.execute("delete from events")


def test_releases_and_line_ups(ledger, open_past, path):
    with SqliteRegistry.open(path) as registry:
        registry.admit(digest="a" * 64, manifest=manifest(version=3), at=START)
        registry.set_lineup(LineUp(task=TASK, active="a" * 64))
    past = open_past()
    assert past.lineups() == (LineUp(task=TASK, active="a" * 64),)
    assert [r.manifest.version for r in past.releases()] == [3]


def test_cards_from_a_day_on(ledger, open_past):
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2)]
    cards = {
        CardKey(TASK, "a" * 64, Role.ACTIVE, day): Scorecard(resolved=n)
        for n, day in enumerate(days)
    }
    ledger.commit(Standing(cards=cards, memories={TASK: b"{}"}))
    past = open_past()
    found = past.cards(since=days[1])
    assert found == {key: card for key, card in cards.items() if key.day >= days[1]}
    assert past.memories() == {TASK: b"{}"}


def test_audit_events_above_a_number(ledger, open_past, path):
    names = [
        EventName.RELEASE_HEARD,
        EventName.UPDATE_FINISHED,
        EventName.RELEASE_CONFIRMED,
        EventName.RELEASE_PINNED,
    ]
    events = [Event(at=START, name=name, fields={"n": 1.5}) for name in names]
    with SqliteRegistry.open(path) as registry:
        for event in events:
            registry.record(event)
    past = open_past()
    assert past.events(after=0, limit=9) == [
        (1, events[0]),
        (3, events[2]),
        (4, events[3]),
    ]
    assert past.events(after=1, limit=1) == [(3, events[2])]
    assert past.events(after=4, limit=9) == []


def test_the_newest_evidence_on_each_question(ledger, open_past):
    asked = [Question(Thesis.WORSE, digest * 64, "baseline") for digest in "ba"]
    told = [
        point(at=START + INTERVAL * n, question=asked[n % 2], e_value=float(n))
        for n in range(6)
    ]
    ledger.add(tick(1, evidence=told))
    ledger.commit(NOTHING)
    past = open_past()
    assert [each.e_value for each in past.evidence(since=None)] == [5.0, 4.0]
    assert past.evidence(since=told[4].at) == [told[5]]
    assert past.evidence(since=told[5].at) == []


def test_the_oldest_open_moment_of_each_task(ledger, open_past):
    made = kept(ledger, [1, 2, 3, 4], resolved=[1, 2])
    others = kept(ledger, [5, 6, 7], resolved=[6], task="cpu")
    kept(ledger, [8], resolved=[8], task="closed")
    found = open_past().oldest_open()
    assert found.keys() == {TASK, "cpu"}
    check_same_moment(found[TASK], made[3])
    check_same_moment(found["cpu"], others[5])


def test_many_open_moments_are_no_matter(ledger, open_past):
    kept(ledger, range(1, 1_500))
    kept(ledger, range(1_500, 2_400), task="cpu")
    found = open_past().oldest_open()
    assert {task: each.id for task, each in found.items()} == {TASK: 1, "cpu": 1_500}


def test_resolved_moments_between_two_numbers(ledger, open_past):
    made = kept(ledger, range(1, 1_201), resolved=range(2, 1_200))
    kept(ledger, [2_000], resolved=[2_000], task="cpu")
    past = open_past()
    found = list(past.resolved(TASK, after=0, before=None))
    assert [each.id for each, _ in found] == list(range(2, 1_200))
    check_same_moment(found[0][0], made[2])
    assert found[0][1] == did_not(made[2], at=made[2].due_at).outcome
    some = [each.id for each, _ in past.resolved(TASK, after=700, before=703)]
    assert some == [701, 702]


def test_chosen_moments_come_in_their_order(ledger, open_past):
    kept(ledger, range(1, 1_201), resolved=range(1, 1_100))
    wanted = [1_099, 3, 2, *range(100, 700), 1_150, 5_000]
    found = [each.id for each, _ in open_past().chosen(wanted)]
    assert found == wanted[:-2]


def test_the_first_moment_from_an_instant_on(ledger, open_past):
    kept(ledger, [5, 6, 7], resolved=[5])
    past = open_past()
    assert past.first_since(START + INTERVAL * 6) == 6
    assert past.first_since(START + timedelta(days=1)) == 8


def test_gaps_are_counted_by_series(ledger, open_past):
    for number, values in enumerate(([1.0, np.nan], [np.nan, np.nan], [1.0, 2.0])):
        sample = Sample(
            at=START + INTERVAL * number,
            layout=("a", "b"),
            values=np.array(values, dtype=np.float32),
        )
        ledger.add(TickRecord(sample=sample, moments=[], resolved=[], events=[]))
    ledger.add(tick(3, layout=("c", "d")))
    ledger.commit(NOTHING)
    past = open_past()
    whole = past.missing(since=None)
    assert (whole["a"], whole["b"]) == (1, 2)
    later = past.missing(since=START)
    assert (later["a"], later["b"]) == (1, 1)
    assert past.missing(since=START + INTERVAL * 9) == {}


def test_how_the_host_stands_with_its_repository(ledger, open_past, path):
    trust = Trust(checked_at=START, reason="expired")
    with SqliteRegistry.open(path) as registry:
        registry.set_trust(trust)
        registry.set_channel(Channel(task="cpu", refusal="too new"))
        registry.set_channel(Channel(task="disk"))
    past = open_past()
    assert past.trust() == trust
    assert past.refusals() == {"cpu": "too new"}


def test_moments_keep_their_wagers_and_vectors(ledger, open_past):
    (made,) = kept(ledger, [1], resolved=[1]).values()
    ((found, _),) = open_past().chosen([1])
    check_same_moment(found, made)
    assert msgspec.structs.asdict(found)["wagers"] == ()
