"""What operators say came of predictions is counted as they say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agent.core.event import Event, EventName
from agent.core.moment import Moment, Outcome, OutcomeKind, Resolved, Void
from agent.core.request import Answer, Label, Refusal, Request, answered, refused
from agent.core.target import EventTarget
from agent.flows.cards import Cards
from agent.flows.task import LiveTask
from agent.ports import Ledger


@dataclass(slots=True)
class Labelled:
    """What labels come to.

    Attributes:
        resolved: Moments that wait no longer.
        corrections: Moments whose outcome is another than was read.
        answers: One a request.
        events: What is told.
    """

    resolved: list[Resolved] = field(default_factory=list)
    corrections: list[Resolved] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def label(
    requests: Iterable[Request],
    *,
    tasks: Mapping[str, LiveTask],
    ledger: Ledger,
    cards: Cards,
    now: datetime,
) -> Labelled:
    """Carry out what operators say of predictions.

    An open moment is closed, and counts as they say. One that was resolved is counted
    anew on its scorecards; what the guard has bet on it is settled and stays.
    """
    done = Labelled()
    for request in requests:
        number, said = request.moment or 0, request.label or Label.VOID
        try:
            task, moment, outcome = _found(number, tasks, ledger, done)
            _check(said, task, number)
        except Refusal as refusal:
            words = str(refusal)
            done.answers.append(answered(request, now, words=words))
            done.events.append(refused(request, now, words=words))
            continue
        if outcome is None:
            words = _closed(done, task, moment, said=said, now=now)
        else:
            before = Resolved(moment=moment, outcome=outcome)
            words = _corrected(done, task, before, said=said, cards=cards)
        done.answers.append(answered(request, now, words=words, is_done=True))
        done.events.append(_event(request, task, words, now=now))
    return done


def _found(
    number: int, tasks: Mapping[str, LiveTask], ledger: Ledger, done: Labelled
) -> tuple[LiveTask, Moment, Outcome | None]:
    """Return the moment of a number with its task; no outcome while it is open."""
    for task in tasks.values():
        if moment := task.waiting.find(number):
            return task, moment, None
    labelled = [each for each in done.corrections if each.moment.id == number]
    found = ledger.resolved(number)
    if found is None:
        raise Refusal(f"no prediction {number} here; `forewarn predictions` lists them")
    moment, outcome = found
    if moment.task not in tasks:
        raise Refusal(
            f"prediction {number}: task {moment.task} is not at work any more"
        )
    return tasks[moment.task], moment, labelled[-1].outcome if labelled else outcome


def _check(said: Label, task: LiveTask, number: int) -> None:
    is_event = isinstance(task.manifest.target, EventTarget)
    if said is Label.HAPPENED and not is_event:
        raise Refusal(
            f"prediction {number} is of a value: expected averted or void, got happened"
        )


def _closed(
    done: Labelled, task: LiveTask, moment: Moment, *, said: Label, now: datetime
) -> str:
    """Close a moment; with one that was averted all that speak of the same event."""

    def is_meant(other: Moment) -> bool:
        is_alike = said is Label.AVERTED and other.entity == moment.entity
        return other.id == moment.id or is_alike

    outcome = _outcome(said, at=now)
    closed = [task.close(each, outcome) for each in task.waiting.taken(is_meant)]
    done.resolved += closed
    others = len(closed) - 1
    beside = f", and {others} more that speak of the same event" if others else ""
    return f"prediction {moment.id} is {said}{beside}"


def _corrected(
    done: Labelled, task: LiveTask, before: Resolved, *, said: Label, cards: Cards
) -> str:
    """Count a moment that was resolved as an operator says."""
    moment, was = before.moment, before.outcome
    after = Resolved(moment=moment, outcome=_outcome(said, at=was.resolved_at))
    if (was.kind, was.void) == (after.outcome.kind, after.outcome.void):
        return f"prediction {moment.id} is {said} already"
    cards.recount(before, after, leading=task.manifest)
    done.corrections.append(after)
    return (
        f"prediction {moment.id} is {said} instead of {was.void or _words(was.kind)}: "
        "its scorecards are counted anew; the guard's bets on it were settled before "
        "and stand"
    )


def _words(kind: OutcomeKind) -> str:
    return kind.replace("_", " ")


def _outcome(said: Label, *, at: datetime) -> Outcome:
    match said:
        case Label.HAPPENED:
            # Nobody knows when: it counts as a hit without a lead time.
            return Outcome(kind=OutcomeKind.HAPPENED, resolved_at=at)
        case Label.AVERTED:
            return Outcome(kind=OutcomeKind.VOID, resolved_at=at, void=Void.AVERTED)
        case Label.VOID:
            return Outcome(kind=OutcomeKind.VOID, resolved_at=at, void=Void.DISMISSED)


def _event(request: Request, task: LiveTask, words: str, *, now: datetime) -> Event:
    return Event(
        at=now,
        name=EventName.PREDICTION_LABELLED,
        fields={
            "task": task.name,
            "moment": request.moment,
            "label": request.label,
            "by": request.by,
            "reason": words,
        },
    )
