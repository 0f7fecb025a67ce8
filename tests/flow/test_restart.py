"""Restarts: whenever it ends and begins anew, a host's record is the same."""

import math
import sqlite3
from collections.abc import Mapping
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.event import EventName
from agent.core.manifest import parse_manifest
from agent.core.moment import Role
from agent.core.policy import Policy
from agent.core.release import ReleaseState
from agent.errors import ModelError
from tests.fakes.host import ScriptedHost
from tests.fakes.life import (
    ACTIVE,
    CPU,
    LEDGERS,
    SHADOW,
    STANDBY,
    InSqlite,
    Life,
    at,
    disk_manifest,
    kinds,
    manifest_of,
    recounted,
    story,
    value_manifest,
    walk,
)
from tests.fakes.life import (
    DISK as DISK_SERIES,
)
from tests.fakes.models import FixedModels, logistic

TICKS = 90
SEED = 11
# Instants at which nobody was there, in every life alike.
MISSED = {20, 21, 22, 23, 24, 25, 26, 27, 28, 44, 71}
HELD = {"series": DISK_SERIES, "sustained": "20s"}
# Blocks of two horizons and little evidence, so that a short life has some of both.
POLICY = Policy(block_s=1.0, min_blocks=1, alpha=0.9)
VALUE, DISK, DISK_SHADOW = ("d" * 64, "e" * 64, "f" * 64)
TASKS = {
    ACTIVE: manifest_of(version=2),
    STANDBY: manifest_of(version=1, features=[f"max_over_time({CPU}[2m])"]),
    VALUE: value_manifest(as_="change"),
    DISK: disk_manifest(score_every="10s", target=HELD),
    DISK_SHADOW: disk_manifest(version=2, target=HELD, missing="skip"),
}
LEADING = {
    task: parse_manifest(TASKS[digest])
    for task, digest in {
        "cpu-busy": ACTIVE,
        "cpu-load": VALUE,
        "disk-full": DISK,
    }.items()
}
MODELS = {
    ACTIVE: logistic,
    STANDBY: 0.3,
    VALUE: [[-0.1, 0.0, 0.1]],
    DISK: logistic,
    DISK_SHADOW: 0.9,
}


def mount(name):
    return f'system.filesystem.utilization{{mountpoint="{name}"}}'


def script() -> list[Mapping[str, float]]:
    """Return a host with load, disks, one of them plugged in late, and a reboot."""
    columns = {
        CPU: walk(TICKS, seed=SEED),
        mount("/"): walk(TICKS, seed=SEED + 1),
        mount("/var"): walk(TICKS, seed=SEED + 2),
        "system.uptime": [10.0 * n + (5000 if n < 50 else -497) for n in range(TICKS)],
        "nobody.asks": walk(TICKS, seed=SEED + 3),
    }
    late = walk(TICKS, seed=SEED + 4)
    return [
        {name: values[n] for name, values in columns.items()}
        | ({mount("/late"): late[n]} if n >= 37 else {})
        for n in range(TICKS)
    ]


SCRIPT = script()


class At:
    """A host whose reading depends on the instant, not on who read before."""

    def __init__(self):
        self.number = 0

    def sample(self, now):
        host = ScriptedHost([SCRIPT[self.number]])
        return host.sample(now)


def lived(folder, *, cuts=(), commit_every_s=0.0):
    folder.mkdir()
    bench = InSqlite(folder)
    for digest, document in TASKS.items():
        bench.take_in(document, digest)
    bench.line_up(task="cpu-busy", active=ACTIVE, standby=STANDBY)
    bench.line_up(task="cpu-load", active=VALUE)
    bench.line_up(task="disk-full", active=DISK, shadow=DISK_SHADOW)
    host = At()
    models = FixedModels(MODELS)
    life = Life(
        bench, host, models=models, commit_every_s=commit_every_s, policy=POLICY
    )
    for number in range(TICKS):
        if number in cuts:
            life.restart()
        if number not in MISSED:
            host.number = number
            life.tick(number)
    life.ticker.close(life.now)
    moments, cards = story(bench)
    assert cards == recounted(bench, leading=LEADING)
    told = moments, cards, bench.evidence(), bench.ledger.memories(), bench.states()
    bench.close()
    return told


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("lives")
    numbers = iter(range(10**6))
    return lambda: made / str(next(numbers))


@pytest.fixture(scope="module")
def uninterrupted(folder):
    return lived(folder())


def test_the_uninterrupted_life_has_everything_in_it(uninterrupted):
    moments, cards, evidence, _, states = uninterrupted
    outcomes = [outcome for _, outcome in moments]
    came = {str(o.void or o.kind) for o in outcomes if o is not None}
    assert came == {"happened", "did_not", "value", "gap", "reboot"}
    assert {key.role for key in cards} == set(Role)
    assert {of["entity"] for of, _ in moments} == {"", "/", "/var", "/late"}
    assert [of["id"] for of, _ in moments] == list(range(1, len(moments) + 1))
    # The guard has staked on them, block after block, and has found somebody worse.
    assert {bool(of["wagers"]) for of, _ in moments} == {False, True}
    assert {point.task for point in evidence} == {"cpu-busy", "disk-full"}
    assert states[DISK_SHADOW] is ReleaseState.REJECTED


@settings(deadline=None, max_examples=12)
@given(cuts=st.sets(st.integers(1, TICKS - 1), min_size=1, max_size=12))
def test_ending_and_beginning_anew_at_any_tick_changes_no_number(
    uninterrupted, folder, cuts
):
    assert lived(folder(), cuts=cuts) == uninterrupted


def test_beginning_anew_at_every_single_tick_changes_no_number(uninterrupted, folder):
    assert lived(folder(), cuts=range(TICKS)) == uninterrupted


@pytest.mark.parametrize("commit_every_s", [35.0, 10_000.0])
def test_how_often_is_committed_changes_no_number(
    uninterrupted, folder, commit_every_s
):
    assert lived(folder(), commit_every_s=commit_every_s) == uninterrupted
    cuts = {5, 33, 34, 60}
    assert lived(folder(), cuts=cuts, commit_every_s=commit_every_s) == uninterrupted


@pytest.fixture(params=LEDGERS)
def bench(request, tmp_path):
    made = request.param(tmp_path)
    made.take_in(manifest_of(min_coverage=0.5), ACTIVE)
    made.line_up(task="cpu-busy", active=ACTIVE)
    yield made
    made.close()


def cpu(*values):
    return ScriptedHost.of_columns({CPU: values})


def test_the_window_is_filled_again_from_the_ledger(bench):
    life = Life(bench, cpu(0.1, 0.2, 0.3, 0.4))
    life.ticks(0, 1, 2)
    life.restart()
    (moment,) = life.tick(3).moments
    assert moment.features.tolist() == pytest.approx([0.4, 0.3])
    assert moment.id == 2


def test_a_moment_of_an_earlier_process_is_resolved_by_the_next(bench):
    life = Life(bench, cpu(0.5, 0.5, 0.95, 0.5))
    life.ticks(0, 1, 2)
    life.restart()
    life.ticks(3, 4, 5, 6)
    (resolved,) = (r for result in life.results for r in result.resolved)
    assert resolved.moment.at == at(0)
    assert kinds(life.results) == ["happened"]


@pytest.mark.parametrize("down_until", [7, 50, 5_000])
@pytest.mark.parametrize(
    ("seen", "values", "came"),
    [
        pytest.param(2, [0.5] * 9, "gap", id="too little was seen"),
        pytest.param(2, [0.5, 0.95, 0.5], "happened", id="it was seen to happen"),
        pytest.param(4, [0.5] * 9, "did_not", id="enough was seen"),
    ],
)
def test_down_for_longer_than_a_horizon_resolves_what_the_samples_allow(
    bench, seen, values, came, down_until
):
    life = Life(bench, cpu(*values))
    life.ticks(*range(seen))
    life.restart()
    result = life.tick(down_until)
    assert kinds([result])[0] == came
    assert result.resolved[0].outcome.resolved_at == at(down_until)
    assert all(o is not None for m, o in bench.moments() if m.due_at <= at(down_until))


def test_down_for_months_costs_no_more_than_the_window(bench):
    life = Life(bench, cpu(0.5))
    life.ticks(0, 1)
    life.restart()
    result = life.tick(10**6)
    assert kinds([result]) == ["gap"]
    assert [moment.id for moment in result.moments] == [2]


def test_a_clock_that_went_back_while_nobody_was_there_voids_what_is_open(bench):
    life = Life(bench, cpu(0.5))
    life.ticks(*range(5))
    life.restart()
    result = life.tick(-100)
    assert kinds([result]) == ["clock", "clock"]
    assert [moment.id for moment in result.moments] == [3]
    life.ticks(*range(-99, -90))
    assert kinds(life.results[-9:]) == ["did_not", "did_not"]


def test_what_was_not_committed_was_never_there(bench):
    life = Life(bench, cpu(0.5), commit_every_s=10_000)
    life.ticks(*range(5))
    bench.reopen()  # as after a kill
    life.begin()
    life.tick(5)
    assert bench.sample_count() == 2
    ids = [moment.id for moment, _ in bench.moments()]
    assert ids == [1, 2]
    assert bench.cards() == recounted(
        bench, leading={"cpu-busy": parse_manifest(manifest_of())}
    )


def test_a_failing_model_is_told_of_by_each_process(bench):
    models = FixedModels({ACTIVE: ModelError("boom")})
    life = Life(bench, cpu(0.5), models=models)
    life.tick(0)
    life.restart()
    life.ticks(*range(1, 7))
    assert life.events == [EventName.SCORING_FAILED] * 2


def test_strikes_are_counted_by_each_process_anew(bench):
    """What raises now and then after a start may be the host's fault."""
    models = FixedModels({ACTIVE: ModelError("boom")})
    life = Life(bench, cpu(0.5), models=models)
    for number in range(0, 30, 3):
        life.tick(number)
        life.tick(number + 1)
        if number % 2:
            life.restart()
    assert EventName.RELEASE_ROLLED_BACK not in life.events


def test_a_release_that_was_rolled_back_stays_away_after_a_restart(bench):
    models = FixedModels({ACTIVE: math.nan})
    life = Life(bench, cpu(0.5), models=models)
    life.ticks(0, 1, 2)
    models.answers[ACTIVE] = 0.5
    life.restart()
    (moment,) = life.ticks(3, 4, 5, 6)[0].moments
    assert [prediction.role for prediction in moment.predictions] == [Role.BASELINE]
    assert bench.states() == {ACTIVE: ReleaseState.ROLLED_BACK}
    assert bench.events().count(EventName.RELEASE_ROLLED_BACK) == 1


def test_a_task_that_was_denied_for_a_while_still_knows_what_its_baseline_learnt(bench):
    life = Life(bench, cpu(0.5))
    life.ticks(*range(19))
    (before,) = life.results[18].moments
    life.options["is_allowed"] = lambda task: False
    life.restart()
    life.ticks(19, 20)
    life.options["is_allowed"] = lambda task: True
    life.restart()
    (moment,) = life.tick(21).moments
    assert moment.by(Role.BASELINE) == before.by(Role.BASELINE)
    assert len(life.ticker.tasks["cpu-busy"].waiting) == 1


def test_a_shadow_that_leaves_is_still_measured_on_what_it_predicted(bench):
    bench.take_in(manifest_of(version=2), SHADOW)
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    life = Life(bench, cpu(0.5))
    life.tick(0)
    bench.line_up(task="cpu-busy", active=ACTIVE)
    life.ticks(*range(1, 8))
    assert {key.role for key in bench.cards()} == {
        Role.ACTIVE,
        Role.SHADOW,
        Role.BASELINE,
    }


def test_a_release_that_an_older_program_cannot_read_stops_no_tick(tmp_path):
    bench = InSqlite(tmp_path)
    bench.take_in(manifest_of(), ACTIVE)
    life = Life(bench, cpu(0.5))
    bench.take_in(manifest_of(version=2), SHADOW)
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    life.ticks(*range(3))
    with closing(sqlite3.connect(bench.path)) as connection, connection:
        connection.execute(
            "update releases set manifest = x'7b7d' where digest = ?", (SHADOW,)
        )
    life.restart()
    life.ticks(*range(3, 12))
    assert bench.sample_count() == 12
    roles = {key.role for key in bench.cards()}
    assert roles == {Role.ACTIVE, Role.BASELINE}
    bench.close()


def test_what_another_clock_timed_does_not_come_back_at_a_restart(bench):
    life = Life(bench, cpu(0.5))
    life.ticks(*range(10))
    life.ticks(*range(-20, -16))
    life.restart()
    life.tick(-16)
    rows = life.ticker._window.rows(12)
    assert np.count_nonzero(~np.isnan(rows).all(axis=1)) == 5
