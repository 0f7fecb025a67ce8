"""What operators ask for: carried out at the next tick, once, or turned down."""

from itertools import count

import pytest

from agent.core.event import AUDIT, EventName, Level
from agent.core.lineup import LineUp
from agent.core.release import ReleaseState
from agent.core.request import Verb
from agent.errors import ModelError
from tests.fakes.judged import (
    TASK,
    better,
    document,
    good,
    inverted,
    judged,
    poor,
    told,
    unwritable,
)
from tests.fakes.ledger import request
from tests.fakes.life import ACTIVE, LEDGERS, SHADOW, STANDBY, at
from tests.fakes.models import FixedModels

EJECTED = "e" * 64
ALL = {"active": ACTIVE, "standby": STANDBY, "shadow": SHADOW}
GOOD = dict.fromkeys(ALL.values(), good)
ROLLED_BACK, PROMOTED = EventName.RELEASE_ROLLED_BACK, EventName.RELEASE_PROMOTED
PINNED, RECALLED = EventName.RELEASE_PINNED, EventName.RELEASE_RECALLED
CHANGED, HELD = EventName.LINEUP_CHANGED, EventName.VERDICT_HELD


@pytest.fixture(params=LEDGERS)
def bench(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.close()


def asked(verb, **more):
    return request(verb, task=more.pop("task", TASK), **more)


def carried_out(life, verb, **more):
    """Ask, tick once, and return the answer."""
    number = life.bench.ask(asked(verb, **more))
    life.tick(len(life.results))
    return life.bench.answer(number)


def names(result):
    return [event.name for event in result.events]


# What can be asked.

STAYS = (
    "pinned: it stays active until it is unpinned, and is heard as far as it was shown "
    "to be as good as the baseline"
)

SAID = {
    "rollback": (
        Verb.ROLLBACK,
        {},
        "version 2 is rolled back and in quarantine; version 1 is active",
        [ROLLED_BACK],
    ),
    "pin_active": (
        Verb.PIN,
        {"version": 2},
        f"version 2 is {STAYS}",
        [PINNED],
    ),
    "pin_standby": (
        Verb.PIN,
        {"version": 1},
        f"version 1 is {STAYS}",
        [RECALLED, PINNED],
    ),
    "pin_shadow": (
        Verb.PIN,
        {"version": 3},
        f"version 3 is {STAYS}",
        [PROMOTED, PINNED],
    ),
}
LEFT = {
    "rollback": LineUp(task=TASK, active=STANDBY, shadow=SHADOW),
    "pin_active": LineUp(task=TASK, **ALL, is_pinned=True),
    "pin_standby": LineUp(
        task=TASK, active=STANDBY, standby=ACTIVE, shadow=SHADOW, is_pinned=True
    ),
    "pin_shadow": LineUp(task=TASK, active=SHADOW, standby=ACTIVE, is_pinned=True),
}
STATES = {
    "rollback": {ACTIVE: "rolled_back", STANDBY: "confirmed", SHADOW: "shadow"},
    "pin_active": {ACTIVE: "confirmed", STANDBY: "standby", SHADOW: "shadow"},
    "pin_standby": {ACTIVE: "standby", STANDBY: "confirmed", SHADOW: "shadow"},
    "pin_shadow": {ACTIVE: "standby", STANDBY: "retired", SHADOW: "probation"},
}


@pytest.mark.parametrize("wish", SAID)
def test_a_request_takes_effect_at_the_next_tick_and_is_answered(bench, wish):
    verb, more, words, events = SAID[wish]
    life = judged(bench, GOOD, **ALL)
    life.ticks(0, 1)
    answer = carried_out(life, verb, **more)
    assert (answer.is_done, answer.at) == (True, at(2))
    assert answer.words == f"{TASK}: {words}"
    assert bench.lineup(TASK) == LEFT[wish]
    assert bench.states() == STATES[wish]
    new_tests = EventName.GUARD_RENEWED
    assert sorted({*names(life.results[2])} - {new_tests}) == sorted([*events, CHANGED])
    assert [e for e in bench.events() if e in AUDIT and e != new_tests] == events
    roles = {p.role: p.digest for p in life.results[2].moments[0].predictions}
    assert roles["active"] == LEFT[wish].active
    assert life.tick(3).events == []


@pytest.mark.parametrize("wish", SAID)
def test_the_event_says_who_asked_and_who_is_active(bench, wish):
    verb, more, _, events = SAID[wish]
    life = judged(bench, GOOD, **ALL)
    life.tick(0)
    carried_out(life, verb, **more)
    for _, event in told(life, *events):
        assert event.fields["by"] == "ada"
        assert event.fields["reason"] == "an operator asked for it"
        active = {STANDBY: 1, ACTIVE: 2, SHADOW: 3}[LEFT[wish].active]
        assert event.fields["active"] == f"version {active}"
        assert "speaks" not in event.fields


def test_a_rollback_without_a_standby_leaves_the_baseline(bench):
    life = judged(bench, GOOD, active=ACTIVE)
    life.tick(0)
    answer = carried_out(life, Verb.ROLLBACK)
    assert answer.words == (
        f"{TASK}: version 2 is rolled back and in quarantine; the baseline speaks"
    )
    assert bench.lineup(TASK) == LineUp(task=TASK)
    (moment,) = life.tick(2).moments
    assert [p.digest for p in moment.predictions] == ["baseline"]


def test_what_was_rolled_back_can_be_cleared(bench):
    life = judged(bench, GOOD, active=ACTIVE, standby=STANDBY)
    life.tick(0)
    carried_out(life, Verb.ROLLBACK)
    answer = carried_out(life, Verb.CLEAR, version=2)
    assert answer.words == (
        f"{TASK}: version 2 left quarantine; the next update may take it in again"
    )
    assert bench.states()[ACTIVE] == ReleaseState.RETIRED
    (found,) = told(life, EventName.RELEASE_CLEARED)
    assert found[1].fields["version"] == 2
    assert bench.lineup(TASK) == LineUp(task=TASK, active=STANDBY)


def test_unpinned_evidence_decides_again(bench):
    life = judged(bench, GOOD, active=ACTIVE, standby=STANDBY)
    life.tick(0)
    carried_out(life, Verb.PIN, version=2)
    answer = carried_out(life, Verb.UNPIN)
    assert answer.words == (
        f"{TASK}: version 2 is not pinned any more: evidence decides"
    )
    assert not bench.lineup(TASK).is_pinned


# What cannot.

REFUSED = {
    "unknown_task": (
        asked(Verb.ROLLBACK, task="nix"),
        f'no task "nix" here; there is {TASK}',
    ),
    "unknown_version": (
        asked(Verb.PIN, version=9),
        f"{TASK}: no version 9 here; there is 1, 2, 3, 4",
    ),
    "retired": (
        asked(Verb.PIN, version=1),
        (
            f"{TASK}: version 1 is retired and has no place in the line-up; operations "
            "must offer it again before it can be pinned"
        ),
    ),
    "not_pinned": (asked(Verb.UNPIN), f"{TASK}: nothing is pinned"),
    "not_in_quarantine": (
        asked(Verb.CLEAR, version=3),
        f"{TASK}: version 3 is shadow, not in quarantine",
    ),
    "in_quarantine": (
        asked(Verb.PIN, version=4),
        (
            f"{TASK}: version 4 is in quarantine; `forewarn quarantine clear {TASK} 4` "
            "lets the next update take it in again"
        ),
    ),
    "clear_unknown": (
        asked(Verb.CLEAR, version=5),
        f"{TASK}: no version 5 here; there is 1, 2, 3, 4",
    ),
}


@pytest.mark.parametrize("wish", REFUSED)
def test_what_cannot_be_is_turned_down_in_words_and_changes_nothing(bench, wish):
    refused, words = REFUSED[wish]
    life = judged(bench, GOOD, **ALL)
    bench.take_in(document(4), EJECTED)
    bench.line_up(
        task=TASK,
        states={
            STANDBY: ReleaseState.RETIRED,
            EJECTED: ReleaseState.ROLLED_BACK,
        },
        active=ACTIVE,
        shadow=SHADOW,
    )
    life.tick(0)
    before = bench.lineup(TASK), bench.states()
    number = bench.ask(refused)
    result = life.tick(1)
    answer = bench.answer(number)
    assert (answer.is_done, answer.words) == (False, words)
    assert (bench.lineup(TASK), bench.states()) == before
    (event,) = result.events
    assert (event.name, event.level) == (EventName.REQUEST_REFUSED, Level.WARNING)
    assert event.fields == {
        "task": refused.task,
        "asked": refused.verb,
        "reason": words,
        "by": "ada",
    }
    audited = [name for name in bench.events() if name in AUDIT]
    assert audited == [EventName.REQUEST_REFUSED]


def test_what_is_pinned_already_cannot_be_pinned_again(bench):
    life = judged(bench, GOOD, **ALL)
    life.tick(0)
    carried_out(life, Verb.PIN, version=2)
    before = bench.lineup(TASK)
    answer = carried_out(life, Verb.PIN, version=2)
    assert (answer.is_done, answer.words) == (
        False,
        f"{TASK}: version 2 is pinned already",
    )
    assert names(life.results[-1]) == [EventName.REQUEST_REFUSED]
    assert bench.lineup(TASK) == before


def test_a_pin_moves_on_to_another_release(bench):
    life = judged(bench, GOOD, **ALL)
    life.tick(0)
    carried_out(life, Verb.PIN, version=2)
    assert carried_out(life, Verb.PIN, version=1).is_done
    assert bench.lineup(TASK) == LEFT["pin_standby"]


def test_the_baseline_cannot_be_rolled_back(bench):
    life = judged(bench, GOOD, active=ACTIVE)
    life.tick(0)
    carried_out(life, Verb.ROLLBACK)
    answer = carried_out(life, Verb.ROLLBACK)
    assert (answer.is_done, answer.words) == (
        False,
        f"{TASK}: no release is active, the baseline speaks already",
    )


# Several, late, and across deaths.


def test_requests_are_carried_out_in_the_order_in_which_they_were_asked(bench):
    life = judged(bench, GOOD, **ALL)
    life.tick(0)
    wishes = [
        asked(Verb.PIN, version=1),
        asked(Verb.UNPIN),
        asked(Verb.UNPIN),
        asked(Verb.ROLLBACK),
        asked(Verb.CLEAR, version=1),
    ]
    numbers = [bench.ask(each) for each in wishes]
    life.tick(1)
    done = [bench.answer(number).is_done for number in numbers]
    assert done == [True, True, False, True, True]
    assert bench.lineup(TASK) == LineUp(task=TASK, active=ACTIVE, shadow=SHADOW)
    assert bench.states()[STANDBY] == ReleaseState.RETIRED


def test_what_was_asked_while_nobody_was_there_is_found_at_the_start(bench):
    life = judged(bench, GOOD, **ALL)
    number = bench.ask(asked(Verb.ROLLBACK))
    life.tick(0)
    assert bench.answer(number).is_done
    assert bench.lineup(TASK).active == STANDBY
    life.ticker.close(at(0))
    second = bench.ask(asked(Verb.ROLLBACK))
    life.restart()
    life.tick(1)
    assert bench.answer(second).is_done
    assert bench.lineup(TASK) == LineUp(task=TASK, shadow=SHADOW)


def test_what_was_answered_is_not_carried_out_again_after_a_restart(bench):
    life = judged(bench, GOOD, **ALL)
    life.tick(0)
    answer = carried_out(life, Verb.PIN, version=1)
    life.restart()
    life.ticks(2, 3)
    assert bench.lineup(TASK) == LEFT["pin_standby"]
    assert bench.answer(1) == answer
    assert len(told(life, RECALLED)) == 1


def test_a_daemon_killed_between_request_and_answer_answers_once(bench):
    life = judged(bench, GOOD, **ALL)
    life.tick(0)
    number = bench.ask(asked(Verb.ROLLBACK))
    with unwritable(bench):
        life.tick(1)
    assert bench.answer(number) is None
    # The process dies: what was held back is gone.
    bench.reopen()
    life.begin()
    life.ticks(2, 3)
    assert bench.answer(number).at == at(2)
    assert bench.lineup(TASK) == LEFT["rollback"]
    assert bench.events().count(ROLLED_BACK) == 1


def test_while_commits_fail_a_request_waits_and_is_carried_out_once(bench):
    life = judged(bench, GOOD, **ALL)
    life.ticks(0, 1)
    numbers = [bench.ask(asked(Verb.ROLLBACK)), bench.ask(asked(Verb.ROLLBACK))]
    bench.break_commits()
    life.ticks(*range(2, 100))
    assert [bench.answer(number) for number in numbers] == [None, None]
    assert bench.lineup(TASK).active == ACTIVE
    bench.mend_commits()
    life.ticks(*range(100, 200))
    assert [bench.answer(number).is_done for number in numbers] == [True, True]
    assert bench.lineup(TASK) == LineUp(task=TASK, shadow=SHADOW)
    assert bench.events().count(ROLLED_BACK) == 2


def test_a_refusal_that_cannot_be_written_holds_the_next_request_up_no_longer(bench):
    life = judged(bench, GOOD, **ALL)
    life.ticks(0, 1)
    numbers = [bench.ask(asked(Verb.UNPIN)), bench.ask(asked(Verb.PIN, version=2))]
    bench.ledger.commit = failing_at(bench, times=2)
    life.ticks(*range(2, 100))
    answers = [bench.answer(number) for number in numbers]
    assert [each is not None and each.is_done for each in answers] == [False, True]


def test_two_wishes_of_which_the_first_cannot_be_written_do_not_meet_one_lineup(bench):
    life = judged(bench, GOOD, **ALL)
    life.ticks(0, 1)
    numbers = [bench.ask(asked(Verb.ROLLBACK)), bench.ask(asked(Verb.ROLLBACK))]
    bench.ledger.commit = failing_at(bench, times=2)
    life.ticks(*range(2, 100))
    assert [bench.answer(number).words.rpartition("; ")[2] for number in numbers] == [
        "version 1 is active",
        "the baseline speaks",
    ]
    assert bench.lineup(TASK) == LineUp(task=TASK, shadow=SHADOW)


def failing_at(bench, *, times):
    """Return a commit that works once, then fails some times, then works."""
    commit, calls = bench.ledger.commit, count()

    def sometimes(standing):
        if not 1 <= next(calls) <= times:
            return commit(standing)
        with unwritable(bench):
            return commit(standing)

    return sometimes


# Pinned.


def test_a_pinned_release_is_not_rolled_back_and_that_is_told_once(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    life.tick(0)
    carried_out(life, Verb.PIN, version=2)
    life.ticks(*range(2, 250))
    assert told(life, ROLLED_BACK) == []
    ((_, held),) = told(life, HELD)
    assert held.fields["would"] == "roll_back"
    assert held.fields["until"] == "unpinned"
    assert held.fields["reason"].startswith("v2: loss ")
    assert bench.lineup(TASK).active == ACTIVE
    assert bench.events().count(HELD) == 1


def test_once_unpinned_it_is_rolled_back(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    life.tick(0)
    carried_out(life, Verb.PIN, version=2)
    life.ticks(*range(2, 200))
    carried_out(life, Verb.UNPIN)
    assert [number for number, _ in told(life, ROLLED_BACK)] == [200]
    assert bench.lineup(TASK) == LineUp(task=TASK, active=STANDBY)


def test_a_pinned_release_is_not_replaced(bench):
    life = judged(bench, {ACTIVE: poor, SHADOW: better}, active=ACTIVE, shadow=SHADOW)
    life.tick(0)
    carried_out(life, Verb.PIN, version=2)
    life.ticks(*range(2, 400))
    assert told(life, PROMOTED) == []
    ((_, held),) = told(life, HELD)
    assert (held.fields["would"], held.fields["version"]) == ("promote", 3)


def test_a_pin_does_not_keep_a_bad_shadow(bench):
    life = judged(bench, {ACTIVE: good, SHADOW: inverted}, active=ACTIVE, shadow=SHADOW)
    life.tick(0)
    carried_out(life, Verb.PIN, version=2)
    life.ticks(*range(2, 300))
    assert bench.states()[SHADOW] == ReleaseState.REJECTED
    assert bench.lineup(TASK) == LineUp(task=TASK, active=ACTIVE, is_pinned=True)


def test_a_pin_holds_a_fault_too(bench):
    models = FixedModels({ACTIVE: ModelError("boom"), STANDBY: good})
    life = judged(bench, models, active=ACTIVE, standby=STANDBY)
    life.tick(0)
    carried_out(life, Verb.PIN, version=2)
    life.ticks(*range(2, 50))
    assert told(life, ROLLED_BACK) == []
    ((_, held),) = told(life, HELD)
    assert held.fields["reason"] == "boom, 3 times in a row"


def test_a_pin_is_remembered_across_restarts(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    life.tick(0)
    carried_out(life, Verb.PIN, version=2)
    for number in range(2, 250):
        if number % 20 == 0:
            life.restart()
        life.tick(number)
    assert told(life, ROLLED_BACK) == []
    assert bench.lineup(TASK).is_pinned


def test_a_pin_does_not_outlive_its_release(bench):
    life = judged(bench, GOOD, **ALL)
    life.tick(0)
    carried_out(life, Verb.PIN, version=2)
    carried_out(life, Verb.ROLLBACK)
    assert bench.lineup(TASK) == LEFT["rollback"]
