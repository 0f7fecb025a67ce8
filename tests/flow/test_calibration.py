"""Local calibration over whole ticks: who is put right, by what, and what stays seen.

Everything is seeded; the omen, the host and the policy are those of `tests.fakes`.
"""

import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial

import msgspec
import numpy as np
import pytest

from agent.adapters.store import schema
from agent.adapters.store.ledger import SqliteLedger
from agent.core.event import EventName
from agent.core.moment import Outcome, OutcomeKind, Role, Void
from agent.core.recalibration import Calibration, Recalibration
from agent.flows.memory import Memory
from tests.fakes.host import ScriptedHost
from tests.fakes.judged import (
    BLOCK,
    HORIZON,
    OMEN,
    QUICK,
    TASK,
    columns,
    document,
    good,
    inverted,
    judged,
    told,
)
from tests.fakes.ledger import NOTHING, moment, prediction, tick
from tests.fakes.life import (
    ACTIVE,
    CPU,
    LEDGERS,
    SHADOW,
    STANDBY,
    InSqlite,
    at,
    story,
)

local = partial(document, calibration="local")
ROLLED_BACK = EventName.RELEASE_ROLLED_BACK


@pytest.fixture(params=LEDGERS)
def bench(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.close()


def shouting(features):
    """Return what the omen foretells, with far too much of a voice."""
    return np.where(features[:, :1] > 0.5, 0.95, 0.4)


def said(life, role=Role.ACTIVE):
    """Return a role's predictions, the oldest first."""
    moments = [each for result in life.results for each in result.moments]
    return [each.by(role) for each in moments]


def learnt(life, task=TASK):
    """Return what the task's releases were taught, by digest."""
    memory = life.ticker.tasks[task].memory()
    return msgspec.json.decode(memory, type=Memory).learnt


# --- who is put right


def test_a_release_that_is_off_in_level_is_put_right_by_what_came(bench):
    life = judged(bench, {ACTIVE: shouting}, write=local, active=ACTIVE)
    life.ticks(*range(400))
    quiet = [each for each in said(life) if each.said[0] < 0.5]
    assert (quiet[0].values, quiet[0].calibration) == (quiet[0].said, None)
    assert quiet[-1].said == pytest.approx([0.4])
    assert quiet[-1].values[0] < 0.15
    made = quiet[-1].calibration
    assert quiet[-1].values == (made.answer,)
    assert 350 < made.outcomes < 400


def test_it_is_off_unless_the_manifest_asks_for_it(bench):
    life = judged(bench, {ACTIVE: shouting}, active=ACTIVE)
    life.ticks(*range(50))
    assert {each.calibration for each in said(life)} == {None}
    assert learnt(life) == {}


def test_each_release_learns_from_what_it_said_itself(bench):
    life = judged(
        bench,
        {ACTIVE: shouting, STANDBY: good, SHADOW: good},
        write=lambda version: (document if version == 1 else local)(version=version),
        active=ACTIVE,
        standby=STANDBY,
        shadow=SHADOW,
    )
    life.ticks(*range(60))
    state = learnt(life)
    assert set(state) == {ACTIVE, SHADOW}  # the standby did not ask for it
    assert Recalibration(state[ACTIVE]).b < Recalibration(state[SHADOW]).b
    assert state[ACTIVE].outcomes == state[SHADOW].outcomes
    assert {each.calibration for each in said(life, Role.BASELINE)} == {None}


def test_what_is_promoted_keeps_what_it_learnt_and_a_new_one_begins(bench):
    life = judged(
        bench,
        {ACTIVE: shouting, SHADOW: good, STANDBY: good},
        write=local,
        active=ACTIVE,
        shadow=SHADOW,
    )
    life.ticks(*range(40))
    before = learnt(life)
    life.ticker.close(life.now)
    bench.take_in(local(version=1), STANDBY)
    bench.line_up(task=TASK, active=SHADOW, standby=ACTIVE, shadow=STANDBY)
    life.restart()
    life.tick(40)
    after = learnt(life)
    for digest in (ACTIVE, SHADOW):
        assert after[digest].outcomes >= before[digest].outcomes > 0
    assert said(life, Role.ACTIVE)[-1].calibration.outcomes > 0
    assert said(life, Role.SHADOW)[-1].calibration is None


# --- what teaches


def test_an_outcome_weighs_as_much_of_a_horizon_as_lies_between_two(bench):
    life = judged(bench, {ACTIVE: 0.5}, write=local, active=ACTIVE)
    life.ticks(*range(HORIZON + 1))
    expected = Recalibration()
    expected.learn(
        0.5,
        happened=life.results[-1].resolved[0].outcome.kind is OutcomeKind.HAPPENED,
        weight=1 / HORIZON,
        at_s=at(0).timestamp(),
    )
    assert learnt(life) == {ACTIVE: expected.learnt}


def test_where_horizons_do_not_overlap_an_outcome_is_one(bench):
    write = partial(local, score_every="60s")
    life = judged(bench, {ACTIVE: 0.5}, write=write, active=ACTIVE)
    life.ticks(0)
    (live,) = life.ticker.tasks[TASK].releases
    assert live.weight == 1.0


def test_what_has_no_outcome_teaches_nothing(bench):
    life = judged(bench, {ACTIVE: 0.5}, write=local, active=ACTIVE)
    life.ticks(*range(3))
    task, before = life.ticker.tasks[TASK], learnt(life)
    voided = list(task.void_all(Void.CLOCK, at(3)))
    assert len(voided) == 2
    assert learnt(life) == before


def test_what_was_seen_only_because_it_happened_teaches_nothing(bench):
    """Its absence could not have been seen beside the gap."""
    script = {CPU: [0.3, 1.0, np.nan], OMEN: [0.0] * 3}
    life = judged(
        bench,
        {ACTIVE: 0.5},
        script=ScriptedHost.of_columns(script),
        write=local,
        active=ACTIVE,
    )
    results = life.ticks(*range(3))
    (resolved,) = results[-1].resolved
    assert resolved.outcome.kind is OutcomeKind.HAPPENED
    assert learnt(life)[ACTIVE].outcomes == 0


def test_a_moment_of_another_release_teaches_nothing(bench):
    life = judged(bench, {ACTIVE: 0.5}, write=local, active=ACTIVE)
    (made,) = life.tick(0).moments
    predictions = [each for each in made.predictions if each.role is Role.BASELINE]
    other = msgspec.structs.replace(made, predictions=tuple(predictions), wagers=())
    did_not = Outcome(kind=OutcomeKind.DID_NOT, resolved_at=at(1))
    life.ticker.tasks[TASK].close(other, did_not)
    assert learnt(life)[ACTIVE].outcomes == 0


# --- what lasts


@pytest.mark.parametrize("stops", [{20}, {7, 8, 30}, set(range(1, 50, 3))])
def test_a_restart_comes_to_the_same_numbers(tmp_path, stops):
    stories = []
    for name, restarts in (("whole", set()), ("stopped", stops)):
        folder = tmp_path / name
        folder.mkdir()
        life = judged(
            InSqlite(folder),
            {ACTIVE: shouting, SHADOW: good},
            write=local,
            active=ACTIVE,
            shadow=SHADOW,
            script=ScriptedHost.of_columns(columns(60)),
        )
        for number in range(60):
            if number in restarts:
                life.restart()
            life.tick(number)
        life.ticker.close(life.now)
        stories.append((story(life.bench), learnt(life)))
        life.bench.close()
    assert stories[0] == stories[1]
    (moments, _), state = stories[0]
    assert state[ACTIVE].outcomes > 40
    assert moments[-1][0]["predictions"][0][-1].outcomes > 40


def test_a_ledger_keeps_what_a_host_made_of_an_answer(bench):
    calibration = Calibration(said=0.1 + 0.2, a=1.0, b=-0.1234, outcomes=12_345)
    answered = msgspec.structs.replace(
        prediction(Role.ACTIVE, ACTIVE, calibration.answer), calibration=calibration
    )
    plain = prediction(Role.BASELINE, "baseline", 0.1)
    made = moment(1, predictions=(answered, plain))
    bench.ledger.add(tick(0, moments=[made]))
    bench.ledger.commit(NOTHING)
    bench.reopen()
    (kept,) = bench.ledger.open_moments()
    assert kept.by(Role.ACTIVE).calibration == calibration
    assert kept.by(Role.ACTIVE).values == (calibration.answer,)
    assert kept.by(Role.BASELINE).calibration is None


def test_predictions_from_before_calibration_are_read_as_they_were(
    tmp_path, monkeypatch
):
    path = tmp_path / "state.db"
    with monkeypatch.context() as older:
        older.setattr(schema, "_STEPS", schema._STEPS[:5])
        older.setattr(schema, "VERSION", 5)
        schema.migrate(path)
    features = np.array([0.5], dtype=np.float32)
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement, row in (
            (
                "insert into moments values (1, 'd', '', 0, 60, 0.9, 0, 4, ?, null)",
                (features.tobytes(),),
            ),
            ("insert into digests values (1, ?)", (ACTIVE,)),
            ("insert into predictions values (1, 'active', 1, '[0.25]', null)", ()),
        ):
            connection.execute(statement, row)
    with SqliteLedger.open(path) as ledger:
        (kept,) = ledger.open_moments()
    assert kept.by(Role.ACTIVE).values == kept.by(Role.ACTIVE).said == (0.25,)
    assert kept.by(Role.ACTIVE).calibration is None


# --- what the guard sees


@pytest.mark.parametrize(("write", "ends"), [(document, 1), (local, 0)])
def test_the_guard_judges_what_was_said(bench, write, ends):
    """A model that is off in level alone costs nothing once that is put right."""
    life = judged(
        bench,
        {ACTIVE: lambda features: 0.5 + shouting(features) / 2, STANDBY: good},
        policy=replace(QUICK, margin=0.25),
        write=write,
        active=ACTIVE,
        standby=STANDBY,
    )
    life.ticks(*range(400))
    assert len(told(life, ROLLED_BACK)) == ends


def test_a_model_that_is_upside_down_is_rolled_back_all_the_same(bench):
    """Flattened it does less harm, so that takes longer to be shown; not for ever."""
    life = judged(
        bench,
        {ACTIVE: inverted, STANDBY: good},
        policy=replace(QUICK, margin=0.1),
        write=local,
        active=ACTIVE,
        standby=STANDBY,
    )
    life.ticks(*range(400))
    assert [event.fields["digest"] for _, event in told(life, ROLLED_BACK)] == [
        ACTIVE[:12]
    ]


def test_a_model_that_has_died_is_seen_though_its_score_moves(bench):
    life = judged(
        bench,
        {ACTIVE: 0.15, STANDBY: good},
        policy=replace(QUICK, alpha=1e-6),
        write=local,
        active=ACTIVE,
        standby=STANDBY,
    )
    life.ticks(*range(10 * BLOCK))
    assert len({each.values for each in said(life)[: 4 * BLOCK] if each}) > BLOCK
    (reason,) = [event.fields["reason"] for _, event in told(life, ROLLED_BACK)]
    assert reason == (
        "it answered 0.15 and nothing else over 4 blocks, while its reference moved"
    )


@pytest.mark.parametrize(("bounds", "ends"), [([0.0, 0.3], 1), ([0.35, 0.95], 0)])
def test_what_a_publisher_declares_is_declared_of_the_model_itself(bench, bounds, ends):
    write = partial(local, guard={"mean_output": bounds})
    life = judged(bench, {ACTIVE: shouting}, write=write, active=ACTIVE)
    life.ticks(*range(10 * BLOCK))
    assert len(told(life, ROLLED_BACK)) == ends
