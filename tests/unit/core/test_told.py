"""Told: line-ups and health in the words of a report."""

from datetime import UTC, datetime

import pytest

from agent.core.lineup import LineUp
from agent.core.manifest import parse_manifest
from agent.core.release import Release, ReleaseState
from agent.core.told import line_up, trust_health, worst_gaps
from agent.core.trust import Trust
from tests.fakes.life import ACTIVE, SHADOW, STANDBY, manifest_of

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def known_of(*, has_model=True, **states):
    digests = {"active": ACTIVE, "standby": STANDBY, "shadow": SHADOW}
    return {
        digests[slot]: Release(
            digest=digests[slot],
            manifest=parse_manifest(manifest_of(version=n, has_model=has_model)),
            state=ReleaseState(state),
        )
        for n, (slot, state) in enumerate(states.items(), 1)
    }


def test_every_slot_is_told():
    known = known_of(active="confirmed", standby="standby", shadow="shadow")
    slots = LineUp(
        task="t", active=ACTIVE, standby=STANDBY, shadow=SHADOW, is_pinned=True
    )
    told = line_up(slots, known=known)
    found = [told.active, told.standby, told.shadow]
    assert [(p.digest, p.version, p.state) for p in found] == [
        (ACTIVE, 1, "confirmed"),
        (STANDBY, 2, "standby"),
        (SHADOW, 3, "shadow"),
    ]
    assert told.is_pinned
    assert told.confirmed_running == ACTIVE


@pytest.mark.parametrize(
    ("state", "has_model", "running"),
    [
        pytest.param("probation", True, None, id="on_probation"),
        pytest.param("confirmed", True, ACTIVE, id="confirmed"),
        pytest.param("probation", False, ACTIVE, id="a_survey"),
    ],
)
def test_a_release_runs_once_its_probation_is_over(state, has_model, running):
    known = known_of(active=state, has_model=has_model)
    told = line_up(LineUp(task="t", active=ACTIVE), known=known)
    assert told.confirmed_running == running


def test_who_only_a_newer_program_knows_is_left_out():
    told = line_up(LineUp(task="t", active=ACTIVE, shadow=SHADOW), known={})
    assert told.active is told.shadow is told.confirmed_running is None


def test_a_task_without_a_release_is_told_too():
    told = line_up(LineUp(task="t"), known={})
    assert (told.task, told.active) == ("t", None)


def test_trouble_is_cut_to_what_a_report_may_hold():
    trust = Trust(checked_at=NOW, reason="x" * 900)
    told = trust_health(trust, refusals={"cpu": "y" * 900})
    assert (told.checked_at, len(told.trouble)) == (NOW, 500)
    assert {task: len(why) for task, why in told.refused.items()} == {"cpu": 500}
    assert trust_health(Trust(), refusals={}).trouble is None


def test_the_worst_gaps_are_told():
    missing = {f"m{n}": n for n in range(300)}
    told = worst_gaps(missing)
    assert len(told) == 100
    assert list(told.items())[:2] == [("m299", 299), ("m298", 298)]
    (name,) = worst_gaps({"m" * 900: 1})
    assert len(name) == 200
