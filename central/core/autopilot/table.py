"""The autopilot's table: from which stage to which, on what sign."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec

from central.core.approval import share
from central.core.autopilot import signs
from central.core.autopilot.plan import (
    RESTING,
    Candidate,
    Course,
    Facts,
    Outcome,
    Plan,
    Stage,
    Terms,
)
from central.core.autopilot.signs import Sign, course_of
from central.core.autopilot.words import waits

Changes: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way from a stage to another.

    Attributes:
        stages: From any of these.
        sign: If this is the case.
        to: The next stage.
        goes_forward: A pause holds it.
        enters: What else changes; None: nothing.
    """

    stages: frozenset[Stage]
    sign: Sign
    to: Stage
    goes_forward: bool = False
    enters: Callable[[Plan, Facts, Terms], Changes] | None = None


def decided(plan: Plan, *, facts: Facts, terms: Terms) -> Plan:
    """Return the plan after one look: the first row that applies, or the same stage."""
    for row in TABLE:
        if plan.stage not in row.stages or (plan.is_paused and row.goes_forward):
            continue
        if (why := row.sign(plan, facts, terms)) is not None:
            changes = {} if row.enters is None else row.enters(plan, facts, terms)
            plan = msgspec.structs.replace(
                plan, stage=row.to, since=facts.now, why=why, **changes
            )
            break
    plan = _noticed(plan, facts)
    return msgspec.structs.replace(plan, waits=waits(plan, facts=facts, terms=terms))


def course_for(candidate: Candidate, *, facts: Facts, rings: tuple[int, ...]) -> Course:
    """Return the course of a release that is to be rolled out."""
    return Course(
        version=candidate.version,
        digest=candidate.digest,
        before="" if facts.signed is None else facts.signed.sha256,
        rings=rings,
        margin=candidate.margin,
        has_events=candidate.has_events,
    )


def _noticed(plan: Plan, facts: Facts) -> Plan:
    """Return a plan that knows whether the channel has named its release by now."""
    course, signed = plan.course, facts.signed
    if course is None or signed is None or plan.stage not in _OUT:
        return plan
    if signed.sha256 != course.digest:
        return plan
    course = msgspec.structs.replace(course, is_named=True)
    return msgspec.structs.replace(plan, course=course)


def _begins(plan: Plan, facts: Facts, terms: Terms) -> Changes:
    return {
        "retrained_at": facts.now,
        "base": facts.newest,
        "attempts": 0,
        "failure": "",
    }


def _is_made(plan: Plan, facts: Facts, terms: Terms) -> Changes:
    made = facts.made
    if made is None or made.candidate is None:
        raise ValueError(f"{plan.task}: expected what was published, got nothing")
    course = course_for(made.candidate, facts=facts, rings=terms.rings)
    return {"course": course}


def _starts(plan: Plan, facts: Facts, terms: Terms) -> Changes:
    return _turned(plan, _fitting(course_of(plan), facts), began_at=facts.now)


def _opens(plan: Plan, facts: Facts, terms: Terms) -> Changes:
    guard = course_of(plan).guard
    episodes = 0 if guard is None else guard.episodes
    return _turned(plan, None, opened_at=facts.now, episodes_before=episodes)


def _follows(plan: Plan, facts: Facts, terms: Terms) -> Changes:
    return _turned(plan, _fitting(course_of(plan), facts))


def _widens(plan: Plan, facts: Facts, terms: Terms) -> Changes:
    return _turned(plan, course_of(plan).ring + 1)


def _turned(plan: Plan, ring: int | None, **changes: object) -> Changes:
    """Return the change of a course; a ring that is entered is not open yet."""
    course = course_of(plan)
    if ring is not None:
        changes = {"ring": ring, "opened_at": None, **changes}
    return {"course": msgspec.structs.replace(course, **changes)}


def _fitting(course: Course, facts: Facts) -> int:
    """Return the widest ring that a person has given the release to; else the first."""
    pointer = facts.published
    if pointer is None or pointer.sha256 != course.digest:
        return 0
    reached = sum(percent <= share(pointer) for percent in course.rings)
    return max(0, reached - 1)


_AWAITING: Final = frozenset({Stage.AWAITING})
_OPENING: Final = frozenset({Stage.OPENING})
_RING: Final = frozenset({Stage.RING})
_OUT: Final = _OPENING | _RING
_RETRAINING: Final = frozenset({Stage.RETRAINING})

# In this order: what stops a release comes before what lets it go on.
TABLE: Final = (
    Row(stages=RESTING, sign=signs.has_fallen, to=Stage.DUE, goes_forward=True),
    Row(stages=RESTING, sign=signs.has_drifted, to=Stage.DUE, goes_forward=True),
    Row(stages=RESTING, sign=signs.has_enough, to=Stage.DUE, goes_forward=True),
    Row(
        stages=frozenset({Stage.DUE}),
        sign=signs.has_rested,
        to=Stage.RETRAINING,
        goes_forward=True,
        enters=_begins,
    ),
    Row(
        stages=_RETRAINING,
        sign=signs.came_to(Outcome.NOT_YET),
        to=Stage.WATCHING,
    ),
    Row(
        stages=_RETRAINING,
        sign=signs.came_to(Outcome.REFUSED),
        to=Stage.REFUSED,
    ),
    Row(
        stages=_RETRAINING,
        sign=signs.came_to(Outcome.PUBLISHED),
        to=Stage.AWAITING,
        enters=_is_made,
    ),
    Row(stages=_AWAITING | _OUT, sign=signs.is_revoked, to=Stage.HALTING),
    Row(stages=_AWAITING | _OUT, sign=signs.is_overtaken, to=Stage.WATCHING),
    Row(
        stages=_AWAITING,
        sign=signs.is_approved,
        to=Stage.OPENING,
        goes_forward=True,
        enters=_starts,
    ),
    Row(
        stages=_AWAITING,
        sign=signs.needs_nobody,
        to=Stage.OPENING,
        goes_forward=True,
        enters=_starts,
    ),
    Row(stages=_OUT, sign=signs.is_harmful, to=Stage.HALTING),
    Row(stages=_OUT, sign=signs.has_too_many, to=Stage.HALTING),
    Row(stages=_OUT, sign=signs.has_nobody, to=Stage.HALTING),
    Row(stages=_OPENING, sign=signs.is_open, to=Stage.RING, enters=_opens),
    Row(stages=_RING, sign=signs.is_finished, to=Stage.DONE),
    Row(stages=_RING, sign=signs.is_widened, to=Stage.OPENING, enters=_follows),
    Row(
        stages=_RING,
        sign=signs.may_widen,
        to=Stage.OPENING,
        goes_forward=True,
        enters=_widens,
    ),
    Row(
        stages=_RING,
        sign=signs.is_empty,
        to=Stage.OPENING,
        goes_forward=True,
        enters=_widens,
    ),
    Row(stages=frozenset({Stage.HALTING}), sign=signs.is_gone, to=Stage.HALTED),
)
