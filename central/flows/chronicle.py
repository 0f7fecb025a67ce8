"""What the autopilot writes into the log: its decisions, and what it signed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from agent.core.pointer import Pointer
from central.core.approval import facts
from central.core.autopilot import Course, Plan, Stage
from central.core.log import Action, Deed, Subject
from central.core.roles import Waiting
from central.ports.log import Log

# The release of the course is what these are about.
_OUT: Final = frozenset({Stage.AWAITING, Stage.OPENING, Stage.RING, Stage.HALTING})


def note_turn(log: Log, before: Plan, after: Plan, *, now: datetime) -> None:
    """Write down a decision, unless a look that was killed has done so."""
    evidence = turn(before, after)
    told = [
        entry
        for entry in log.chain().entries
        if entry.action is Action.DECIDE and entry.subject.task == after.task
    ]
    keys = ("from", "from_since", "to")
    if told and all(told[-1].evidence.get(key) == evidence[key] for key in keys):
        return
    subject = subject_of(after, before=before.stage)
    deed = Deed(action=Action.DECIDE, subject=subject, evidence=evidence)
    log.add(deed, at=now)


def note_person(
    log: Log, action: Action, before: Plan, after: Plan, *, now: datetime
) -> None:
    """Write down what a person did to a plan."""
    subject = subject_of(after, before=before.stage)
    evidence = turn(before, after)
    log.add(Deed(action=action, subject=subject, evidence=evidence), at=now)


def note_channel(
    log: Log,
    plan: Plan,
    pointer: Pointer,
    *,
    keys: tuple[str, ...] = (),
    waiting: Sequence[Waiting] = (),
    now: datetime,
) -> None:
    """Write down what became of a channel, once for each of its serials."""
    if any(
        entry.subject.task == plan.task
        and entry.evidence.get("serial") == pointer.serial
        for entry in log.chain().entries
    ):
        return
    evidence = {
        **facts(pointer),
        "waiting": [str(each) for each in waiting],
        "by": "autopilot",
        "why": plan.why,
    }
    action = Action.WITHDRAW if plan.stage is Stage.HALTING else Action.APPROVE
    subject = subject_of(plan)
    log.add(Deed(action=action, subject=subject, keys=keys, evidence=evidence), at=now)


def turn(before: Plan, after: Plan) -> dict[str, object]:
    """Return a decision and what it rests on, as the log tells of it."""
    course = after.course
    found: dict[str, object] = {
        "from": str(before.stage),
        "from_since": before.since.isoformat(),
        "to": str(after.stage),
        "why": after.why,
    }
    if course is None or not {before.stage, after.stage} & _OUT:
        return found
    return found | _figures(course)


def _figures(course: Course) -> dict[str, object]:
    guard = course.guard
    rings: dict[str, object] = {"percent": course.percent, "rings": list(course.rings)}
    if guard is None:
        return rings
    return rings | {
        "harm": guard.evidence(),
        "merit": guard.merit.evidence(),
        "blocks": guard.harm.blocks,
        "episodes": guard.episodes,
        "losses": list(guard.losses),
    }


def subject_of(plan: Plan, *, before: Stage | None = None) -> Subject:
    """Return what a plan is about: a task, and the release that is rolled out."""
    course = plan.course
    if course is None or not {plan.stage, before} & _OUT:
        return Subject(task=plan.task)
    return Subject(task=plan.task, version=course.version, digest=course.digest)
