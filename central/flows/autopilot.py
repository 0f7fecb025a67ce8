"""The autopilot's look at a task: what is the case, what follows, what is to be done.

A look goes on until nothing more follows now. Each step is one transaction: facts are
gathered, the table decides, the plan is kept. The act of a stage comes after that, and
again at the next look, until the facts show that it is done; so a look may be killed
anywhere and simply be begun anew.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import msgspec

from agent.errors import ForewarnError, StateError, UnavailableError
from central.core.approval import Wish, share
from central.core.autopilot import (
    Facts,
    Made,
    Outcome,
    Plan,
    Stage,
    Terms,
    decided,
    new_plan,
    parse_plan,
)
from central.core.autopilot.signs import course_of, is_overtaken
from central.core.lineage import is_retrained
from central.flows.channel import Approval, approve, withdraw
from central.flows.chronicle import note_channel, note_turn
from central.flows.observing import Sources, observed
from central.flows.standing import candidate, manifest_of, standing
from central.ports import Desk
from central.ports.fleet import Plans
from central.ports.log import Log
from central.ports.rollout import Retrainer

# More than the table has ways from one stage to another.
_MOST_STEPS: Final = 30
# More would only die again, and keep every other task waiting.
_MOST_ATTEMPTS: Final = 2
_SIGNING: Final = frozenset({Stage.OPENING, Stage.HALTING})
# What a pause holds.
_FORWARD: Final = frozenset({Stage.RETRAINING, Stage.OPENING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cockpit:
    """What the autopilot works with.

    Attributes:
        terms: Of a task that it looks after.
        tasks: Those that it retrains by itself.
    """

    sources: Sources
    plans: Plans
    log: Log
    retrainer: Retrainer
    terms: Terms
    tasks: frozenset[str]

    def terms_of(self, task: str) -> Terms:
        """Return what holds for a task: without being listed nothing begins."""
        return replace(self.terms, is_automatic=task in self.tasks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What came of a look at a task.

    Attributes:
        plan: As it is now; None: it could not be looked at.
        path: The stages that it went through, the first one before the look.
        trouble: Why the look ended early; None: it did not.
    """

    task: str
    plan: Plan | None = None
    path: tuple[Stage, ...] = ()
    trouble: ForewarnError | None = None


def look_around(cockpit: Cockpit, *, now: datetime) -> Iterator[Looked]:
    """Look at every task; what troubles one does not stop the next."""
    for task in cockpit.sources.channels.looking().tasks():
        try:
            yield look(cockpit, task, now=now)
        except ForewarnError as error:
            yield Looked(task=task, trouble=error)
        except Exception as error:  # noqa: BLE001 - the other tasks go on
            yield Looked(task=task, trouble=StateError(f"unforeseen: {error!r}"))


def look(cockpit: Cockpit, task: str, *, now: datetime) -> Looked:
    """Take a task as far as it goes now.

    Raises:
        ForewarnError: As the acts say; what was decided before is kept.
    """
    plan = remembered(cockpit.plans, task, now=now)
    path, done, made = [plan.stage], set[tuple[Stage, int]](), None
    for _ in range(_MOST_STEPS):
        before, plan = plan, _step(cockpit, task, now=now, made=made)
        made = None
        if plan.stage is not before.stage or plan.since != before.since:
            path.append(plan.stage)
            continue
        here = (plan.stage, 0 if plan.course is None else plan.course.ring)
        is_held = plan.is_paused and plan.stage in _FORWARD
        if here in done or is_held or plan.stage not in _ACTS:
            break
        done.add(here)
        made = _ACTS[plan.stage](cockpit, plan, now)
    return Looked(task=task, plan=plan, path=tuple(path))


def remembered(plans: Plans, task: str, *, now: datetime) -> Plan:
    """Return what is remembered of a task; a new plan, if nothing is.

    Raises:
        StateError: It is none that this version understands.
    """
    document = plans.plan(task)
    if document is None:
        return new_plan(task, now=now)
    try:
        return parse_plan(document)
    except (ValueError, msgspec.DecodeError) as error:
        raise StateError(f"plan of {task}: {error}") from error


def seen(
    cockpit: Cockpit, plan: Plan, *, now: datetime, made: Made | None = None
) -> tuple[Plan, Facts]:
    """Return a plan with its evidence counted up to now, and all it depends on."""
    terms = cockpit.terms_of(plan.task)
    return observed(cockpit.sources, plan, terms=terms, now=now, made=made)


def _step(cockpit: Cockpit, task: str, *, now: datetime, made: Made | None) -> Plan:
    """Decide once; the plan is kept with what was counted."""
    with cockpit.plans.transaction():
        before = remembered(cockpit.plans, task, now=now)
        plan, facts = seen(cockpit, before, now=now, made=made)
        after = decided(plan, facts=facts, terms=cockpit.terms_of(task))
        if after.stage is not plan.stage or after.since != plan.since:
            if plan.stage in _SIGNING and facts.published is not None:
                # A look may have been killed between signing and telling of it.
                note_channel(cockpit.log, plan, facts.published, now=now)
            note_turn(cockpit.log, plan, after, now=now)
        if after != before:
            cockpit.plans.set_plan(task, msgspec.json.encode(after))
    return after


def _retrain(cockpit: Cockpit, plan: Plan, now: datetime) -> Made:
    """Retrain, unless a look that was killed has done so, or it is in vain."""
    if (made := _made(cockpit, plan)) is not None:
        return made
    if plan.attempts >= _MOST_ATTEMPTS:
        failure = plan.failure or "its process died, perhaps of too little memory"
        words = f"it was begun {plan.attempts} times and never ended: {failure}"
        return Made(outcome=Outcome.REFUSED, reasons=(words,))
    begun = plan.attempts + 1
    # Before the act: who is killed in it writes nothing any more.
    _count(cockpit, plan, attempts=begun, failure="", now=now)
    try:
        made = cockpit.retrainer.retrain(plan.task, now=now)
    except UnavailableError:
        # Nobody's fault: what is not to be had now is tried again, for as long.
        failure = plan.failure
        _count(cockpit, plan, attempts=plan.attempts, failure=failure, now=now)
        raise
    except ForewarnError as error:
        return Made(outcome=Outcome.REFUSED, reasons=(str(error),))
    except Exception as error:
        _count(cockpit, plan, attempts=begun, failure=repr(error), now=now)
        raise
    return _proved(cockpit, plan, made)


def _count(
    cockpit: Cockpit, plan: Plan, *, attempts: int, failure: str, now: datetime
) -> None:
    """Remember how often a retraining was begun, and what the last one ended with."""
    with cockpit.plans.transaction():
        # What a person changed meanwhile stays.
        known = remembered(cockpit.plans, plan.task, now=now)
        known = msgspec.structs.replace(known, attempts=attempts, failure=failure)
        cockpit.plans.set_plan(plan.task, msgspec.json.encode(known))


def _proved(cockpit: Cockpit, plan: Plan, made: Made) -> Made:
    """Return what came of a retraining, with what it signed."""
    if made.outcome is not Outcome.PUBLISHED:
        return made
    if (known := _made(cockpit, plan)) is None:
        lacking = "it was said to be signed, but no release that was retrained is"
        return Made(outcome=Outcome.REFUSED, reasons=(lacking,))
    return replace(known, reasons=made.reasons or known.reasons)


def _made(cockpit: Cockpit, plan: Plan) -> Made | None:
    """Return what was retrained and signed since it was asked for; None: nothing."""
    channels = cockpit.sources.channels
    desk = channels.looking()
    found = standing(desk, shelf=channels.shelf, task=plan.task)
    for issue in found.signed_for:
        # What people publish meanwhile is theirs to roll out.
        if issue.version > plan.base and is_retrained(manifest_of(desk, issue)):
            known = candidate(desk, issue, among=found)
            reasons = (f"version {issue.version} was trained and signed",)
            return Made(outcome=Outcome.PUBLISHED, reasons=reasons, candidate=known)
    return None


def _approve(cockpit: Cockpit, plan: Plan, now: datetime) -> None:
    """Give the release to the hosts of the present ring, unless a person gave more."""
    course, channels = course_of(plan), cockpit.sources.channels
    with channels.changing() as desk:
        known = standing(channels.looking(), shelf=channels.shelf, task=plan.task)
        facts = Facts(now=now, signed=known.pointer)
        if is_overtaken(plan, facts, cockpit.terms) is not None:
            return
        signed = known.pointer
        is_ours = signed is not None and signed.sha256 == course.digest
        percent = course.percent
        if signed is not None and is_ours:
            percent = max(percent, share(signed))
        found = approve(
            desk,
            shelf=channels.shelf,
            task=plan.task,
            version=course.version,
            wish=Wish(percent=percent),
        )
        _note(cockpit, plan, found, desk=desk, now=now)


def _withdraw(cockpit: Cockpit, plan: Plan, now: datetime) -> None:
    course, channels = course_of(plan), cockpit.sources.channels
    with channels.changing() as desk:
        shelf = channels.shelf
        known = standing(channels.looking(), shelf=shelf, task=plan.task)
        # Nothing else: what is newer, or lies between, nobody may have approved.
        before = known.issue(course.before)
        found = withdraw(
            desk,
            shelf=shelf,
            task=plan.task,
            version=course.version,
            back=frozenset() if before is None else {before.version},
        )
        _note(cockpit, plan, found, desk=desk, now=now)


def _note(
    cockpit: Cockpit, plan: Plan, found: Approval, *, desk: Desk, now: datetime
) -> None:
    note_channel(
        cockpit.log,
        plan,
        found.pointer,
        keys=desk.signers(),
        waiting=found.waiting,
        now=now,
    )


# What belongs to a stage; done again until the facts show it, so each changes nothing
# the second time.
_ACTS: Final[Mapping[Stage, Callable[[Cockpit, Plan, datetime], Made | None]]] = {
    Stage.RETRAINING: _retrain,
    Stage.OPENING: _approve,
    Stage.HALTING: _withdraw,
}
