"""Signs: what must be the case for a task to go from one stage to another.

Each returns in words that it is so; None: it is not.
"""

import math
from collections.abc import Callable
from typing import Final, TypeAlias

from agent.core.fleet import ADVANCE_EPISODES, too_many
from agent.core.pointer import Pointer
from central.core.approval import share
from central.core.autopilot.plan import (
    Course,
    Crowd,
    Facts,
    Outcome,
    Plan,
    Stage,
    Terms,
)

Sign: TypeAlias = Callable[[Plan, Facts, Terms], str | None]

# A host's own guard errs so often; see docs/guard.md.
HOST_ALPHA: Final = 0.001
BREACH_SHARE: Final = 0.1
UPDATED_SHARE: Final = 0.95


def has_enough(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """Enough labelled moments came since the last retraining."""
    fresh = facts.fresh
    is_enough = fresh.rows >= terms.min_new_rows and (
        fresh.events >= terms.min_new_events or not fresh.has_events
    )
    if not (terms.is_automatic and is_enough):
        return None
    return f"{fresh.rows} new labelled moments, {fresh.events} events among them"


def has_fallen(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """The approved release was taken off on too many hosts."""
    found = facts.fallen
    limit = max(1, math.ceil(BREACH_SHARE * found.hosts))
    if not terms.is_automatic or found.version is None or found.fallen < limit:
        return None
    if not has_new(plan, facts):
        return None
    return (
        f"{found.fallen} of {found.hosts} hosts fell back from version {found.version}"
    )


def has_drifted(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """The features look otherwise than in training, by more than chance."""
    if not (terms.is_automatic and facts.drifted and has_new(plan, facts)):
        return None
    return f"drift: {facts.drifted}"


def has_new(plan: Plan, facts: Facts) -> bool:
    """Return whether a retraining could learn what the last one could not."""
    fresh = facts.fresh
    came = fresh.events if fresh.has_events else fresh.rows
    return plan.retrained_at is None or came > 0


def has_rested(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """The last retraining is long enough ago."""
    last = plan.retrained_at
    return plan.why if last is None or facts.now - last >= terms.rest else None


def came_to(outcome: Outcome) -> Sign:
    """Return the sign that the retraining came to just this."""

    def sign(plan: Plan, facts: Facts, terms: Terms) -> str | None:
        if facts.made is None or facts.made.outcome is not outcome:
            return None
        return "; ".join(facts.made.reasons) or str(outcome)

    return sign


def is_revoked(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """A person has withdrawn the release."""
    course = course_of(plan)
    if facts.signed is None or course.digest not in facts.signed.revoked:
        return None
    return f"version {course.version} was withdrawn"


def is_overtaken(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """A person has approved another release meanwhile."""
    course, signed = course_of(plan), facts.signed
    if signed is None or signed.sha256 == course.digest:
        return None
    is_first = plan.stage is not Stage.RING and course.ring == 0
    is_asked = is_first and not course.is_named
    if is_asked and signed.sha256 == course.before:
        return None
    return f"operations went to version {signed.version}"


def is_approved(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """A person has approved the release."""
    if not _names(facts.published, course_of(plan)):
        return None
    return "approved by a person"


def needs_nobody(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """The release is published, and no person needs to approve it first."""
    found = facts.candidate
    if terms.hold or found is None or not found.is_published:
        return None
    return "approved by fleet.toml: hold_for_approval is off"


def is_open(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """The channel gives the release to the hosts of the ring."""
    course, pointer = course_of(plan), facts.published
    if (
        pointer is None
        or not _names(pointer, course)
        or share(pointer) < course.percent
    ):
        return None
    if pointer.not_before is not None and facts.now < pointer.not_before:
        return None
    return f"open to {course.percent} % of hosts"


def is_harmful(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """All hosts' outcomes together show that the release is worse."""
    guard = course_of(plan).guard
    if guard is None or not guard.halted():
        return None
    return (
        f"evidence of harm reached {1 / guard.alpha:.3g}, pooled over all hosts on "
        f"trial: it is {guard.evidence():.3g} now, after {guard.harm.blocks} fleet "
        f"blocks and {guard.episodes} episodes"
    )


def has_too_many(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """More hosts took the release off by themselves than chance explains."""
    crowd = facts.crowd
    if crowd.fallen < too_many(crowd.tried, alpha=HOST_ALPHA):
        return None
    return f"{crowd.fallen} of {crowd.tried} hosts took it off by themselves"


def has_nobody(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """Every host that had the release took it off by itself."""
    crowd = facts.crowd
    if not crowd.fallen or crowd.fallen < crowd.tried:
        return None
    return f"all {crowd.tried} hosts that had it took it off by themselves"


def is_finished(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """The last ring has shown it, or hardly a host is left that does not run it."""
    course, crowd = course_of(plan), facts.crowd
    if not course.is_last or is_open(plan, facts, terms) is None:
        return None
    told = f"{crowd.updated} of {crowd.due} hosts run it after probation"
    if is_settled(crowd):
        return told
    return told if has_shown(course, facts=facts, terms=terms) else None


def is_widened(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """A person has given the release to the next ring already."""
    course, pointer = course_of(plan), facts.published
    if course.is_last or pointer is None or not _names(pointer, course):
        return None
    if share(pointer) < course.rings[course.ring + 1]:
        return None
    return f"a person gave it to {share(pointer)} % of hosts"


def may_widen(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """This ring has shown that the release is not worse."""
    course = course_of(plan)
    if course.is_last or is_open(plan, facts, terms) is None:
        return None
    if not has_shown(course, facts=facts, terms=terms):
        return None
    return f"{course.percent} % of hosts showed it to be not worse"


def is_empty(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """No host is in this ring; the whole fleet is never the first to get a release."""
    course = course_of(plan)
    is_too_late = course.ring + 1 >= len(course.rings) - 1
    if is_too_late or facts.crowd.members or is_open(plan, facts, terms) is None:
        return None
    return f"no host is among the {course.percent} %"


def is_gone(plan: Plan, facts: Facts, terms: Terms) -> str | None:
    """Hosts see that the release is withdrawn."""
    course, pointer = course_of(plan), facts.published
    if pointer is None or course.digest not in pointer.revoked:
        return None
    return plan.why


def has_shown(course: Course, *, facts: Facts, terms: Terms) -> bool:
    """Return whether this ring has lasted, and outcomes have shown the release.

    Hosts tell of outcomes until they confirm the release: where the ring has done so,
    what the whole rollout has shown is enough.
    """
    guard, opened_at = course.guard, course.opened_at
    if guard is None or opened_at is None or facts.now - opened_at < terms.min_ring:
        return False
    least = ADVANCE_EPISODES if course.has_events else 0
    has_told = guard.episodes - course.episodes_before >= least
    return guard.may_advance() and (has_told or is_confirmed(facts.crowd))


def is_settled(crowd: Crowd) -> bool:
    """Return whether hardly a host that tells of itself has yet to confirm it."""
    return crowd.due > 0 and crowd.updated >= UPDATED_SHARE * crowd.due


def is_confirmed(crowd: Crowd) -> bool:
    """Return whether hardly a host of the ring is left; silent ones are, for ever."""
    is_over = crowd.members > 0 and not crowd.on_trial
    return is_over and crowd.updated >= UPDATED_SHARE * crowd.members


def course_of(plan: Plan) -> Course:
    """Return the course of a stage that has one.

    Raises:
        ValueError: It has none, which no table leads to.
    """
    if plan.course is None:
        raise ValueError(f"{plan.task}: expected a rollout while {plan.stage}")
    return plan.course


def _names(pointer: Pointer | None, course: Course) -> bool:
    return pointer is not None and pointer.sha256 == course.digest
