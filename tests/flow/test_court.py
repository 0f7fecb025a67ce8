"""The court over whole ticks: what is one instant, what is no evidence, what is kept.

Everything is seeded; lowered against what an operator has: see `QUICK`.
"""

import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from agent.core.event import EventName
from agent.core.lineup import LineUp
from agent.core.moment import Thesis, Wager
from agent.core.release import ReleaseState
from tests.fakes.host import ScriptedHost
from tests.fakes.judged import (
    QUICK,
    TASK,
    better,
    columns,
    court_of,
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
    LEDGERS,
    SHADOW,
    STANDBY,
    at,
    disk_manifest,
    value_manifest,
)

ROLLED_BACK = EventName.RELEASE_ROLLED_BACK
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


def forget(bench):
    """Let the memories be gone."""
    if hasattr(bench, "path"):
        with closing(sqlite3.connect(bench.path)) as connection, connection:
            connection.execute("delete from memories")
    else:
        bench.ledger._memories.clear()
