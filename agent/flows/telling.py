"""Telling: what a report says, put together from the ledger; nothing is written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agent.core.envelope import (
    SCHEMA,
    CardReport,
    Drift,
    Envelope,
    Health,
    Labelled,
    Span,
    SpoolHealth,
    ToldEvent,
    is_sound,
)
from agent.core.event import Event
from agent.core.release import Release
from agent.core.reporting import (
    CARD_DAYS,
    Allowance,
    ReportState,
    Sender,
    Sharing,
    fingerprint,
    let_out,
    name_of,
)
from agent.core.told import line_up, trust_health, worst_gaps
from agent.flows.gleaning import Gleaned, Leading, by_digest, gleaned, leading
from agent.flows.labelling import Draw, labelled, ready
from agent.flows.trials import trials
from agent.ports.reporting import Past, SpoolSize

_DAY: Final = timedelta(days=1)
_MOST_EVENTS: Final = 1_000


def told(
    past: Past, state: ReportState, *, size: SpoolSize, host: Sender, now: datetime
) -> tuple[Envelope, ReportState]:
    """Return the next report, and what is told once it is written.

    Args:
        past: The ledger.
        state: What was told before.
        size: What waits.
        host: Who reports, by which policy.
        now: The present.
    """
    known = by_digest(past.releases())
    harvest = _harvest(past, state, known, host=host, now=now)
    reports, states = trials(past, state.trials, known=known, host_id=host.host_id)
    lost = size.dropped + size.aside
    cards = _cards(past, state, lost=lost, host=host, now=now)
    events = past.events(after=state.event, limit=_MOST_EVENTS)
    envelope = Envelope(
        schema=SCHEMA,
        host_id=host.host_id,
        sequence=state.next_sequence,
        agent=host.agent,
        labels=dict(host.labels),
        host_name=host.host_name,
        window=Span(start=min(state.end or now, now), end=now),
        line_ups=tuple(line_up(each, known=known) for each in past.lineups()),
        scorecards=cards.told,
        evidence=tuple(past.evidence(since=state.end)),
        trials=tuple(reports),
        drift=tuple(harvest.drifts()),
        events=tuple(_event(n, each, sharing=host.sharing) for n, each in events),
        health=_health(past, state, size=size, host=host, now=now),
        labelled=harvest.samples,
    )
    return envelope, ReportState(
        next_sequence=state.next_sequence + 1,
        end=now,
        event=events[-1][0] if events else state.event,
        tasks=state.tasks | {task: each.state for task, each in harvest.found.items()},
        trials=states,
        cards=cards.marks,
        outcomes=cards.outcomes,
        lost=lost,
        allowance=harvest.allowance,
    )


def _event(number: int, event: Event, *, sharing: Sharing) -> ToldEvent:
    fields = let_out(event.fields, sharing=sharing)
    return ToldEvent(id=number, at=event.at, name=event.name, fields=fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Harvest:
    """What came of all tasks since the last report.

    Attributes:
        found: What was gleaned, by task.
        who: Led each of them.
        samples: None where the site lets none out.
        allowance: What may leave later.
    """

    found: Mapping[str, Gleaned]
    who: Mapping[str, Leading]
    samples: Labelled | None
    allowance: Allowance | None

    def drifts(self) -> Iterator[Drift]:
        """Yield how the leading releases' features lie, where that can be told."""
        for task, each in self.found.items():
            seen = each.drift(self.who[task].release)
            if seen is not None:
                yield seen


def _harvest(
    past: Past,
    state: ReportState,
    known: Mapping[str, Release],
    *,
    host: Sender,
    now: datetime,
) -> _Harvest:
    who = {
        each.task: leading(each, known=known, told=state.tasks.get(each.task))
        for each in past.lineups()
    }
    found = dict(_gleaned(past, state, who, now=now))
    if host.sharing is not Sharing.SAMPLES:
        found = {task: each for task, each in found.items() if each.is_many}
        return _Harvest(found=found, who=who, samples=None, allowance=state.allowance)
    per_day = host.labelled_bytes_per_day
    saved = state.allowance or Allowance(left=per_day, at=now)
    allowance = saved.filled(per_day=per_day, now=now)
    # A full purse saves up no more, so then nobody waits.
    if allowance.left < per_day:
        found = ready(found, left=allowance.left)
    samples, left = labelled(
        past,
        found,
        who=who,
        allowance=allowance,
        draw=Draw(host_id=host.host_id, sequence=state.next_sequence),
    )
    return _Harvest(found=found, who=who, samples=samples, allowance=left)


def _gleaned(
    past: Past, state: ReportState, who: Mapping[str, Leading], *, now: datetime
) -> Iterator[tuple[str, Gleaned]]:
    begin: int | None = None
    for task, leader in who.items():
        told = state.tasks.get(task)
        if told is None and begin is None:
            # The first report of a task does not begin with its whole history.
            begin = past.first_since((state.end or now) - _DAY)
        after = told.through if told is not None else (begin or 1) - 1
        yield task, gleaned(past, task, who=leader, after=after)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cards:
    """The scorecards of a report.

    Attributes:
        told: Those that are in it.
        marks: Fingerprints of all that are told then as they are now.
        outcomes: How many each had when it was told, by name.
    """

    told: tuple[CardReport, ...]
    marks: frozenset[str]
    outcomes: dict[str, int]


def _cards(
    past: Past, state: ReportState, *, lost: int, host: Sender, now: datetime
) -> _Cards:
    """Return the scorecards that are news, and may be told."""
    cards = _recent(past, now=now)
    # What was given up or refused may have been the last word on a card.
    sent = state.cards if lost == state.lost else frozenset()
    told = {
        mark: card
        for mark, card in cards.items()
        if mark not in sent
        and state.may_tell(card, sharing=host.sharing, today=now.date())
    }
    marks = frozenset(mark for mark in cards if mark in sent or mark in told)
    outcomes = {
        name: card.counts.resolved if mark in marks else state.outcomes.get(name, 0)
        for mark, card in cards.items()
        for name in [name_of(card)]
    }
    return _Cards(told=tuple(told.values()), marks=marks, outcomes=outcomes)


def _recent(past: Past, *, now: datetime) -> dict[str, CardReport]:
    """Return the scorecards that may yet change, by fingerprint.

    One that central would refuse is left out: the whole report would be refused.
    """
    since = (now - timedelta(days=CARD_DAYS)).date()
    cards = (
        CardReport.of(
            card, task=key.task, digest=key.digest, role=key.role, day=key.day
        )
        for key, card in past.cards(since=since).items()
    )
    return {fingerprint(card): card for card in cards if is_sound(card)}


def _health(
    past: Past, state: ReportState, *, size: SpoolSize, host: Sender, now: datetime
) -> Health:
    """Return how the host does."""
    return Health(
        resources=host.resources,
        gaps=worst_gaps(past.missing(since=state.end or now - _DAY)),
        spool=SpoolHealth(
            waiting=size.waiting,
            waiting_bytes=size.waiting_bytes,
            aside=size.aside,
            dropped=size.dropped,
        ),
        trust=trust_health(past.trust(), refusals=past.refusals()),
    )
