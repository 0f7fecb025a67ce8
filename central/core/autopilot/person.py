"""What a person can do to a task: pause, resume, halt, roll out."""

from datetime import datetime
from typing import Final

import msgspec

from agent.core.pointer import EVERY_HOST
from agent.errors import ConfigError
from central.core.autopilot.plan import RESTING, Candidate, Facts, Plan, Stage
from central.core.autopilot.table import course_for

_OUT: Final = frozenset({Stage.AWAITING, Stage.OPENING, Stage.RING})


def paused(plan: Plan) -> Plan:
    """Return the plan that does not go forward; what does harm is still halted."""
    return msgspec.structs.replace(plan, is_paused=True)


def resumed(plan: Plan) -> Plan:
    """Return the plan that goes on."""
    return msgspec.structs.replace(plan, is_paused=False)


def halted(plan: Plan, *, facts: Facts) -> Plan:
    """Return the plan that ends what is under way; itself, if nothing is.

    A release that the channel has named is withdrawn; another one stays as it is,
    published and not approved.
    """
    if plan.stage in RESTING or plan.stage is Stage.HALTING:
        return plan
    course, signed = plan.course, facts.signed
    is_out = (
        plan.stage in {Stage.OPENING, Stage.RING}
        and course is not None
        and signed is not None
        and signed.sha256 == course.digest
    )
    return msgspec.structs.replace(
        plan,
        stage=Stage.HALTING if is_out else Stage.WATCHING,
        since=facts.now,
        why="halted by a person",
    )


def rolled(
    plan: Plan, candidate: Candidate, *, facts: Facts, rings: tuple[int, ...]
) -> Plan:
    """Return the plan that rolls a release out: a person approves it by asking.

    Of the release that is under way it takes other rings: what was counted stays, and
    no host loses it.

    Raises:
        ConfigError: Another release is under way, or the rings are none.
    """
    _check_rings(rings)
    known = plan.course if plan.stage in _OUT else None
    if known is None or known.digest != candidate.digest:
        if plan.stage not in RESTING:
            raise ConfigError(
                f"{plan.task}: expected nothing under way, got {plan.stage}; wait, or "
                f"`forewarn-central autopilot halt {plan.task}` ends it"
            )
        known = course_for(candidate, facts=facts, rings=rings)
    signed = facts.signed
    course = msgspec.structs.replace(
        known,
        rings=rings,
        ring=0,
        # Who asks again after an undo means it.
        is_named=signed is not None and signed.sha256 == candidate.digest,
        opened_at=None,
        began_at=known.began_at or facts.now,
    )
    return msgspec.structs.replace(
        plan,
        stage=Stage.OPENING,
        since=facts.now,
        why="rolled out by a person",
        course=course,
    )


def new_plan(task: str, *, now: datetime) -> Plan:
    """Return the plan of a task that nothing is remembered of."""
    return Plan(task=task, since=now)


def _check_rings(rings: tuple[int, ...]) -> None:
    is_share = all(0 < percent <= EVERY_HOST for percent in rings)
    if not rings or not is_share or sorted(set(rings)) != list(rings):
        got = ",".join(map(str, rings)) or "none"
        raise ConfigError(f"rings: expected ascending percents of 1 to 100, got {got}")
