"""What a person does to the autopilot: pause, resume, halt, roll out, and look."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from central.core.autopilot import (
    Facts,
    Plan,
    decided,
    halted,
    paused,
    resumed,
    rolled,
)
from central.core.log import Action
from central.core.shelf import issue_of
from central.flows.autopilot import Cockpit, remembered, seen
from central.flows.chronicle import note_person
from central.flows.standing import candidate, standing


def statuses(cockpit: Cockpit, *, now: datetime) -> tuple[Plan, ...]:
    """Return what is remembered of every task; nothing is looked at anew."""
    tasks = cockpit.sources.channels.looking().tasks()
    return tuple(remembered(cockpit.plans, task, now=now) for task in tasks)


def pause(cockpit: Cockpit, task: str, *, now: datetime) -> Plan:
    """Let a task go nowhere forward; what does harm is halted all the same."""
    return _changed(cockpit, task, lambda p, _: paused(p), action=Action.PAUSE, now=now)


def resume(cockpit: Cockpit, task: str, *, now: datetime) -> Plan:
    """Let a task go on."""
    return _changed(
        cockpit, task, lambda p, _: resumed(p), action=Action.RESUME, now=now
    )


def halt(cockpit: Cockpit, task: str, *, now: datetime) -> Plan:
    """End what is under way; a release that hosts may have is withdrawn."""
    return _changed(
        cockpit,
        task,
        lambda plan, facts: halted(plan, facts=facts),
        action=Action.HALT,
        now=now,
    )


def roll_out(
    cockpit: Cockpit, task: str, version: int, *, rings: Sequence[int], now: datetime
) -> Plan:
    """Begin to roll a published release out, ring by ring.

    Args:
        cockpit: What the autopilot works with.
        task: Of the release.
        version: Of the release.
        rings: Shares of the fleet in percent; empty: as fleet.toml says.
        now: The present.

    Raises:
        TrustError: The release is not published.
        ConfigError: Something is under way, or the rings are none.
    """
    channels = cockpit.sources.channels
    desk = channels.looking()
    found = standing(desk, shelf=channels.shelf, task=task)
    issue = issue_of(version, among=found.published, task=task)
    release = candidate(desk, issue, among=found)
    wanted = tuple(rings) or cockpit.terms.rings
    return _changed(
        cockpit,
        task,
        lambda plan, facts: rolled(plan, release, facts=facts, rings=wanted),
        action=Action.ROLL_OUT,
        now=now,
    )


def _changed(
    cockpit: Cockpit,
    task: str,
    change: Callable[[Plan, Facts], Plan],
    *,
    action: Action,
    now: datetime,
) -> Plan:
    """Let a person change a plan, and write it down; return it.

    Raises:
        UnavailableError: The autopilot is deciding just now; nothing is changed.
    """
    with cockpit.plans.transaction():
        before = remembered(cockpit.plans, task, now=now)
        plan, facts = seen(cockpit, before, now=now)
        after = change(plan, facts)
        if after == plan:
            return plan
        note_person(cockpit.log, action, plan, after, now=now)
        told = decided(after, facts=facts, terms=cockpit.terms_of(task))
        # Only the words: what follows is for the next look.
        after = msgspec.structs.replace(after, waits=told.waits)
        cockpit.plans.set_plan(task, msgspec.json.encode(after))
    return after
