"""What a task waits for, and who must act, in words."""

from collections.abc import Callable, Mapping
from typing import Final

from agent.core.fleet import ADVANCE_EVIDENCE
from central.core.autopilot.plan import Course, Facts, Plan, Stage, Terms
from central.core.autopilot.signs import course_of, has_shown, is_settled


def waits(plan: Plan, *, facts: Facts, terms: Terms) -> str:
    """Return what a task waits for; empty: for nothing."""
    words = _WORDS[plan.stage](plan, facts, terms)
    if not plan.is_paused:
        return words
    return f"paused: `forewarn-central autopilot resume {plan.task}` lets it go on" + (
        f"; {words}" if words else ""
    )


def _watching(plan: Plan, facts: Facts, terms: Terms) -> str:
    if not terms.is_automatic:
        return "for a person; it is not among autopilot.tasks of fleet.toml"
    fresh = facts.fresh
    words = f"{fresh.rows} of {terms.min_new_rows} new labelled moments"
    if fresh.has_events:
        words += f", {fresh.events} of {terms.min_new_events} events"
    return words


def _due(plan: Plan, facts: Facts, terms: Terms) -> str:
    if plan.retrained_at is None:
        return "the retraining is to begin"
    return f"rests until {plan.retrained_at + terms.rest:%Y-%m-%d %H:%M} UTC"


def _retraining(plan: Plan, facts: Facts, terms: Terms) -> str:
    return "the retraining is to end"


def _awaiting(plan: Plan, facts: Facts, terms: Terms) -> str:
    course, found = course_of(plan), facts.candidate
    if found is None or not found.is_published:
        return "; ".join(facts.waiting) or f"version {course.version} is not published"
    if not terms.hold:
        return "its first ring is to be opened"
    percent = course.rings[0]
    command = f"forewarn-central approve {plan.task} {course.version}"
    return "; ".join(facts.waiting) or f"a person: `{command} --percent {percent}`"


def _opening(plan: Plan, facts: Facts, terms: Terms) -> str:
    percent = course_of(plan).percent
    return "; ".join(facts.waiting) or f"{percent} % of hosts are to be given it"


def _ring(plan: Plan, facts: Facts, terms: Terms) -> str:
    course, crowd, guard = course_of(plan), facts.crowd, course_of(plan).guard
    told = f"{crowd.updated} of {crowd.due} hosts run it after probation"
    if not crowd.members:
        return (
            f"no host is among the {course.percent} %: `forewarn-central rollout "
            f"{plan.task} {course.version} --rings ...` takes wider ones"
        )
    told += _strays(course) + _person(plan, facts, terms)
    if guard is None:
        return f"outcomes: no host has told of any yet; {told}"
    own, reference = guard.losses
    merit, harm = guard.merit.evidence(), guard.evidence()
    words = [
        f"evidence of {merit:.3g} that it is not worse, {ADVANCE_EVIDENCE:g} is enough",
        f"of {harm:.3g} that it is, {1 / guard.alpha:.3g} halts",
        f"{guard.episodes - course.episodes_before} episodes in this ring",
    ]
    if reference:
        words.append(f"loss {own / reference:.3g} of its reference's")
    if course.opened_at is not None:
        least = course.opened_at + terms.min_ring
        words.append(f"not before {least:%Y-%m-%d %H:%M} UTC")
    return "; ".join([*words, told])


def _strays(course: Course) -> str:
    if not course.strays:
        return ""
    return (
        f"; up to {course.strays} hosts score at another pace than its manifest's and "
        "are left out"
    )


def _person(plan: Plan, facts: Facts, terms: Terms) -> str:
    """Return who must act where a ring has nothing more to tell; empty: nobody."""
    course = course_of(plan)
    opened_at = course.opened_at
    is_over = opened_at is not None and facts.now - opened_at >= terms.min_ring
    is_told_out = is_over and is_settled(facts.crowd)
    if course.is_last or not is_told_out or has_shown(course, facts=facts, terms=terms):
        return ""
    percent = course.rings[course.ring + 1]
    return (
        "; these hosts tell no more, and have not shown enough: a person: "
        f"`forewarn-central approve {plan.task} {course.version} --percent {percent}`"
    )


def _halting(plan: Plan, facts: Facts, terms: Terms) -> str:
    return "; ".join(facts.waiting) or "the release is to be withdrawn"


_WORDS: Final[Mapping[Stage, Callable[[Plan, Facts, Terms], str]]] = {
    Stage.WATCHING: _watching,
    Stage.REFUSED: _watching,
    Stage.HALTED: _watching,
    Stage.DONE: _watching,
    Stage.DUE: _due,
    Stage.RETRAINING: _retraining,
    Stage.AWAITING: _awaiting,
    Stage.OPENING: _opening,
    Stage.RING: _ring,
    Stage.HALTING: _halting,
}
