"""Reports are stored exactly once, whole; what they say is read back to the digit."""

from datetime import timedelta
from itertools import permutations

import msgspec
import pytest

from agent.core.envelope import Labelled, LabelledRow, Placed, Seen, ToldEvent
from agent.core.evidence import Question
from agent.core.moment import BASELINE, Role, Thesis
from agent.core.release import ReleaseState
from agent.core.scorecard import Level, Scorecard, merged
from agent.errors import ConflictError, ReportError
from central.adapters.database import (
    Database,
    SqlEnrolment,
    SqlFleet,
    SqlInbox,
    SqlReports,
)
from central.adapters.database.rows import text
from central.adapters.database.tables import cards, reports, totals
from central.core.numbering import MAX_SKIP
from central.ports.fleet import SampleCount, Stored
from tests.fakes.told import (
    ACTIVE,
    DAY,
    HOST,
    HOUR,
    SHADOW,
    START,
    TASK,
    arrival,
    card_report,
    drift,
    evidence,
    full_report,
    labelled,
    line_up,
    report,
    trial,
)

OTHER = "host-000002"


@pytest.fixture
def database(fleet_url):
    with Database.open(fleet_url) as opened:
        yield opened


@pytest.fixture
def store(database):
    kept = SqlReports(database)

    def stored(*envelopes, at=START):
        return kept.store_many([arrival(each, at=at) for each in envelopes])

    return stored


@pytest.fixture
def fleet(database):
    return SqlFleet(database)


def the_host(fleet):
    (host,) = fleet.hosts()
    return host


def test_a_report_is_stored_once_and_known_again(database, fleet):
    kept, came = SqlReports(database), arrival(full_report(samples=3))
    for is_new in (True, False):
        stored = kept.store(
            came.envelope, sha256=came.sha256, length=came.length, now=START
        )
        assert stored == Stored(received_through=1, is_new=is_new)
    assert [each.card.resolved for each in fleet.cards()] == [1, 1, 1]
    assert len(fleet.events()) == 2
    assert fleet.count(TASK, since=START).rows == 3


def test_another_report_with_its_number_is_refused(database):
    kept = SqlReports(database)
    first, second = arrival(report(1)), arrival(report(1, agent="2.0"))
    kept.store(first.envelope, sha256=first.sha256, length=1, now=START)
    words = (
        "report 1 of host-000001: expected a number above 1: "
        "this one is another report's"
    )
    with pytest.raises(ConflictError) as refused:
        kept.store(second.envelope, sha256=second.sha256, length=1, now=START)
    assert str(refused.value) == words
    assert refused.value.received_through == 1


def test_what_is_refused_does_not_hinder_the_others(store, fleet):
    store(report(1))
    found = store(
        report(2), report(1, agent="2.0"), report(1, host_id=OTHER), report(3)
    )
    assert [type(each) for each in found] == [Stored, ConflictError, Stored, Stored]
    assert [each.received_through for each in fleet.hosts()] == [3, 1]


def test_of_two_alike_in_one_group_the_second_is_known(store):
    twice = report(1)
    assert [each.is_new for each in store(twice, twice)] == [True, False]
    first, other = store(report(2), report(2, agent="2.0"))
    assert first.is_new
    assert isinstance(other, ConflictError)


def test_nothing_is_stored_of_nothing(store, fleet):
    assert store() == ()
    assert fleet.hosts() == ()


def test_holes_are_told_until_they_are_filled(store, fleet):
    store(report(1), report(5))
    store(report(9))
    assert the_host(fleet).holes == ((2, 4), (6, 8))
    store(report(3), report(8))
    assert the_host(fleet).holes == ((2, 2), (4, 4), (6, 7))
    store(report(2), report(4), report(6), report(7))
    assert the_host(fleet).holes == ()
    assert the_host(fleet).received_through == 9


def test_a_late_report_does_not_overwrite_what_is_newer(store, fleet):
    for order in permutations((1, 2, 3)):
        host_id = f"host-{''.join(map(str, order))}-late"
        for sequence in order:
            store(
                report(
                    sequence,
                    host_id=host_id,
                    agent=str(sequence),
                    line_ups=(line_up(f"task-{sequence}"),),
                    scorecards=(card_report(sequence),),
                    drift=(drift(rows=sequence),),
                    evidence=(evidence(e_value=sequence),),
                )
            )
        assert [each.task for each in fleet.line_ups()[host_id]] == ["task-3"]
        assert fleet.drift(TASK)[host_id].rows == 3
        assert [each.e_value for each in fleet.evidence(TASK)[host_id]] == [3.0]
    assert {each.agent for each in fleet.hosts()} == {"3"}
    assert {each.card.resolved for each in fleet.cards()} == {3}
    assert [each.card.resolved for each in fleet.totals()] == [3 * 6]


def test_in_a_group_the_highest_number_counts_whatever_comes_last(store, fleet):
    store(
        *[
            report(
                sequence,
                agent=str(sequence),
                scorecards=(card_report(sequence),),
                drift=(drift(rows=sequence),),
            )
            for sequence in (2, 3, 1)
        ]
    )
    assert the_host(fleet).agent == "3"
    assert fleet.drift(TASK)[HOST].rows == 3
    assert [each.card.resolved for each in fleet.cards()] == [3]
    assert [each.card.resolved for each in fleet.totals()] == [3]


def test_a_host_is_as_its_newest_report_says(store, fleet):
    store(
        report(1, labels={"role": "db", "odd": "\0é"}, host_name="db-1"),
        at=START + HOUR,
    )
    host = the_host(fleet)
    assert (host.host_id, host.agent, host.host_name) == (HOST, "1.0", "db-1")
    assert host.labels == {"role": "db", "odd": "\0é"}
    assert (host.enrolled_at, host.revoked_at) == (None, None)
    assert host.reported_at == START + HOUR
    store(report(2))
    assert the_host(fleet).labels == {}
    assert fleet.line_ups() == {HOST: ()}
    assert fleet.health()[HOST] == report().health


def test_line_ups_are_read_whole_or_by_task(store, fleet):
    other = line_up("other", confirmed=None)
    store(report(1, line_ups=(line_up(), other)), report(1, host_id=OTHER))
    assert fleet.line_ups() == {HOST: (line_up(), other), OTHER: ()}
    assert fleet.line_ups("other") == {HOST: (other,), OTHER: ()}
    placed = Placed(digest=ACTIVE, version=7, state=ReleaseState.CONFIRMED)
    assert fleet.line_ups(TASK)[HOST][0].active == placed


def test_cards_are_merged_over_days_and_totals_over_hosts_too(store, fleet):
    days = [DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]
    for host_id, factor in ((HOST, 1), (OTHER, 10)):
        for sequence, day in enumerate(days, start=1):
            cards_of_day = (
                card_report(factor * sequence, day=day),
                card_report(factor, digest=ACTIVE, role=Role.ACTIVE, day=day),
            )
            store(report(sequence, host_id=host_id, scorecards=cards_of_day))
    resolved = {(c.host_id, c.role): c.card.resolved for c in fleet.cards(task=TASK)}
    assert resolved == {
        (HOST, Role.ACTIVE): 3,
        (HOST, Role.BASELINE): 6,
        (OTHER, Role.ACTIVE): 30,
        (OTHER, Role.BASELINE): 60,
    }
    since = [each.card.resolved for each in fleet.cards(since=days[1])]
    assert since == [2, 5, 20, 50]
    assert fleet.cards(task="other") == fleet.totals(task="other") == ()
    for first in (None, days[1], days[2]):
        for total in fleet.totals(since=first):
            same = [
                each.card
                for each in fleet.cards(since=first)
                if (each.digest, each.role) == (total.digest, total.role)
            ]
            assert merged(same) == total.card


def test_a_card_that_grows_or_shrinks_keeps_the_totals_true(store, fleet):
    store(report(1, scorecards=(card_report(40),)))
    store(report(1, host_id=OTHER, scorecards=(card_report(7),)))
    store(report(2, scorecards=(card_report(25),)), report(3))
    (total,) = fleet.totals()
    assert total.card == merged([card_report(25).card(), card_report(7).card()])
    assert (total.task, total.digest, total.role) == (TASK, BASELINE, Role.BASELINE)


def test_sums_beyond_what_a_column_takes_are_kept_to_the_digit(store, fleet):
    huge = card_report(1)
    loss = msgspec.structs.replace(
        huge.loss, brier=2**62, levels={"0.5": Level(1, 2**62, 2**62, 1)}
    )
    huge = msgspec.structs.replace(huge, loss=loss)
    hosts = [f"host-{number:06d}" for number in range(10)]
    store(*[report(1, host_id=each, scorecards=(huge,)) for each in hosts])
    (total,) = fleet.totals()
    assert total.card.brier == 10 * 2**62
    assert total.card.levels["0.5"].pinball == 10 * 2**62


def test_trials_are_read_above_a_block_and_the_first_word_counts(store, fleet):
    store(
        report(1, trials=(trial(1), trial(2), trial(2, digest=ACTIVE))),
        report(1, host_id=OTHER, trials=(trial(2, host_id=OTHER),)),
    )
    again = msgspec.structs.replace(trial(2), ticks=90)
    store(report(2, trials=(again, trial(3))))
    found = fleet.trials(TASK, digest=SHADOW, after=1)
    assert [(each.row.block, each.row.host) for each in found] == [
        (2, HOST),
        (2, OTHER),
        (3, HOST),
    ]
    assert found[0] == trial(2)
    assert fleet.trials("other", digest=SHADOW, after=0) == ()


def test_the_newest_evidence_on_each_question_is_kept(store, fleet):
    worse, better = evidence(e_value=2.0), evidence(thesis=Thesis.BETTER)
    store(report(1, evidence=(evidence(), better)))
    store(report(2, evidence=(worse,)))
    assert set(fleet.evidence(TASK)) == {HOST}
    found = {each.question.thesis: each for each in fleet.evidence(TASK)[HOST]}
    assert found == {Thesis.WORSE: worse, Thesis.BETTER: better}
    assert fleet.evidence("other") == {}


def test_drift_is_read_by_task(store, fleet):
    store(report(1, drift=(drift(rows=5, features=4), drift(task="other"))))
    assert fleet.drift(TASK) == {HOST: drift(rows=5, features=4)}
    assert fleet.drift("other") == {HOST: drift(task="other")}


def told_event(number, name, *, hours):
    return ToldEvent(
        id=number, at=START + hours * HOUR, name=name, fields={"why": "\0é"}
    )


def test_events_are_read_oldest_first_by_host_name_and_time(store, fleet):
    early, late = told_event(2, "a", hours=0), told_event(1, "b\0", hours=2)
    other = told_event(1, "a", hours=1)
    store(report(1, events=(late, early)), report(1, host_id=OTHER, events=(other,)))
    assert fleet.events() == ((HOST, early), (OTHER, other), (HOST, late))
    assert fleet.events(host_id=HOST) == ((HOST, early), (HOST, late))
    assert fleet.events(names=["a", "c"]) == ((HOST, early), (OTHER, other))


def test_events_since_are_those_that_came_since_whatever_the_hosts_clock(store, fleet):
    slow, fast = told_event(1, "a", hours=-9_000), told_event(1, "a", hours=9_000)
    store(report(1, events=(fast,)), at=START)
    store(report(1, host_id=OTHER, events=(slow,)), at=START + HOUR)
    assert fleet.events(since=START + HOUR, names=["a"]) == ((OTHER, slow),)
    assert fleet.events(since=START) == ((OTHER, slow), (HOST, fast))


def test_the_same_event_number_after_a_new_beginning_is_another_event(store, fleet):
    first, second = told_event(1, "a", hours=0), told_event(1, "b", hours=1)
    store(report(1, events=(first,)), report(2, events=(second, second)))
    assert [event for _, event in fleet.events()] == [first, second, second]


def test_samples_are_counted_by_the_minute_in_which_they_came(store, fleet):
    store(report(1, labelled=labelled(30)), at=START)
    store(report(2, labelled=labelled(10)), report(3), at=START + timedelta(minutes=5))
    assert fleet.count(TASK, since=START) == SampleCount(rows=40, events=4)
    later = START + timedelta(minutes=1)
    assert fleet.count(TASK, since=later) == SampleCount(rows=10, events=1)
    assert fleet.count("other", since=START) == SampleCount(rows=0, events=0)


def test_no_more_events_are_counted_than_samples_came(store, fleet):
    three = labelled(3)
    seen = Seen(task=TASK, events=99, sent_events=99)
    store(report(1, labelled=msgspec.structs.replace(three, seen=(seen,))))
    assert fleet.count(TASK, since=START) == SampleCount(rows=3, events=3)


def test_what_only_the_database_refuses_is_refused_alone(store, fleet):
    """No report that is read strictly does; should one, it must not block the rest."""
    block = msgspec.structs.replace(trial(1, host_id=OTHER).row, block=2**64)
    odd = msgspec.structs.replace(trial(1, host_id=OTHER), row=block)
    bad = report(7, host_id=OTHER, trials=(odd,))
    good, bad, other = store(report(1), bad, report(2))
    assert (good.is_new, other.is_new) == (True, True)
    assert isinstance(bad, ReportError)
    assert str(bad).startswith(f"report 7 of {OTHER}: ")
    assert the_host(fleet).received_through == 2


@pytest.mark.parametrize("before", [0, 3])
def test_a_number_far_ahead_is_refused_and_shuts_nobody_out(store, fleet, before):
    store(*(report(number + 1) for number in range(before)))
    far, good = store(report(2**53), report(before + 1))
    assert isinstance(far, ReportError)
    assert not isinstance(far, ConflictError)
    assert str(far) == (
        f"report {2**53} of {HOST}: expected a number up to {before + MAX_SKIP}, "
        f"for {before} is the last that came"
    )
    assert good.received_through == before + 1
    assert the_host(fleet).holes == ()


def test_a_host_of_whom_nothing_was_taken_is_not_known(store, fleet, database):
    door = SqlEnrolment(database)
    door.add_join_token("01" * 32, name="", expires_at=START + HOUR, uses=1)
    door.enrol(OTHER, join="01" * 32, token="0a" * 32, now=START)
    store(report(2**53), report(2**53, host_id=OTHER))
    assert [each.host_id for each in fleet.hosts()] == [OTHER]


def test_whatever_a_strict_report_may_hold_can_be_stored(store, fleet, database):
    question = Question(thesis=Thesis.WORSE, release="f" * 64, reference="baseline")
    odd = msgspec.structs.replace(evidence(), question=question)
    row = LabelledRow(
        task=TASK,
        release=ACTIVE,
        entity="\0é",
        at=msgspec.json.decode(b'"0001-01-01T00:00:00+14:00"', type=type(START)),
        label=1.0,
        baseline=(),
        active=(),
        features=(None, 1.5),
    )
    store(
        report(
            MAX_SKIP,
            agent="\0",
            evidence=(odd,),
            events=(ToldEvent(id=2**53, at=row.at, name="\0", fields={"\0": 2**70}),),
            labelled=Labelled(scheme="\0", rows=(row,), weights=(1e300,)),
        )
    )
    assert fleet.evidence(TASK)[HOST] == (odd,)
    assert fleet.events()[0][1].fields == {"\0": 2**70}
    assert the_host(fleet).holes == ((1, MAX_SKIP - 1),)
    (batch,) = SqlInbox(database).claim(limit=10)
    assert batch.day.isoformat() == "0001-01-01"
    assert batch.rows[0].row == row


def test_old_reports_are_forgotten_and_their_numbers_are_not(store, fleet, database):
    keep, now = timedelta(days=90), START + timedelta(days=100)
    store(full_report(1, samples=5), report(3))
    store(full_report(2), at=now)
    assert SqlReports(database).trim(now=now, keep=keep) == 2
    assert [each.received_through for each in fleet.hosts()] == [3]
    assert len(fleet.events()) == 2
    assert [each.row.block for each in fleet.trials(TASK, digest=SHADOW, after=0)] == [
        2
    ]
    assert fleet.cards() == fleet.totals() == ()
    assert fleet.drift(TASK)[HOST].rows == 2
    assert fleet.count(TASK, since=START).rows == 0
    assert len(SqlInbox(database).claim(limit=10)) == 1
    (again,) = store(full_report(1, samples=5))
    assert str(again).endswith(
        "expected a number above 3: this one was closed long ago"
    )
    assert SqlReports(database).trim(now=now, keep=keep) == 0


def test_a_trim_takes_slices_until_all_is_gone(store, database, monkeypatch):
    monkeypatch.setattr("central.adapters.database.reports._SLICE", 3)
    store(*[full_report(sequence) for sequence in range(1, 9)])
    later = START + timedelta(days=1)
    kept = SqlReports(database)
    assert kept.trim(now=later, keep=timedelta(hours=1)) == 8
    with database.reading() as connection:
        assert connection.execute(reports.select()).all() == []


def test_the_totals_are_what_the_cards_sum_up_to_whatever_comes(store, fleet, database):
    """A replay, a hole filled late, a correction, two hosts, two days."""
    day = DAY + timedelta(days=1)
    store(report(3, scorecards=(card_report(9), card_report(4, day=day))))
    store(report(1, scorecards=(card_report(2),)))
    store(report(2, host_id=OTHER, scorecards=(card_report(8), card_report(5))))
    store(report(4, scorecards=(card_report(0),)))
    store(report(4, scorecards=(card_report(0),)))
    with database.reading() as connection:
        found = connection.execute(cards.select()).all()
        sums = connection.execute(totals.select().order_by(totals.c.day)).all()
    for total in sums:
        parts = [
            msgspec.json.decode(row.card, type=Scorecard)
            for row in found
            if row.day == total.day
        ]
        assert text(merged(parts)) == total.card
    assert [each.card.resolved for each in fleet.totals()] == [5 + 4]
