"""One tick, from the sample to the commit: the daemon's heartbeat, and the replay's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from agent.core.event import Event, EventName
from agent.core.moment import Moment, Outcome, OutcomeKind, Resolved, Void
from agent.core.sample import Sample
from agent.core.window import Window
from agent.errors import StateError
from agent.flows.cards import Cards
from agent.flows.crew import Crew
from agent.flows.task import LiveTask
from agent.ports import Host, Ledger, Models, Standing, TickRecord

_FAILED = {
    "collector": EventName.COLLECTOR_FAILED,
    "release": EventName.SCORING_FAILED,
}
_RECOVERED = {
    "collector": EventName.COLLECTOR_RECOVERED,
    "release": EventName.SCORING_RECOVERED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TickResult:
    """What one tick came to.

    Attributes:
        at: Its instant.
        moments: What was predicted.
        resolved: What came due, with its outcome.
        events: What else came to pass.
        open: How many moments now wait for their outcome.
    """

    at: datetime
    moments: Sequence[Moment]
    resolved: Sequence[Resolved]
    events: Sequence[Event]
    open: int


class Ticker:
    """Everything that a tick works on; `tick` is its one verb.

    Attributes:
        tasks: The tasks at work on this host, by name.
    """

    def __init__(
        self,
        *,
        host: Host,
        ledger: Ledger,
        models: Models,
        interval_s: float,
        origin_s: float = 0.0,
        commit_every_s: float,
        is_allowed: Callable[[str], bool],
    ) -> None:
        self.tasks: dict[str, LiveTask] = {}
        self._host = host
        self._ledger = ledger
        self._crew = Crew(ledger=ledger, models=models, is_allowed=is_allowed)
        self._new_window = partial(Window, interval_s=interval_s, origin_s=origin_s)
        self._commit_every = timedelta(seconds=commit_every_s)
        self._window = self._new_window(span_s=0)
        self._cards = Cards({})
        self._next_id = ledger.next_moment_id()
        self._failing: set[tuple[str, str]] = set()
        self._cannot_commit = False
        self._heard: set[tuple[str, str]] = set()
        self._committed_at: datetime | None = None

    def tick(self, now: datetime) -> TickResult:
        """Live through one instant.

        A failing collector is a gap, a failing model leaves the baseline speaking, a
        failing disk holds the ticks back; each is an event, once, and no exception.
        """
        resolved, events = self._line_up(now)
        sample = self._host.sample(now)
        resolved += self._take_in(sample, now=now)
        moments = self._score(now)
        events += self._health(sample, now)
        self._ledger.add(
            TickRecord(sample=sample, moments=moments, resolved=resolved, events=events)
        )
        if self._is_commit_due(now, moments=moments, resolved=resolved, events=events):
            events = [*events, *self._commit(now)]
        return TickResult(
            at=now,
            moments=moments,
            resolved=resolved,
            events=events,
            open=sum(task.open_count for task in self.tasks.values()),
        )

    def close(self, now: datetime) -> list[Event]:
        """Commit what is held back; return what went wrong."""
        return self._commit(now)

    def _line_up(self, now: datetime) -> tuple[list[Resolved], list[Event]]:
        """Start anew from the ledger if another process has written to it.

        A restart and a changed line-up are one and the same path: what is held back is
        committed, then window, tasks, open moments and cards are read from the ledger.
        Moments that came due meanwhile are resolved where the samples allow.
        """
        if not self._ledger.has_changed():
            return [], []
        if self._committed_at is not None:
            self._commit(now)
        muster = self._crew.muster(self._new_window, now=now)
        self._window, self.tasks = muster.window, muster.tasks
        self._cards = Cards(self._ledger.cards(day=now.date()))
        resolved = [_void(moment, Void.RETIRED, now) for moment in muster.strays]
        for sample in muster.samples:
            resolved += self._take_in(sample, now=now)
        return resolved, muster.events

    def _take_in(self, sample: Sample, *, now: datetime) -> list[Resolved]:
        """Put a sample on the grid and resolve what came due up to it.

        Moments that were due at a slot without a sample are read as of that slot, so
        that a gap in the middle does not change what is known of them.
        """
        slot = self._window.slot_of(sample.at)
        resolved: list[Resolved] = []
        if self._window.slot is not None and slot < self._window.slot:
            # Measured under another clock: neither the window nor a moment can stay.
            for task in self.tasks.values():
                resolved += task.void_all(Void.CLOCK, now)
        self._window.note_boot(sample)
        while (due := self._next_due()) is not None and due < slot:
            self._window.advance(due)
            resolved += self._resolve(now)
        self._window.append(sample)
        return resolved + self._resolve(now)

    def _next_due(self) -> int | None:
        dues = (task.next_due for task in self.tasks.values())
        return min((due for due in dues if due is not None), default=None)

    def _resolve(self, now: datetime) -> list[Resolved]:
        found: list[Resolved] = []
        for task in self.tasks.values():
            for resolved in task.resolve(now):
                self._cards.count(resolved, manifest=task.manifest, now=now)
                found.append(resolved)
        return found

    def _score(self, now: datetime) -> list[Moment]:
        moments: list[Moment] = []
        for task in self.tasks.values():
            moments += task.score(now, next_id=self._next_id + len(moments))
        self._next_id += len(moments)
        return moments

    def _health(self, sample: Sample, now: datetime) -> list[Event]:
        """Return what began to fail and what works again, each once."""
        failing = {("collector", name): why for name, why in sample.failures.items()}
        for task in self.tasks.values():
            for live in task.releases:
                if live.failure is not None:
                    failing["release", live.release.digest[:12]] = live.failure
        return self._changed_health(failing, now)

    def _changed_health(
        self, failing: Mapping[tuple[str, str], str], now: datetime
    ) -> list[Event]:
        events = [
            Event(at=now, name=_FAILED[kind], fields={kind: who, "reason": why})
            for (kind, who), why in failing.items()
            if (kind, who) not in self._failing
        ]
        events += [
            Event(at=now, name=_RECOVERED[kind], fields={kind: who})
            for kind, who in self._failing
            if (kind, who) not in failing
        ]
        self._failing = set(failing)
        return events

    def _is_commit_due(
        self,
        now: datetime,
        *,
        moments: Sequence[Moment],
        resolved: Sequence[Resolved],
        events: Sequence[Event],
    ) -> bool:
        """Whether this tick must be on disk at once, or the last commit is long ago.

        At once: the first tick of a run, whatever is an event, and what a newcomer
        waits for: a task's first prediction and first outcome of this run.
        """
        heard = {("moment", moment.task) for moment in moments}
        heard |= {("outcome", r.moment.task) for r in resolved}
        is_news = bool(heard - self._heard)
        self._heard |= heard
        if self._committed_at is None or events or is_news:
            return True
        return now - self._committed_at >= self._commit_every

    def _commit(self, now: datetime) -> list[Event]:
        """Write everything up to now; return what went wrong, once."""
        standing = Standing(
            cards=self._cards.changed(),
            memories={name: task.memory() for name, task in self.tasks.items()},
        )
        self._committed_at = now
        try:
            self._ledger.commit(standing)
        except StateError as error:
            is_news, self._cannot_commit = not self._cannot_commit, True
            fields = {"reason": str(error)}
            failed = Event(at=now, name=EventName.COMMIT_FAILED, fields=fields)
            return [failed] if is_news else []
        self._cannot_commit = False
        self._cards.settle(now.date())
        return []


def _void(moment: Moment, reason: Void, now: datetime) -> Resolved:
    outcome = Outcome(kind=OutcomeKind.VOID, resolved_at=now, void=reason)
    return Resolved(moment=moment, outcome=outcome)
