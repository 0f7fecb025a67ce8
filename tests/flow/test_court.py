"""The court over whole ticks: what is one instant, what is no evidence, what is kept.

Everything is seeded; lowered against what an operator has: see `QUICK`.
"""

import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from agent.core.event import EventName
from agent.core.lineup import LineUp
from agent.core.moment import OutcomeKind, Role, Thesis, Wager
from agent.core.release import ReleaseState
from agent.errors import StateError
from tests.fakes.host import ScriptedHost
from tests.fakes.judged import (
    OMEN,
    QUICK,
    TASK,
    VERSIONS,
    better,
    columns,
    court_of,
    document,
    good,
    inverted,
    judged,
    poor,
    told,
)
from tests.fakes.life import (
    ACTIVE,
    CPU,
    DISK,
    INTERVAL_S,
    LEDGERS,
    SHADOW,
    STANDBY,
    at,
    disk_manifest,
    kinds,
    value_manifest,
)
from tests.fakes.models import FixedModels

ROLLED_BACK, RENEWED = EventName.RELEASE_ROLLED_BACK, EventName.GUARD_RENEWED
MOUNTS = ("/", "/home", "/var")


@pytest.fixture(params=LEDGERS)
def bench(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.close()


def cases_of(life, task=TASK):
    """Return what each test has come to: thesis, release, reference -> evidence."""
    court = life.ticker.tasks[task].court
    return {
        (each.question.thesis, each.question.release, each.question.reference): each
        for each in court.evidence(life.now)
    }


# What is staked.


def test_every_question_is_asked_of_the_moments_that_both_have_scored(bench):
    life = judged(
        bench,
        {ACTIVE: poor, STANDBY: poor, SHADOW: better},
        active=ACTIVE,
        standby=STANDBY,
        shadow=SHADOW,
    )
    (moment,) = life.tick(0).moments
    asked = [(w.thesis, w.release, w.reference) for w in moment.wagers]
    assert sorted(asked) == sorted(
        [
            ("worse", "active", "standby"),
            ("worse", "active", "baseline"),
            ("worse", "standby", "baseline"),
            ("worse", "shadow", "active"),
            ("better", "shadow", "active"),
            ("not_worse", "shadow", "active"),
            ("not_worse", "active", "baseline"),
            ("not_worse", "standby", "baseline"),
            ("not_worse", "shadow", "baseline"),
        ]
    )


def test_a_wager_is_kept_with_its_moment(bench):
    life = judged(bench, {ACTIVE: good}, active=ACTIVE)
    (moment,) = life.tick(0).moments
    life.ticker.close(at(0))
    ((kept, _),) = bench.moments()
    assert kept.wagers == moment.wagers
    first = kept.wagers[0]
    assert first == Wager(
        Thesis.WORSE, "active", "baseline", tick=0, bets=first.bets, parts=1
    )


def test_one_that_is_heard_is_not_asked_to_be_as_good_any_more(bench):
    life = judged(bench, {ACTIVE: good}, active=ACTIVE)
    life.ticks(*range(200))
    assert told(life, EventName.RELEASE_HEARD) != []
    assert list(cases_of(life)) == [("worse", ACTIVE, "baseline")]


def test_what_a_release_that_is_not_loaded_does_not_say_is_no_evidence(bench):
    life = judged(bench, {ACTIVE: good}, active=ACTIVE)
    life.voucher.reasons[ACTIVE] = "told to be doubted"
    life.ticks(*range(50))
    assert all(r.moments[0].wagers == () for r in life.results if r.moments)
    assert told(life, ROLLED_BACK) == []


def test_the_shadow_of_a_silent_active_one_is_held_against_the_baseline_only(bench):
    life = judged(bench, {ACTIVE: good, SHADOW: inverted}, active=ACTIVE, shadow=SHADOW)
    life.voucher.reasons[ACTIVE] = "told to be doubted"
    life.ticks(*range(150))
    assert list(cases_of(life)) == [("not_worse", SHADOW, "baseline")]
    assert told(life, ROLLED_BACK) == []


# Identical losses.


@pytest.mark.parametrize("said", [good, poor, inverted, 0.5])
def test_what_hits_both_alike_is_no_evidence(bench, said):
    """With a margin, equal losses speak for the one on trial, never against it."""
    life = judged(bench, {ACTIVE: said, STANDBY: said}, active=ACTIVE, standby=STANDBY)
    question = ("worse", ACTIVE, STANDBY)
    seen = []
    for number in range(200):
        life.tick(number)
        if question in cases_of(life):
            seen.append(cases_of(life)[question].e_value)
    assert len(seen) > 30
    assert max(seen) <= 1


# Several entities.


def mounts(length, *, seed=4):
    """Return a host of three mount points, all full at the same time or none."""
    omens = columns(length, seed=seed)
    return ScriptedHost.of_columns(
        {DISK.replace("$entity", mount): omens[CPU] for mount in MOUNTS}
    )


WRITE_DISK = partial(
    disk_manifest,
    target={"series": DISK, "within": "20s"},
    score_every="10s",
)


def test_one_tick_of_several_entities_is_one_instant(bench):
    life = judged(
        bench,
        {ACTIVE: 0.3},
        script=mounts(50),
        write=WRITE_DISK,
        task="disk-full",
        active=ACTIVE,
    )
    moments = life.tick(0).moments
    assert [moment.entity for moment in moments] == list(MOUNTS)
    assert len({moment.wagers for moment in moments}) == 1
    assert {(w.tick, w.parts) for w in moments[0].wagers} == {(0, 3)}
    ticks = 1 + sum(len(life.tick(number).moments) > 0 for number in range(1, 20))
    assert cases_of(life, "disk-full")["worse", ACTIVE, "baseline"].ticks == ticks


def test_entities_that_move_as_one_are_no_more_evidence_than_one(bench, tmp_path):
    """What three disks say at once counts as what one of them says."""
    found = []
    for number, names in enumerate((MOUNTS, MOUNTS[:1])):
        folder = tmp_path / str(number)
        folder.mkdir()
        own = type(bench)(folder)
        script = columns(60, seed=3)[CPU]
        life = judged(
            own,
            {ACTIVE: 0.3},
            script=ScriptedHost.of_columns(
                {DISK.replace("$entity", name): script for name in names}
            ),
            write=WRITE_DISK,
            policy=replace(QUICK, alpha=1e-9),
            task="disk-full",
            active=ACTIVE,
        )
        # One scores before the first outcome, the other after: by the same record.
        life.ticks(*range(3))
        found.append(cases_of(life, "disk-full")["worse", ACTIVE, "baseline"])
        own.close()
    three, one = found
    assert three.e_value == pytest.approx(one.e_value)
    assert (three.ticks, three.predictions) == (one.ticks, 3 * one.predictions)


def test_an_entity_that_holds_already_leaves_the_others_to_be_judged(bench):
    load = columns(60, seed=3)[CPU]
    script = {DISK.replace("$entity", mount): load for mount in MOUNTS[:2]}
    script[DISK.replace("$entity", "/full")] = [1.0] * 60
    life = judged(
        bench,
        {ACTIVE: 0.3},
        script=ScriptedHost.of_columns(script),
        write=WRITE_DISK,
        task="disk-full",
        active=ACTIVE,
    )
    life.ticks(*range(60))
    parts = {w.parts for r in life.results for m in r.moments for w in m.wagers}
    assert parts == {2}


def test_an_episode_is_counted_once_however_many_moments_see_it(bench):
    load = [0.3] * 5 + [1.0] + [0.3] * 5 + [1.0] + [0.3] * 10
    life = judged(
        bench,
        {ACTIVE: 0.1},
        script=ScriptedHost.of_columns({**columns(len(load)), CPU: load}),
        active=ACTIVE,
    )
    life.ticks(*range(len(load)))
    outcomes = [r.outcome.kind for t in life.results for r in t.resolved]
    assert outcomes.count("happened") == 4
    assert cases_of(life)["worse", ACTIVE, "baseline"].episodes == 2


def test_what_befalls_several_entities_together_is_one_episode(bench):
    load = [0.3] * 5 + [1.0] + [0.3] * 5 + [1.0] + [0.3] * 10
    script = {DISK.replace("$entity", mount): load for mount in MOUNTS}
    life = judged(
        bench,
        {ACTIVE: 0.1},
        script=ScriptedHost.of_columns(script),
        write=WRITE_DISK,
        task="disk-full",
        active=ACTIVE,
    )
    life.ticks(*range(len(load)))
    assert kinds(life.results).count("happened") == 4 * len(MOUNTS)
    assert cases_of(life, "disk-full")["worse", ACTIVE, "baseline"].episodes == 2


def test_an_entity_that_goes_takes_its_event_along(bench):
    """It ended, and what came of the next prediction was never to be known."""
    load = [0.3] * 5 + [1.0] + [0.3] + [math.nan] * 12
    stays = [0.3] * 14 + [1.0] + [0.3] * 4
    life = judged(
        bench,
        {ACTIVE: 0.1},
        script=ScriptedHost.of_columns(
            {
                DISK.replace("$entity", "/gone"): load,
                DISK.replace("$entity", "/"): stays,
            }
        ),
        write=WRITE_DISK,
        task="disk-full",
        active=ACTIVE,
    )
    life.ticks(*range(len(load)))
    voids = [
        r.moment.entity for t in life.results for r in t.resolved if r.outcome.void
    ]
    assert voids == ["/gone"]
    assert life.ticker.tasks["disk-full"].court.record().in_event == ()
    assert cases_of(life, "disk-full")["worse", ACTIVE, "baseline"].episodes == 2


# Gaps.


def half_lost(length, *, seed=8):
    """Return load and omen of which every second sample or so was lost."""
    told_of = columns(length, seed=seed)
    lost = np.random.default_rng(seed).random(length) < 0.5
    load = np.where(lost, np.nan, told_of[CPU])
    return {CPU: load.tolist(), OMEN: told_of[OMEN]}


def test_what_happens_beside_gaps_is_told_and_counted_but_lost_for_the_guard(bench):
    """Else the rate would grow with every gap: the opposite could not be counted."""
    length, steps = 800, 6
    script = half_lost(length)
    life = judged(
        bench,
        {ACTIVE: good},
        script=ScriptedHost.of_columns(script),
        write=partial(document, target={"within": f"{10 * steps}s"}),
        policy=replace(QUICK, alpha=1e-9, promotion=1e9),
        active=ACTIVE,
    )
    life.ticks(*range(length))
    resolved = [each for result in life.results for each in result.resolved]
    happened = [r for r in resolved if r.outcome.kind is OutcomeKind.HAPPENED]
    gaps = np.isnan(script[CPU])
    fair = [
        each
        for each in resolved
        if each.outcome.kind is not OutcomeKind.VOID
        and gaps[(n := tick_of(each.moment)) + 1 : n + 1 + steps].sum() <= 1
    ]
    assert len(happened) > 40
    assert 10 < len(fair) < len(resolved) / 5
    found = cases_of(life)["worse", ACTIVE, "baseline"]
    assert found.lost == len(resolved) - len(fair)
    life.ticker.close(life.now)
    cards = {key.digest: card for key, card in bench.cards().items()}
    assert {digest: card.happened for digest, card in cards.items()} == {
        ACTIVE: len(happened),
        "baseline": len(happened),
    }


def test_the_baseline_does_not_learn_from_what_is_seen_beside_gaps(bench):
    """Here every event is: it has seen nothing happen, whatever people were told."""
    cycle = [0.3] * 12 + [math.nan] * 4 + [1.0] + [math.nan] * 3
    life = judged(
        bench,
        {ACTIVE: good},
        script=ScriptedHost.of_columns({CPU: cycle * 20, OMEN: [0.0] * 400}),
        write=partial(document, target={"within": "60s"}),
        policy=replace(QUICK, alpha=1e-9),
        active=ACTIVE,
    )
    life.ticks(*range(400))
    assert kinds(life.results).count("happened") == 40
    assert kinds(life.results).count("did_not") > 100
    (last,) = next(result.moments for result in life.results[::-1] if result.moments)
    said = {each.digest: each.values[0] for each in last.predictions}
    assert said["baseline"] < 0.05


def test_an_event_beside_a_reboot_is_lost_for_the_guard(bench):
    load = [0.3] * 3 + [1.0] + [0.3] * 6
    uptime = [1000.0 + 10 * n for n in range(4)] + [5.0 + 10 * n for n in range(6)]
    life = judged(
        bench,
        {ACTIVE: good},
        script=ScriptedHost.of_columns(
            {CPU: load, OMEN: [0.0] * 10, "system.uptime": uptime}
        ),
        active=ACTIVE,
    )
    life.ticks(*range(10))
    assert kinds(life.results).count("happened") == 2
    rebooted = kinds(life.results).count("reboot")
    # Of the two only the one whose horizon ends before the host went down is fair.
    assert cases_of(life)["worse", ACTIVE, "baseline"].lost == rebooted + 1


def tick_of(moment):
    return round((moment.at - at(0)).total_seconds() / INTERVAL_S)


def bare(features):
    """Return an answer that cannot be where a feature is a gap."""
    return 0.05 + 0.6 * features[:, :1]


@pytest.mark.parametrize("takes", ["skip", "nan"])
def test_a_shadow_that_takes_no_gaps_is_not_asked_there_beside_a_leader_that_does(
    bench, takes
):
    script = columns(60)
    for number in range(5, 60, 5):
        script[OMEN][number] = math.nan
    models = FixedModels({ACTIVE: good, SHADOW: bare})
    life = judged(
        bench,
        models,
        script=ScriptedHost.of_columns(script),
        write=lambda version: document(
            version, missing=takes if version == VERSIONS[SHADOW] else "nan"
        ),
        active=ACTIVE,
        shadow=SHADOW,
    )
    life.ticks(*range(60))
    if takes == "nan":  # it was asked, and what it said cannot be
        assert bench.states()[SHADOW] == ReleaseState.REJECTED
        return
    assert not any(np.isnan(given).any() for given in models.given[SHADOW])
    assert bench.states()[SHADOW] == ReleaseState.SHADOW
    assert told(life, EventName.SCORING_FAILED) == []
    roles = {
        tick_of(moment): {each.role for each in moment.predictions}
        for result in life.results
        for moment in result.moments
    }
    asked = {number for number, said in roles.items() if "shadow" in said}
    assert all({"active", "baseline"} <= said for said in roles.values())
    beside_gaps = {n for n in roles if n % 5 == 0 and n}
    assert beside_gaps
    assert asked == roles.keys() - beside_gaps
    of_gaps = [
        w
        for r in life.results
        for m in r.moments
        for w in m.wagers
        if tick_of(m) in beside_gaps
    ]
    assert all(Role.SHADOW not in (w.release, w.reference) for w in of_gaps)


def test_of_several_entities_only_those_with_a_gap_are_left_out(bench):
    """What is said of one must not be taken for what is said of another."""
    levels = dict(zip(MOUNTS, (0.1, 0.2, 0.3), strict=True))
    script = {
        DISK.replace("$entity", mount): [level] * 20 for mount, level in levels.items()
    }
    script[DISK.replace("$entity", "/home")][8] = math.nan
    write = partial(
        WRITE_DISK,
        features=[f"avg_over_time({DISK}[10s])", f"max_over_time({DISK}[30s])"],
    )
    life = judged(
        bench,
        {ACTIVE: 0.3, SHADOW: lambda features: features[:, :1]},
        script=ScriptedHost.of_columns(script),
        write=lambda version: write(
            version=version, missing="skip" if version == VERSIONS[SHADOW] else "nan"
        ),
        task="disk-full",
        active=ACTIVE,
        shadow=SHADOW,
    )
    life.ticks(*range(9))
    said = {
        moment.entity: {each.role: each.values[0] for each in moment.predictions}
        for moment in life.tick(9).moments
    }
    assert said.keys() == set(MOUNTS)
    assert {of: answers.get("shadow") for of, answers in said.items()} == {
        "/": pytest.approx(0.1),
        "/home": None,
        "/var": pytest.approx(0.3),
    }


# Values.


def wandering(length, *, seed=11):
    generator = np.random.default_rng(seed)
    steps = generator.normal(0, 0.02, length)
    load = np.empty(length)
    load[0] = 0.5
    for number in range(1, length):
        load[number] = np.clip(
            0.5 + 0.97 * (load[number - 1] - 0.5) + steps[number], 0, 1
        )
    return ScriptedHost.of_columns({CPU: load.tolist()})


def persistence(levels, *, bias=0.0):
    """Return a forecaster of some quantiles around the last value."""
    spread = np.array([0.04 * (2 * level - 1) for level in levels])
    return lambda features: features[:, :1] + bias + spread


@pytest.mark.parametrize(
    "levels",
    [pytest.param((0.5,), id="median"), pytest.param((0.1, 0.5, 0.9), id="quantiles")],
)
def test_a_biased_forecast_of_a_value_is_rolled_back(bench, levels):
    task = "cpu-load"
    life = judged(
        bench,
        {ACTIVE: persistence(levels, bias=0.1), STANDBY: persistence(levels)},
        script=wandering(500),
        write=partial(value_manifest, quantiles=levels, ahead="20s", score_every="10s"),
        task=task,
        active=ACTIVE,
        standby=STANDBY,
    )
    for number in range(500):
        life.tick(number)
        if told(life, ROLLED_BACK):
            break
    ((_, event),) = told(life, ROLLED_BACK)
    assert event.fields["version"] == 2
    assert bench.lineup(task) == LineUp(task=task, active=STANDBY)
    life.ticks(*range(len(life.results), 500))
    assert len(told(life, ROLLED_BACK)) == 1


def test_a_value_is_not_judged_before_its_scale_is_known(bench):
    life = judged(
        bench,
        {ACTIVE: persistence((0.5,), bias=0.1)},
        script=wandering(100),
        write=partial(value_manifest, quantiles=(0.5,), ahead="20s", score_every="10s"),
        task="cpu-load",
        active=ACTIVE,
    )
    life.ticks(*range(60))
    assert cases_of(life, "cpu-load") == {}
    life.ticks(*range(60, 70))
    assert ("worse", ACTIVE, "baseline") in cases_of(life, "cpu-load")


# What is remembered.


def test_a_bet_of_one_life_is_settled_in_the_next(bench):
    life = judged(bench, {ACTIVE: good}, active=ACTIVE)
    life.ticks(0, 1)
    before = cases_of(life)["worse", ACTIVE, "baseline"]
    life.restart()
    life.ticks(2, 3)
    after = cases_of(life)["worse", ACTIVE, "baseline"]
    assert (before.ticks, before.predictions + before.lost) == (2, 0)
    assert after.started_at == before.started_at
    assert after.ticks == 4


def test_the_record_is_small(bench):
    """Nine tests at most run on a task, each of half a kilobyte and its tripwire."""
    life = judged(
        bench,
        {ACTIVE: good, STANDBY: good, SHADOW: good},
        active=ACTIVE,
        standby=STANDBY,
        shadow=SHADOW,
    )
    life.ticks(*range(200))
    life.ticker.close(life.now)
    assert len(court_of(bench).cases) <= 8
    assert len(bench.ledger.memories()[TASK]) < 16_000


def test_a_release_that_left_leaves_nothing_in_the_record(bench):
    life = judged(
        bench, {ACTIVE: inverted, STANDBY: good}, active=ACTIVE, standby=STANDBY
    )
    life.ticks(*range(200))
    life.ticker.close(life.now)
    assert bench.states()[ACTIVE] == ReleaseState.ROLLED_BACK
    record = court_of(bench)
    named = {
        q for c in record.cases for q in (c.question.release, c.question.reference)
    }
    assert ACTIVE not in named | set(record.heard)


def test_a_lost_memory_begins_every_test_anew_and_harms_nobody(bench):
    life = judged(bench, {ACTIVE: good, STANDBY: good}, active=ACTIVE, standby=STANDBY)
    life.ticks(*range(50))
    life.ticker.close(life.now)
    forget(bench)
    bench.reopen()
    life.begin()
    life.ticks(*range(50, 120))
    assert cases_of(life)["worse", ACTIVE, STANDBY].started_at >= at(50)
    assert told(life, ROLLED_BACK) == []


# Bets that are not the ones that wait.


class Died(Exception):  # noqa: N818 - the end of a process, not a failure
    """Ends a tick as the death of its process would."""


def raising(error):
    def work(*_, **__):
        raise error

    return work


def undecided(bench, **options):
    """Return a life in which every question is asked, and nothing is ever shown."""
    return judged(
        bench,
        {ACTIVE: good, STANDBY: good, SHADOW: good},
        policy=replace(QUICK, alpha=1e-9, promotion=1e9),
        active=ACTIVE,
        standby=STANDBY,
        shadow=SHADOW,
        **options,
    )


def names_of(events):
    return sorted(
        (event.fields["thesis"], event.fields["digest"], event.fields["reference"])
        for event in events
    )


def check_renewed(life, *, number, asked):
    """Check that all that was asked began anew in one tick, and was told once."""
    events = [event for _, event in told(life, RENEWED)]
    assert {event.at for event in events} == {at(number)}
    assert names_of(events) == sorted(
        (thesis, release[:12], reference[:12]) for thesis, release, reference in asked
    )
    assert life.bench.events().count(RENEWED) == len(asked)


@pytest.mark.parametrize("held_back", [2, 8, 30])
def test_a_tick_that_breaks_while_others_are_held_back_begins_the_tests_anew(
    bench, held_back
):
    """What was predicted meanwhile is written; what was staked on it is not known."""
    life = undecided(bench)
    life.ticks(*range(4))
    life.restart()
    life.ticks(*range(4, 4 + held_back))
    asked, broken = cases_of(life), 4 + held_back
    life.ticker._cards.count = raising(StateError("cards: disk I/O error"))
    with pytest.raises(StateError):
        life.tick(broken)
    life.ticks(*range(broken + 1, broken + 60))
    check_renewed(life, number=broken + 1, asked=asked)
    begun = {each.started_at for each in cases_of(life).values()}
    assert min(begun) > at(broken)
    life.restart()
    life.ticks(*range(broken + 60, broken + 80))
    check_renewed(life, number=broken + 1, asked=asked)
    assert told(life, ROLLED_BACK) == []


def test_a_tick_that_breaks_with_nothing_held_back_begins_nothing_anew(bench):
    life = undecided(bench)
    life.ticks(*range(20))
    life.ticker.close(at(19))
    life.ticker._cards.count = raising(StateError("cards: disk I/O error"))
    with pytest.raises(StateError):
        life.tick(20)
    life.ticks(*range(21, 40))
    assert told(life, RENEWED) == []
    assert {each.started_at for each in cases_of(life).values()} == {at(0)}


@pytest.mark.parametrize("back_to", [5, 27, 29])
def test_a_process_that_dies_right_after_its_clock_went_back_lives_on(bench, back_to):
    life = undecided(bench)
    life.ticks(*range(30))
    bench.ledger.forget_samples = raising(Died())
    with pytest.raises(Died):
        life.tick(back_to - 1)
    del bench.ledger.forget_samples
    bench.reopen()
    life.begin()
    life.ticks(*range(back_to, back_to + 60))
    assert "clock" in kinds(life.results) or back_to == 29
    before = told(life, RENEWED)
    life.restart()  # what it remembers now is what waits
    life.ticks(*range(back_to + 60, back_to + 80))
    assert told(life, RENEWED) == before
    assert told(life, ROLLED_BACK) == []


def test_a_task_that_was_denied_for_a_time_is_judged_anew(bench):
    life = undecided(bench)
    life.ticks(*range(20))
    asked = cases_of(life)
    life.options["is_allowed"] = lambda task: False
    life.restart()
    life.ticks(*range(20, 40))
    assert set(kinds(life.results[20:])) == {"retired"}
    life.options["is_allowed"] = lambda task: True
    life.restart()
    life.ticks(*range(40, 80))
    check_renewed(life, number=40, asked=asked)
    assert {each.started_at for each in cases_of(life).values()} == {at(40)}
    assert told(life, ROLLED_BACK) == []


def test_one_that_was_denied_with_no_bet_open_goes_on(bench):
    life = undecided(bench, script=quiet_end(20))
    life.ticks(*range(20))
    assert len(life.ticker.tasks[TASK].waiting) == 0
    for is_allowed, ticks in ((False, range(20, 30)), (True, range(30, 40))):
        life.options["is_allowed"] = lambda task, told=is_allowed: told
        life.restart()
        life.ticks(*ticks)
    assert told(life, RENEWED) == []
    assert {each.started_at for each in cases_of(life).values()} == {at(0)}


def quiet_end(length):
    """Return a host whose load is not measured any more for the last ticks."""
    script = columns(length)
    script[CPU][-4:] = [math.nan] * 4
    return ScriptedHost.of_columns(script)


def forget(bench):
    """Let the memories be gone."""
    if hasattr(bench, "path"):
        with closing(sqlite3.connect(bench.path)) as connection, connection:
            connection.execute("delete from memories")
    else:
        bench.ledger._memories.clear()
