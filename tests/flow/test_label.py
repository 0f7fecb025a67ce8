"""What operators say came of predictions: counted as they say, and nothing else moves.

The scorecards are compared with a recount of the whole ledger, to the last digit.
"""

from contextlib import closing

import pytest

from agent.core.event import EventName
from agent.core.manifest import parse_manifest
from agent.core.moment import OutcomeKind, Void
from agent.core.request import Label, Verb
from tests.fakes.host import ScriptedHost
from tests.fakes.judged import (
    OMEN,
    TASK,
    columns,
    document,
    good,
    host,
    inverted,
    judged,
    told,
    unwritable,
)
from tests.fakes.ledger import request
from tests.fakes.life import (
    ACTIVE,
    CPU,
    DISK,
    LEDGERS,
    STANDBY,
    at,
    disk_manifest,
    recounted,
    value_manifest,
)

HAPPENED, AVERTED, VOID = Label.HAPPENED, Label.AVERTED, Label.VOID
LABELLED = EventName.PREDICTION_LABELLED
LEADING = {TASK: parse_manifest(document(2))}


@pytest.fixture(params=LEDGERS)
def bench(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.close()


def label_of(moment, label):
    return request(Verb.LABEL, task="", moment=moment, label=label)


def labelled(life, moment, label):
    """Say what came of a moment, tick once, and return the answer."""
    number = life.bench.ask(label_of(moment, label))
    life.tick(len(life.results))
    return life.bench.answer(number)


def quiet(**columns_of):
    """Return a host to which nothing happens."""
    return ScriptedHost.of_columns({CPU: [0.3], **columns_of})


def calm(bench, **options):
    """Return a life of which every moment comes to nothing."""
    script = columns(400)
    script[CPU] = [0.3] * 400
    host_of = ScriptedHost.of_columns(script)
    return judged(bench, {ACTIVE: good}, script=host_of, active=ACTIVE, **options)


def outcomes(bench):
    return {moment.id: outcome for moment, outcome in bench.moments()}


def case_of(life):
    """Return what the test against the baseline has come to."""
    (found,) = [
        each
        for each in life.ticker.tasks[TASK].court.evidence(life.now)
        if each.question.thesis == "worse" and each.question.reference == "baseline"
    ]
    return found


def settled(life):
    """Close as SIGTERM does, so that all of it can be read."""
    life.ticker.close(life.now)
    return life.bench


# An open moment.


def test_an_averted_prediction_voids_all_open_ones_of_its_entity(bench):
    life = calm(bench)
    life.ticks(0, 1, 2)
    answer = labelled(life, 3, AVERTED)
    assert answer.is_done
    assert (
        answer.words
        == "prediction 3 is averted, and 1 more that speak of the same event"
    )
    found = outcomes(settled(life))
    assert [found[number].void for number in (2, 3)] == [Void.AVERTED] * 2
    assert found[1].kind is OutcomeKind.DID_NOT
    assert found[3].resolved_at == at(3)
    assert life.ticker.tasks[TASK].waiting.find(3) is None


def test_it_counts_neither_way_on_cards_for_the_baseline_and_for_the_guard(bench):
    life = calm(bench)
    life.ticks(0, 1)
    before = case_of(life), life.ticker.tasks[TASK].memory()
    labelled(life, 2, AVERTED)
    after = case_of(life)
    assert (after.predictions, after.lost) == (0, 2)
    assert after.e_value <= 1
    baseline = [_baseline(memory) for memory in (before[1], *_memories(life))]
    assert baseline[0] == baseline[1]
    for card in settled(life).cards().values():
        assert (card.resolved, card.voids) == (0, {"averted": 2})
    assert bench.cards() == recounted(bench, leading=LEADING)


def _memories(life):
    return [life.ticker.tasks[TASK].memory()]


def _baseline(memory):
    return memory.partition(b'"baseline":')[2].partition(b',"scored_at"')[0]


def test_a_bad_release_whose_events_are_all_averted_is_not_rolled_back(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    for number in range(250):
        waiting = [m.id for m, o in bench.moments() if o is None]
        for result in life.results[-1:]:
            waiting += [moment.id for moment in result.moments]
        if waiting:
            bench.ask(label_of(max(waiting), AVERTED))
        life.tick(number)
    assert told(life, EventName.RELEASE_ROLLED_BACK) == []
    assert {str(r.outcome.void) for t in life.results for r in t.resolved} == {
        "averted"
    }


def test_averted_on_one_entity_leaves_the_others_open(bench):
    mounts = {DISK.replace("$entity", mount): 0.3 for mount in ("/", "/var")}
    life = judged(
        bench,
        {STANDBY: 0.2},
        script=ScriptedHost([mounts]),
        write=lambda **more: disk_manifest(score_every="10s", **more),
        task="disk-full",
        active=STANDBY,
    )
    life.ticks(0, 1)
    answer = labelled(life, 1, AVERTED)
    assert (
        answer.words
        == "prediction 1 is averted, and 1 more that speak of the same event"
    )
    found = {m.id: (m.entity, o) for m, o in settled(life).moments()}
    voided = {number for number, (_, outcome) in found.items() if outcome}
    assert voided == {1, 3}
    assert {found[number][0] for number in voided} == {"/"}


def test_one_that_happened_is_closed_as_such_at_once(bench):
    life = calm(bench)
    life.ticks(0, 1)
    answer = labelled(life, 1, HAPPENED)
    assert answer.words == "prediction 1 is happened"
    found = outcomes(settled(life))
    assert (found[1].kind, found[1].resolved_at) == (OutcomeKind.HAPPENED, at(2))
    assert found[1].happened_at is None  # nobody knows when
    assert found[2] is None or found[2].kind is not OutcomeKind.HAPPENED
    assert case_of(life).episodes == 1
    assert bench.cards() == recounted(bench, leading=LEADING)


def test_one_that_means_nothing_is_void_and_alone(bench):
    life = calm(bench)
    life.ticks(0, 1)
    answer = labelled(life, 2, VOID)
    assert answer.words == "prediction 2 is void"
    found = outcomes(settled(life))
    assert found[2].void is Void.DISMISSED
    assert found[1].kind is OutcomeKind.DID_NOT


def test_what_was_closed_is_not_resolved_again_when_it_is_due(bench):
    life = calm(bench)
    life.ticks(0, 1)
    labelled(life, 2, AVERTED)
    life.ticks(3, 4, 5)
    closed = [r.moment.id for t in life.results for r in t.resolved]
    assert len(closed) == len(set(closed))
    settled(life)
    assert bench.cards() == recounted(bench, leading=LEADING)


# A resolved one.


@pytest.mark.parametrize("label", Label)
def test_a_resolved_prediction_is_counted_anew_as_they_say(bench, label):
    life = judged(bench, {ACTIVE: good}, script=host(60), active=ACTIVE)
    life.ticks(*range(40))
    settled(life)
    for number in (3, 7, 12):
        before = outcomes(bench)[number]
        answer = labelled(life, number, label)
        assert answer.is_done
        kind = before.kind.replace("_", " ")
        corrected = (
            f"prediction {number} is {label} instead of {kind}: its scorecards are "
            "counted anew; the guard's bets on it were settled before and stand"
        )
        # What was read as it is said keeps its lead time.
        is_so = before.kind is OutcomeKind.HAPPENED and label is HAPPENED
        assert answer.words == (
            f"prediction {number} is {label} already" if is_so else corrected
        )
    settled(life)
    found = {outcomes(bench)[number] for number in (3, 7, 12)}
    expected = {
        HAPPENED: (OutcomeKind.HAPPENED, None),
        AVERTED: (OutcomeKind.VOID, Void.AVERTED),
        VOID: (OutcomeKind.VOID, Void.DISMISSED),
    }[label]
    assert {(each.kind, each.void) for each in found} == {expected}
    assert bench.cards() == recounted(bench, leading=LEADING)


def test_to_say_it_twice_or_otherwise_counts_the_last_word(bench):
    life = judged(bench, {ACTIVE: good}, script=host(60), active=ACTIVE)
    life.ticks(*range(20))
    settled(life)
    for label in (VOID, VOID, HAPPENED, AVERTED):
        labelled(life, 4, label)
    settled(life)
    assert outcomes(bench)[4].void is Void.AVERTED
    assert bench.cards() == recounted(bench, leading=LEADING)


@pytest.mark.parametrize("label", Label)
def test_the_same_word_again_corrects_nothing(bench, label):
    life = judged(bench, {ACTIVE: good}, script=host(60), active=ACTIVE)
    life.ticks(*range(20))
    settled(life)
    labelled(life, 4, label)
    before = outcomes(settled(life))[4]
    answer = labelled(life, 4, label)
    assert (answer.is_done, answer.words) == (True, f"prediction 4 is {label} already")
    assert outcomes(settled(life))[4] == before
    assert bench.cards() == recounted(bench, leading=LEADING)


def test_one_that_happened_by_word_alone_is_a_hit_without_a_lead_time(bench):
    life = judged(bench, {ACTIVE: 0.9}, script=quiet(**{OMEN: [0.0]}), active=ACTIVE)
    life.ticks(0, 1)
    labelled(life, 1, HAPPENED)
    (card,) = (c for key, c in settled(life).cards().items() if key.digest == ACTIVE)
    assert (card.hits, card.lead_s, card.lead_times) == (1, 0, {})


def test_several_words_on_one_prediction_before_a_tick(bench):
    life = judged(bench, {ACTIVE: good}, script=host(60), active=ACTIVE)
    life.ticks(*range(20))
    settled(life)
    numbers = [bench.ask(label_of(4, label)) for label in (VOID, HAPPENED)]
    life.tick(20)
    assert [bench.answer(number).is_done for number in numbers] == [True, True]
    settled(life)
    assert outcomes(bench)[4].kind is OutcomeKind.HAPPENED
    assert bench.cards() == recounted(bench, leading=LEADING)


def test_the_guard_and_the_baseline_keep_what_they_have_made_of_it(bench, tmp_path):
    records = []
    for place, label in enumerate((None, VOID)):
        folder = tmp_path / str(place)
        folder.mkdir()
        with closing(type(bench)(folder)) as own:
            life = judged(own, {ACTIVE: good}, script=host(60), active=ACTIVE)
            life.ticks(*range(30))
            if label is not None:
                own.ask(label_of(4, label))
            life.ticks(*range(30, 50))
            records.append(settled(life).ledger.memories()[TASK])
    assert records[0] == records[1]


def test_a_correction_is_counted_on_the_day_it_was_resolved(bench):
    life = judged(bench, {ACTIVE: good}, script=host(60), active=ACTIVE)
    life.ticks(*range(10))
    life.ticker.close(life.now)
    tomorrow = 24 * 360
    life.ticks(tomorrow, tomorrow + 1)
    answer = labelled_at(life, 3, VOID, number=tomorrow + 2)
    assert answer.is_done
    settled(life)
    assert bench.cards() == recounted(bench, leading=LEADING)
    (day,) = {k.day for k, c in bench.cards().items() if c.voids.get("dismissed")}
    assert day == at(0).date()


def labelled_at(life, moment, label, *, number):
    asked = life.bench.ask(label_of(moment, label))
    life.tick(number)
    return life.bench.answer(asked)


# What is told, and what is turned down.


def test_it_is_told_who_said_what(bench):
    life = calm(bench)
    life.ticks(0, 1)
    labelled(life, 2, VOID)
    ((_, event),) = told(life, LABELLED)
    assert event.fields == {
        "task": TASK,
        "moment": 2,
        "label": "void",
        "by": "ada",
        "reason": "prediction 2 is void",
    }
    assert LABELLED in bench.events()


@pytest.mark.parametrize("number", [0, 99])
def test_an_unknown_prediction_is_turned_down(bench, number):
    life = calm(bench)
    life.ticks(0, 1)
    answer = labelled(life, number, VOID)
    assert (answer.is_done, answer.words) == (
        False,
        f"no prediction {number} here; `forewarn predictions` lists them",
    )
    assert told(life, LABELLED) == []
    ((_, event),) = told(life, EventName.REQUEST_REFUSED)
    assert event.fields == {
        "task": "",
        "asked": "label",
        "reason": answer.words,
        "by": "ada",
    }


def test_a_value_cannot_have_happened_but_can_be_void(bench):
    life = judged(
        bench,
        {ACTIVE: 0.3},
        script=quiet(),
        write=lambda **more: value_manifest(score_every="10s", **more),
        task="cpu-load",
        active=ACTIVE,
    )
    life.ticks(*range(6))
    for number in (1, 6):
        answer = labelled(life, number, HAPPENED)
        assert (answer.is_done, answer.words) == (
            False,
            (
                f"prediction {number} is of a value: expected averted or void, got "
                "happened"
            ),
        )
    assert labelled(life, 2, VOID).is_done
    leading = {"cpu-load": parse_manifest(value_manifest(version=2))}
    settled(life)
    assert outcomes(bench)[2].void is Void.DISMISSED
    assert bench.cards() == recounted(bench, leading=leading)


def test_a_task_that_is_gone_is_turned_down(bench):
    life = calm(bench)
    life.ticks(*range(5))
    settled(life)
    life.options["is_allowed"] = lambda task: False
    life.restart()
    answer = labelled(life, 1, VOID)
    assert (answer.is_done, answer.words) == (
        False,
        f"prediction 1: task {TASK} is not at work any more",
    )


# When something goes wrong.


@pytest.mark.parametrize("number", [3, 19])
def test_a_label_that_cannot_be_written_waits_and_counts_once(bench, number):
    life = judged(bench, {ACTIVE: good}, script=host(200), active=ACTIVE)
    life.ticks(*range(20))
    settled(life)
    asked = bench.ask(label_of(number, VOID))
    with unwritable(bench):
        life.ticks(*range(20, 90))
        assert bench.answer(asked) is None
    life.ticks(*range(90, 180))
    assert bench.answer(asked).is_done
    settled(life)
    assert outcomes(bench)[number].void is Void.DISMISSED
    assert bench.cards() == recounted(bench, leading=LEADING)
    assert len(told(life, LABELLED)) == 1


@pytest.mark.parametrize("is_open", [True, False])
def test_a_tick_that_breaks_after_it_does_not_swallow_a_label(bench, is_open):
    """Neither is half of it kept: the outcome without the card, or the answer only."""
    life = calm(bench)
    life.ticks(*range(20))
    settled(life)
    number = 20 if is_open else 3
    asked = bench.ask(label_of(number, VOID))
    life.models.answers[ACTIVE] = ZeroDivisionError("not foreseen")
    with pytest.raises(ZeroDivisionError):
        life.tick(20)
    life.models.answers[ACTIVE] = good
    life.ticks(*range(21, 30))
    assert bench.answer(asked).is_done
    settled(life)
    assert outcomes(bench)[number].void is Void.DISMISSED
    assert bench.cards() == recounted(bench, leading=LEADING)


def test_a_label_survives_the_death_of_the_daemon(bench):
    life = judged(bench, {ACTIVE: good}, script=host(200), active=ACTIVE)
    life.ticks(*range(20))
    settled(life)
    asked = bench.ask(label_of(3, HAPPENED))
    with unwritable(bench):
        life.tick(20)
    bench.reopen()
    life.begin()
    life.ticks(21, 22)
    assert bench.answer(asked).is_done
    settled(life)
    assert outcomes(bench)[3].kind is OutcomeKind.HAPPENED
    assert bench.cards() == recounted(bench, leading=LEADING)
