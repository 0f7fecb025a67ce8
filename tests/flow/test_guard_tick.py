"""The guard at work in whole ticks: who is rolled back, promoted, confirmed, heard.

Everything is seeded. Lowered against what an operator has: see `QUICK`.
"""

import json
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from agent.core.case import Case
from agent.core.event import EventName
from agent.core.lineup import LineUp
from agent.core.release import ReleaseState
from agent.core.request import Verb
from agent.errors import AnswerError, ModelError, StateError, TamperedError
from tests.fakes.host import ScriptedHost
from tests.fakes.judged import (
    BLOCK,
    OMEN,
    QUICK,
    TASK,
    VERSIONS,
    better,
    columns,
    court_of,
    document,
    good,
    host,
    inverted,
    judged,
    poor,
    told,
)
from tests.fakes.ledger import request
from tests.fakes.life import (
    ACTIVE,
    CPU,
    LEDGERS,
    SHADOW,
    STANDBY,
    InSqlite,
    at,
    kinds,
)
from tests.fakes.models import FixedModels

ROLLED_BACK, REJECTED = EventName.RELEASE_ROLLED_BACK, EventName.RELEASE_REJECTED
PROMOTED, CONFIRMED = EventName.RELEASE_PROMOTED, EventName.RELEASE_CONFIRMED
HEARD, CHANGED = EventName.RELEASE_HEARD, EventName.LINEUP_CHANGED
RENEWED = EventName.GUARD_RENEWED
# The tests of promotion look at more than a day's worth of their lowered policy.
PATIENT = replace(QUICK, least_s=86_400.0)
UPTIME = "system.uptime"


@pytest.fixture(params=LEDGERS)
def bench(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=LEDGERS)
def benches(request, tmp_path):
    """Return what makes one ledger after another, all of one kind."""
    made = []

    def another():
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(request.param(folder))
        return made[-1]

    yield another
    for each in made:
        each.close()


def until(life, *names, last=400):
    """Tick on until one of these events is told; return its tick and the event."""
    for number in range(len(life.results), last):
        life.tick(number)
        if found := [each for each in told(life, *names) if each[0] == number]:
            return found[0]
    pytest.fail(f"none of {', '.join(names)} in {last} ticks")


def the(life, name):
    """Return the one event of a name, with its tick."""
    (found,) = told(life, name)
    return found


# A bad release is rolled back.


def test_an_inverted_release_is_rolled_back_to_the_standby(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    number, event = until(life, ROLLED_BACK)
    assert number > 2 * BLOCK
    assert bench.lineup(TASK) == LineUp(task=TASK, active=STANDBY)
    assert bench.states() == {
        ACTIVE: ReleaseState.ROLLED_BACK,
        STANDBY: ReleaseState.CONFIRMED,
    }
    assert event.at == at(number)
    assert bench.events().count(ROLLED_BACK) == 1


def test_what_stands_by_speaks_from_the_next_tick_on(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    number, _ = until(life, ROLLED_BACK)
    (last,) = life.results[-1].moments
    assert {p.role: p.digest for p in last.predictions}["active"] == ACTIVE
    after = life.tick(number + 1)
    assert [event.name for event in after.events] == [CHANGED]
    roles = {p.role: p.digest for p in after.moments[0].predictions}
    assert (roles["active"], "standby" in roles) == (STANDBY, False)


def test_the_line_tells_what_how_much_worse_on_what_evidence_and_who_speaks(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    _, event = until(life, ROLLED_BACK)
    fields = event.fields
    assert (fields["task"], fields["version"]) == (TASK, 2)
    assert fields["digest"] == ACTIVE[:12]
    assert fields["reason"].startswith("v2: loss 0.")
    for part in (
        " vs 0.0",
        " for v1 (allowed 0.0",
        " predictions in ",
        " blocks since 2026-03-01 12:30, ",
        " event episodes, 0.0% of outcomes lost, e-value ",
        " >= 40",
    ):
        assert part in fields["reason"]
    assert fields["e_value"] >= 40
    assert fields["speaks"] == "v1"  # it has earned that while it stood by


def test_without_a_standby_the_baseline_speaks(bench):
    life = judged(bench, {ACTIVE: inverted}, active=ACTIVE)
    _, event = until(life, ROLLED_BACK)
    assert "for the baseline" in event.fields["reason"]
    assert event.fields["speaks"] == "the baseline"
    assert bench.lineup(TASK) == LineUp(task=TASK)
    life.tick(len(life.results))
    assert [p.digest for p in life.results[-1].moments[0].predictions] == ["baseline"]


def test_two_bad_ones_in_a_row_fall_to_the_baseline(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: inverted}, active=ACTIVE, standby=STANDBY
    )
    _, first = until(life, ROLLED_BACK)
    _, second = until(life, ROLLED_BACK)
    assert (first.fields["version"], second.fields["version"]) == (2, 1)
    assert second.fields["speaks"] == "the baseline"
    assert bench.lineup(TASK) == LineUp(task=TASK)
    assert set(bench.states().values()) == {ReleaseState.ROLLED_BACK}


def test_the_baseline_that_goes_on_alone_does_not_judge_the_dead_release_again(bench):
    life = judged(bench, {ACTIVE: inverted}, active=ACTIVE)
    number, _ = until(life, ROLLED_BACK)
    life.ticks(*range(number + 1, number + 200))
    assert len(told(life, ROLLED_BACK)) == 1
    life.restart()
    life.ticks(*range(number + 200, number + 250))
    assert len(told(life, ROLLED_BACK)) == 1
    assert len(life.evidence.files) == 1
    assert all(
        result.moments[0].wagers == ()
        for result in life.results[-20:-1]
        if result.moments
    )


def test_the_test_of_a_recalled_release_against_the_baseline_goes_on(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    number, _ = until(life, ROLLED_BACK)
    life.ticks(number + 1, number + 2)
    life.ticker.close(at(number + 2))
    (own,) = [
        each
        for each in court_of(bench).cases
        if each.question.thesis == "worse" and each.question.release == STANDBY
    ]
    assert own.started_at == at(0)
    assert own.ticks > BLOCK
    assert told(life, RENEWED) == []


def test_the_evidence_is_kept_before_the_line_up_changes(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    seen = []
    keep = life.evidence.keep

    def look_and_keep(name, content):
        seen.append(bench.lineup(TASK).active)
        keep(name, content)

    life.evidence.keep = look_and_keep
    _, event = until(life, ROLLED_BACK)
    assert seen == [ACTIVE]
    name = f"{TASK}-2-20260301T123015Z"
    assert event.fields["evidence"] == name
    kept = json.loads(life.evidence.files[name])
    assert (kept["event"], kept["digest"]) == (ROLLED_BACK, ACTIVE)
    assert kept["line_up"] == {"active": ACTIVE, "standby": STANDBY}
    assert kept["verdict"]["e_value"] == event.fields["e_value"]
    assert kept["verdict"]["question"] == {
        "thesis": "worse",
        "release": ACTIVE,
        "reference": STANDBY,
    }
    assert len(kept["court"]["cases"]) == len(kept["evidence"]) > 1


def test_a_full_folder_does_not_stop_a_rollback(bench):
    life = judged(bench, {ACTIVE: inverted}, active=ACTIVE)
    life.evidence.is_full = True
    _, event = until(life, ROLLED_BACK)
    assert event.fields["evidence"] == ("not kept: evidence: No space left on device")
    assert bench.states() == {ACTIVE: ReleaseState.ROLLED_BACK}
    assert life.evidence.files == {}


def test_a_standby_that_is_worse_than_the_baseline_leaves_and_nobody_else(bench):
    life = judged(
        bench, {ACTIVE: good, STANDBY: inverted}, active=ACTIVE, standby=STANDBY
    )
    _, event = until(life, ROLLED_BACK)
    assert event.fields["version"] == 1
    assert bench.lineup(TASK) == LineUp(task=TASK, active=ACTIVE)
    assert bench.states()[ACTIVE] == ReleaseState.CONFIRMED


def test_a_good_release_stays(bench):
    life = judged(bench, {ACTIVE: good, STANDBY: good}, active=ACTIVE, standby=STANDBY)
    life.ticks(*range(400))
    assert told(life, ROLLED_BACK, CHANGED) == []


def test_what_the_tests_came_to_is_kept_at_each_end_of_a_block(bench):
    life = judged(bench, {ACTIVE: good}, active=ACTIVE)
    life.ticks(*range(150))
    life.ticker.close(life.now)
    points = [each for each in bench.evidence() if each.question.thesis == "worse"]
    assert [each.blocks for each in points] == list(range(1, len(points) + 1))
    assert len(points) >= 10


# A good one is promoted.


def test_an_equally_good_shadow_is_promoted_once_it_was_seen_for_long_enough(bench):
    life = judged(
        bench,
        {ACTIVE: good, SHADOW: good},
        script=host(600),
        active=ACTIVE,
        shadow=SHADOW,
    )
    number, event = until(life, PROMOTED, last=600)
    assert number * 10 >= QUICK.least_s
    assert bench.lineup(TASK) == LineUp(task=TASK, active=SHADOW, standby=ACTIVE)
    assert bench.states() == {
        SHADOW: ReleaseState.PROBATION,
        ACTIVE: ReleaseState.STANDBY,
    }
    assert (event.fields["version"], event.fields["speaks"]) == (3, "v3")
    assert event.fields["e_value"] >= QUICK.promotion


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(PATIENT, id="not_for_long_enough"),
        pytest.param(replace(QUICK, least_episodes=1_000), id="too_few_episodes"),
    ],
)
def test_an_equal_shadow_is_not_promoted_before_it_was_seen_enough(bench, policy):
    life = judged(
        bench,
        {ACTIVE: good, SHADOW: good},
        script=host(600),
        policy=policy,
        active=ACTIVE,
        shadow=SHADOW,
    )
    life.ticks(*range(600))
    assert told(life, PROMOTED) == []
    life.ticker.close(life.now)
    proven = [
        each
        for each in life.ticker.tasks[TASK].court.evidence(life.now)
        if each.question.thesis == "not_worse" and each.question.reference == ACTIVE
    ]
    assert [each.is_shown for each in proven] == [True]


def test_a_better_shadow_is_promoted_sooner(bench):
    life = judged(
        bench,
        {ACTIVE: poor, SHADOW: better},
        policy=PATIENT,
        active=ACTIVE,
        shadow=SHADOW,
    )
    number, _ = until(life, PROMOTED)
    assert number * 10 < PATIENT.least_s
    assert bench.lineup(TASK) == LineUp(task=TASK, active=SHADOW, standby=ACTIVE)


def test_a_worse_shadow_is_never_promoted_and_rejected_once_that_is_shown(bench):
    life = judged(bench, {ACTIVE: good, SHADOW: inverted}, active=ACTIVE, shadow=SHADOW)
    _, event = until(life, REJECTED)
    assert (event.fields["version"], event.fields["speaks"]) == (3, "v2")
    assert bench.lineup(TASK) == LineUp(task=TASK, active=ACTIVE)
    assert bench.states()[SHADOW] == ReleaseState.REJECTED
    life.ticks(*range(len(life.results), 300))
    assert told(life, PROMOTED, ROLLED_BACK) == []


def test_a_somewhat_worse_shadow_is_not_promoted(bench):
    life = judged(bench, {ACTIVE: better, SHADOW: poor}, active=ACTIVE, shadow=SHADOW)
    life.ticks(*range(400))
    assert told(life, PROMOTED) == []


def test_promotion_waits_while_the_active_one_is_on_probation_with_a_standby(bench):
    life = judged(
        bench,
        {ACTIVE: poor, STANDBY: poor, SHADOW: better},
        policy=PATIENT,
        script=host(600),
        states={ACTIVE: ReleaseState.PROBATION},
        active=ACTIVE,
        standby=STANDBY,
        shadow=SHADOW,
    )
    life.ticks(*range(400))
    assert told(life, PROMOTED, ROLLED_BACK) == []
    roles = {"active": ACTIVE, "standby": STANDBY, "shadow": SHADOW}
    bench.line_up(task=TASK, states={ACTIVE: ReleaseState.CONFIRMED}, **roles)
    number, _ = until(life, PROMOTED, last=600)
    assert number == 400
    assert bench.lineup(TASK) == LineUp(task=TASK, active=SHADOW, standby=ACTIVE)
    assert bench.states() == {
        SHADOW: ReleaseState.PROBATION,
        ACTIVE: ReleaseState.STANDBY,
        STANDBY: ReleaseState.RETIRED,
    }


def test_probation_ends_with_no_evidence_of_harm_in_these_words(bench):
    life = judged(
        bench,
        {ACTIVE: good, STANDBY: good},
        states={ACTIVE: ReleaseState.PROBATION},
        active=ACTIVE,
        standby=STANDBY,
    )
    number, event = until(life, CONFIRMED)
    assert number * 10 >= QUICK.least_s
    assert event.fields["reason"].startswith("no evidence of harm: v2: ")
    assert bench.states()[ACTIVE] == ReleaseState.CONFIRMED
    assert bench.lineup(TASK) == LineUp(task=TASK, active=ACTIVE, standby=STANDBY)
    life.ticks(*range(number + 1, number + 50))
    assert len(told(life, CONFIRMED)) == 1


def test_a_promoted_release_goes_all_the_way(bench):
    life = judged(bench, {ACTIVE: poor, SHADOW: better}, active=ACTIVE, shadow=SHADOW)
    until(life, PROMOTED)
    number, _ = until(life, CONFIRMED)
    assert number > the(life, PROMOTED)[0] + QUICK.least_s / 10 / 2
    assert bench.states()[SHADOW] == ReleaseState.CONFIRMED


# Heard.


def test_a_first_release_is_heard_once_it_is_shown_to_be_as_good(bench):
    life = judged(
        bench, {ACTIVE: good}, active=ACTIVE, states={ACTIVE: ReleaseState.PROBATION}
    )
    number, event = until(life, HEARD)
    assert number * 10 >= QUICK.least_s
    assert (event.fields["version"], event.fields["speaks"]) == (2, "v2")
    assert " for the baseline" in event.fields["reason"]
    life.ticker.close(life.now)
    assert court_of(bench).heard == (ACTIVE,)
    assert bench.lineup(TASK) == LineUp(task=TASK, active=ACTIVE)


def test_it_is_told_once_and_stays_heard_across_restarts(bench):
    life = judged(bench, {ACTIVE: good}, active=ACTIVE)
    number, _ = until(life, HEARD)
    for later in range(number + 1, number + 60):
        if later % 20 == 0:
            life.restart()
        life.tick(later)
    assert len(told(life, HEARD)) == 1
    assert life.ticker.tasks[TASK].court.has_heard(ACTIVE)


def test_one_that_is_worse_than_the_baseline_is_not_heard(bench):
    life = judged(bench, {ACTIVE: 0.5}, active=ACTIVE)
    life.ticks(*range(300))
    assert told(life, HEARD) == []


def test_nobody_is_confirmed_who_is_not_heard(bench):
    life = judged(
        bench,
        {ACTIVE: 0.12},
        policy=replace(QUICK, alpha=1e-9, promotion=1e9),
        active=ACTIVE,
        states={ACTIVE: ReleaseState.PROBATION},
    )
    life.ticks(*range(300))
    assert told(life, HEARD, CONFIRMED) == []


# What is never a release's fault.


def decided(life, *, last=150):
    """Return what was told of releases until `last`, with each tick."""
    life.ticks(*range(len(life.results), last))
    names = (ROLLED_BACK, PROMOTED, CONFIRMED, HEARD)
    return [(number, event.line()) for number, event in told(life, *names)]


def crew(bench, **options):
    """Return a life with something to decide: heard, promoted, confirmed, rolled back.

    The shadow takes the active one's place, and turns bad after a while.
    """
    turns_bad = columns(400)
    turns_bad[OMEN][220:] = [1 - omen for omen in turns_bad[OMEN][220:]]
    return judged(
        bench,
        {ACTIVE: poor, SHADOW: better},
        script=ScriptedHost.of_columns(turns_bad),
        active=ACTIVE,
        shadow=SHADOW,
        **options,
    )


@pytest.mark.parametrize("every", [3, 50])
def test_restarts_change_neither_a_decision_nor_its_tick_nor_the_record(benches, every):
    plain = benches()
    life = crew(plain)
    expected = decided(life, last=330)
    life.ticker.close(life.now)
    other = benches()
    restarted = crew(other)
    for number in range(330):
        if number % every == 0 and number:
            restarted.restart()
        restarted.tick(number)
    assert decided(restarted, last=330) == expected
    assert len(expected) >= 4
    restarted.ticker.close(restarted.now)
    assert court_of(other) == court_of(plain)
    assert other.evidence() == plain.evidence()
    assert restarted.evidence.files == life.evidence.files


def test_what_a_courier_writes_in_between_changes_no_decision(benches):
    plain = benches()
    expected = decided(crew(plain), last=330)
    other = benches()
    life = crew(other)
    for number in range(330):
        if number % 9 == 0:
            other.take_in(document(number + 10), f"{number:064x}")
        life.tick(number)
    assert decided(life, last=330) == expected


def test_gaps_are_no_evidence(bench):
    script = columns(400)
    load = np.array(script[CPU])
    load[np.arange(400) % 3 != 0] = math.nan
    script[CPU] = load.tolist()
    life = judged(
        bench,
        {ACTIVE: inverted, STANDBY: good},
        script=ScriptedHost.of_columns(script),
        active=ACTIVE,
        standby=STANDBY,
    )
    life.ticks(*range(400))
    assert set(kinds(life.results)) <= {"gap", "happened"}
    assert kinds(life.results).count("gap") > 90
    assert told(life, ROLLED_BACK) == []


def test_reboots_are_no_evidence(bench):
    script = columns(400)
    script[UPTIME] = [10.0 * (number % 2) for number in range(400)]
    quiet = [0.3] * 400
    life = judged(
        bench,
        {ACTIVE: inverted, STANDBY: good},
        script=ScriptedHost.of_columns({**script, CPU: quiet}),
        active=ACTIVE,
        standby=STANDBY,
    )
    life.ticks(*range(400))
    assert set(kinds(life.results)) == {"reboot"}
    assert told(life, ROLLED_BACK) == []
    assert all(each.e_value <= 1 for each in bench.evidence())


def test_a_clock_that_goes_back_is_no_evidence(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    for number in range(2, 150):
        life.tick(number)
        life.tick(number - 1)
        life.tick(number - 2)
    assert set(kinds(life.results)) == {"clock", "gap"}
    assert kinds(life.results).count("clock") > 200
    assert told(life, ROLLED_BACK) == []


def test_gaps_in_the_features_of_a_good_release_do_not_end_it(bench):
    script = columns(400)
    generator = np.random.default_rng(3)
    for values in script.values():
        for number in np.flatnonzero(generator.random(400) < 0.1):
            values[number] = math.nan
    life = judged(
        bench,
        {ACTIVE: good, STANDBY: good},
        script=ScriptedHost.of_columns(script),
        active=ACTIVE,
        standby=STANDBY,
    )
    for number in range(400):
        if number % 13 == 0 and number:
            life.restart()
        life.tick(number)
    assert kinds(life.results).count("gap") > 20
    assert told(life, ROLLED_BACK, CHANGED) == []


def test_while_commits_fail_a_decision_waits_and_comes_to_pass_once(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    life.ticks(*range(100))
    bench.break_commits()
    life.ticks(*range(100, 250))
    assert told(life, ROLLED_BACK, CHANGED) == []
    assert len(told(life, EventName.COMMIT_FAILED)) == 1
    assert bench.lineup(TASK).active == ACTIVE
    assert len(life.evidence.files) == 1
    bench.mend_commits()
    life.ticks(*range(250, 350))
    number, event = the(life, ROLLED_BACK)
    assert number >= 250
    assert event.at < at(200)
    assert the(life, CHANGED)[0] == number + 1
    assert bench.events().count(ROLLED_BACK) == 1
    assert bench.lineup(TASK) == LineUp(task=TASK, active=STANDBY)
    assert len(life.evidence.files) == 1


def test_a_decision_whose_release_has_left_meanwhile_comes_to_nothing(tmp_path):
    bench = InSqlite(tmp_path)
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    commit = bench.ledger.commit

    def withdrawn_then_committed(standing):
        if standing.turns:
            bench.withdraw(ACTIVE)
            bench.line_up(
                task=TASK, states={STANDBY: ReleaseState.CONFIRMED}, active=STANDBY
            )
        return commit(standing)

    bench.ledger.commit = withdrawn_then_committed
    life.ticks(*range(250))
    assert told(life, ROLLED_BACK) == []
    assert len(told(life, CHANGED)) == 1
    assert ROLLED_BACK not in bench.events()
    assert bench.states()[ACTIVE] == ReleaseState.WITHDRAWN
    bench.close()


# What needs no outcome.

NOT_FINITE = "answered a number that is not finite"
STRIKES = {
    "nan": (math.nan, 1, NOT_FINITE),
    "infinite": (math.inf, 1, NOT_FINITE),
    "out_of_range": (AnswerError("answered 1.5"), 1, "answered 1.5"),
    "raises": (ModelError("boom"), 3, "boom, 3 times in a row"),
}
PLACES = {"active": ACTIVE, "standby": STANDBY, "shadow": SHADOW}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("strike", STRIKES)
def test_what_a_release_does_wrong_by_itself_ends_its_work(bench, strike, place):
    answer, times, reason = STRIKES[strike]
    digest = PLACES[place]
    models = FixedModels({**dict.fromkeys(PLACES.values(), good), digest: answer})
    life = judged(bench, models, **PLACES)
    scored = [len(life.tick(number).moments) for number in range(times + 4)]
    is_shadow = place == "shadow"
    number, event = the(life, REJECTED if is_shadow else ROLLED_BACK)
    assert sum(scored[: number + 1]) == times
    assert event.fields["reason"] == reason
    gone = ReleaseState.REJECTED if is_shadow else ReleaseState.ROLLED_BACK
    assert bench.states()[digest] == gone
    assert digest not in dict(bench.lineup(TASK).roles()).values()
    expected = STANDBY if place == "active" else ACTIVE
    assert bench.lineup(TASK).active == expected


def test_one_that_raises_twice_and_then_works_stays(bench):
    models = FixedModels({ACTIVE: good})
    life = judged(bench, models, active=ACTIVE)
    scored = 0
    for number in range(60):
        models.answers[ACTIVE] = good if scored % 3 == 2 else ModelError("boom")
        scored += len(life.tick(number).moments)
    assert told(life, ROLLED_BACK) == []


@pytest.mark.parametrize("slow_times", [9, 10])
def test_ten_slow_answers_in_a_row_end_its_work(bench, slow_times):
    models = FixedModels({ACTIVE: good})
    life = judged(bench, models, active=ACTIVE)
    models.latencies_ms[ACTIVE] = 5.1
    scored = 0
    while scored < slow_times:
        scored += len(life.tick(len(life.results)).moments)
    models.latencies_ms[ACTIVE] = 5.0
    life.ticks(*range(len(life.results), 40))
    events = told(life, ROLLED_BACK)
    assert [event.fields["reason"] for _, event in events] == [
        "took 5.1 ms of processor time, expected at most 5 ms, 10 times in a row"
    ] * (slow_times == 10)


@pytest.mark.parametrize("place", PLACES)
def test_one_that_cannot_be_loaded_leaves_at_once(bench, place):
    digest = PLACES[place]
    models = FixedModels(dict.fromkeys(PLACES.values(), good))
    models.broken[digest] = ModelError("no such operator")
    life = judged(bench, models, **PLACES)
    life.tick(0)
    _, event = the(life, REJECTED if place == "shadow" else ROLLED_BACK)
    assert event.fields["reason"] == "no such operator"
    assert digest not in dict(bench.lineup(TASK).roles()).values()


@pytest.mark.parametrize("error", [TamperedError("other bytes"), StateError("no room")])
def test_what_others_did_to_its_file_does_not_end_a_release(bench, error):
    models = FixedModels({ACTIVE: good, STANDBY: good})
    models.broken[ACTIVE] = error
    life = judged(bench, models, active=ACTIVE, standby=STANDBY)
    life.ticks(*range(100))
    assert told(life, ROLLED_BACK) == []
    assert bench.lineup(TASK).active == ACTIVE


def test_one_answer_and_no_other_while_the_reference_moves_is_a_breach(bench):
    life = judged(
        bench,
        {ACTIVE: 0.15, STANDBY: good},
        policy=replace(QUICK, alpha=1e-6),
        active=ACTIVE,
        standby=STANDBY,
    )
    number, event = until(life, ROLLED_BACK)
    assert event.fields["reason"] == (
        "it answered 0.15 and nothing else over 4 blocks, while its reference moved"
    )
    assert number >= 4 * BLOCK
    assert "e_value" not in event.fields


def test_one_answer_a_block_is_no_breach_where_it_is_another_one_each_time(bench):
    """A model may be slow to change its mind; one that has died never does."""
    models = FixedModels({ACTIVE: 0.15, STANDBY: good})
    life = judged(
        bench,
        models,
        policy=replace(QUICK, alpha=1e-6),
        active=ACTIVE,
        standby=STANDBY,
    )
    ticks = 0
    for number in range(400):
        models.answers[ACTIVE] = 0.15 + 0.01 * (ticks // BLOCK % 2)
        ticks += len(life.tick(number).moments)
    assert ticks > 20 * BLOCK
    assert told(life, ROLLED_BACK) == []


def test_one_answer_is_no_breach_where_nothing_moves(bench):
    quiet = {CPU: [0.3], OMEN: [0.0]}
    life = judged(
        bench,
        {ACTIVE: 0.005, STANDBY: good},
        script=ScriptedHost.of_columns(quiet),
        policy=replace(QUICK, alpha=1e-6),
        active=ACTIVE,
        standby=STANDBY,
    )
    life.ticks(*range(150))
    assert told(life, ROLLED_BACK) == []


@pytest.mark.parametrize(("answer", "ends"), [(0.3, True), (0.19, False)])
def test_a_mean_answer_outside_of_what_is_declared_is_a_breach(bench, answer, ends):
    write = partial(document, guard={"mean_output": [0.0, 0.2]})
    life = judged(bench, {ACTIVE: answer}, write=write, active=ACTIVE)
    life.ticks(*range(2 * BLOCK))
    reasons = [event.fields["reason"] for _, event in told(life, ROLLED_BACK)]
    assert (
        reasons
        == ["its mean answer over a block was 0.3, the manifest declares 0 to 0.2"]
        * ends
    )


# Terms.


def test_changed_terms_begin_the_test_anew_and_say_so(bench):
    life = judged(bench, {ACTIVE: good, STANDBY: good}, active=ACTIVE, standby=STANDBY)
    life.ticks(*range(100))
    life.options["policy"] = replace(QUICK, margin=0.3)
    life.restart()
    life.tick(100)
    events = [event for _, event in told(life, RENEWED)]
    assert {
        (event.fields["digest"], event.fields["thesis"], event.fields["reference"])
        for event in events
    } == {
        (ACTIVE[:12], "worse", STANDBY[:12]),
        (ACTIVE[:12], "worse", "baseline"),
        (STANDBY[:12], "worse", "baseline"),
    }
    life.ticker.close(life.now)
    assert {case.started_at for case in court_of(bench).cases} == {at(100)}
    life.ticks(*range(101, 400))
    assert told(life, ROLLED_BACK) == []


def test_what_is_promoted_brings_its_own_margin_and_changes_no_other_ones(bench):
    own_margins = {VERSIONS[ACTIVE]: 0.1, VERSIONS[SHADOW]: 0.2}
    life = judged(
        bench,
        {ACTIVE: good, SHADOW: good},
        write=lambda version: document(version, guard={"margin": own_margins[version]}),
        policy=replace(QUICK, margin=None, promotion=1e9),
        active=ACTIVE,
        shadow=SHADOW,
    )
    life.ticks(*range(50))
    bench.ask(request(Verb.PIN, task=TASK, version=VERSIONS[SHADOW]))
    life.ticks(*range(50, 70))
    assert bench.lineup(TASK).standby == ACTIVE
    life.ticker.close(life.now)
    found = {
        case.question.release: case
        for case in map(Case.recalled, court_of(bench).cases)
        if case.question.thesis == "worse" and case.question.reference == "baseline"
    }
    assert {of: case.terms.margin for of, case in found.items()} == {
        ACTIVE: 0.1,
        SHADOW: 0.2,
    }
    assert {of: case.started_at for of, case in found.items()} == {
        ACTIVE: at(0),
        SHADOW: at(50),
    }
    assert told(life, RENEWED) == []


def test_a_restart_under_the_same_terms_renews_nothing(bench):
    life = judged(bench, {ACTIVE: good, STANDBY: good}, active=ACTIVE, standby=STANDBY)
    for number in range(100):
        if number % 10 == 5:
            life.restart()
        life.tick(number)
    assert told(life, RENEWED) == []
    life.ticker.close(life.now)
    assert {case.started_at for case in court_of(bench).cases} == {at(0)}


def test_a_bet_under_other_terms_is_not_settled_under_the_new_ones(bench):
    life = judged(bench, {ACTIVE: inverted}, active=ACTIVE)
    life.ticks(*range(30))
    life.options["policy"] = replace(QUICK, margin=0.3)
    life.restart()
    life.tick(30)
    life.ticker.close(life.now)
    (case,) = [c for c in court_of(bench).cases if c.question.thesis == "worse"]
    (shown,) = [
        e
        for e in life.ticker.tasks[TASK].court.evidence(life.now)
        if e.question.thesis == "worse"
    ]
    assert len(life.results[30].resolved) == 1
    assert (case.ticks, shown.predictions, shown.lost) == (1, 0, 0)


def test_the_price_of_a_false_alarm_begins_it_anew_too(bench):
    life = judged(bench, {ACTIVE: good}, active=ACTIVE)
    life.ticks(*range(20))
    life.options["policy"] = replace(QUICK, false_alarms=20.0)
    life.restart()
    life.tick(20)
    assert {event.fields["digest"] for _, event in told(life, RENEWED)} == {ACTIVE[:12]}
