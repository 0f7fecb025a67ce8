"""One tick, from the sample to the commit: the daemon's heartbeat, and the replay's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from agent.core.event import Event, EventName, Field
from agent.core.moment import Moment, Resolved, Void
from agent.core.sample import Sample
from agent.core.window import Window
from agent.errors import StateError
from agent.flows.cards import Cards
from agent.flows.crew import Crew
from agent.flows.loading import Loading
from agent.flows.task import LiveTask
from agent.ports import Host, Ledger, Models, Standing, TickRecord, Voucher

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
        voucher: Voucher,
        interval_s: float,
        origin_s: float = 0.0,
        commit_every_s: float,
        is_allowed: Callable[[str], bool],
    ) -> None:
        self.tasks: dict[str, LiveTask] = {}
        self._host = host
        self._ledger = ledger
        new_window = partial(Window, interval_s=interval_s, origin_s=origin_s)
        self._crew = Crew(
            ledger=ledger,
            loading=Loading(models=models, voucher=voucher),
            new_window=new_window,
            is_allowed=is_allowed,
        )
        self._commit_every = timedelta(seconds=commit_every_s)
        self._window = new_window(span_s=0)
        self._cards = Cards(ledger)
        self._next_id = ledger.next_moment_id()
        # Whether the ledger is to be looked at again.
        self._is_stale = False
        # False: an error has left a tick half done.
        self._is_whole = True
        self._failing: set[tuple[str, str]] = set()
        self._noted: list[Event] = []
        self._cannot_commit = False
        self._heard: set[tuple[str, str]] = set()
        self._committed_at: datetime | None = None

    def tick(self, now: datetime) -> TickResult:
        """Live through one instant.

        A failing collector is a gap, a failing model leaves the baseline speaking, a
        failing disk holds the ticks back; each is an event, once, and no exception.

        Raises:
            StateError: The ledger cannot be read. After this as after any other error
                the tick has left no trace, and the next one starts anew from the
                ledger.
        """
        sample = self._host.sample(now)
        result = self._lived_through(sample, now=now)
        self._count(result.resolved, now)
        noted, self._noted = self._noted, []
        self._ledger.add(
            TickRecord(
                sample=sample,
                moments=result.moments,
                resolved=result.resolved,
                events=[*noted, *result.events],
            )
        )
        self._is_whole = True
        failed = self._commit(now) if noted or self._is_commit_due(result) else []
        return replace(result, events=[*result.events, *failed])

    def note(self, event: Event) -> None:
        """Keep an event from outside, with the next tick."""
        self._noted.append(event)

    @property
    def cannot_commit(self) -> bool:
        """Whether the last commit failed: what is held back exists nowhere else."""
        return self._cannot_commit

    def close(self, now: datetime) -> list[Event]:
        """Commit what is held back; return what went wrong."""
        return self._commit(now)

    def _lived_through(self, sample: Sample, *, now: datetime) -> TickResult:
        resolved, events = self._line_up(now)
        self._is_whole = False
        voided, warning = self._clock_checked(sample, now)
        resolved += voided + self._take_in(sample, now=now)
        moments = self._score(now)
        return TickResult(
            at=now,
            moments=moments,
            resolved=resolved,
            events=[*events, *warning, *self._health(sample, now)],
            open=sum(task.open_count for task in self.tasks.values()),
        )

    def _line_up(self, now: datetime) -> tuple[list[Resolved], list[Event]]:
        """Start anew from the ledger if another process has written to it.

        So it does a minute after nobody could vouch for a release.
        A restart and a changed line-up are one and the same path: what is held back is
        committed, then window, tasks and open moments are read from the ledger. Moments
        that came due meanwhile are resolved where the samples allow. As long as that
        commit fails the old line-up goes on: the ledger does not hold what is known.
        """
        has_changed = self._ledger.has_changed() or self._crew.is_due(now)
        self._is_stale |= has_changed or not self._is_whole
        if not self._is_stale:
            return [], []
        if not self._is_whole:
            # Some of what the broken tick resolved may be counted, and is not kept.
            self._cards = Cards(self._ledger)
        if self._committed_at is not None:
            failed = self._commit(now)
            if self._cannot_commit:
                return [], failed
        self._is_whole = False
        muster = self._crew.muster(now=now)
        self._window, self.tasks = muster.window, muster.tasks
        resolved = list(muster.strays)
        for sample in muster.samples:
            resolved += self._take_in(sample, now=now)
        self._is_stale = False
        return resolved, list(muster.events)

    def _clock_checked(
        self, sample: Sample, now: datetime
    ) -> tuple[list[Resolved], list[Event]]:
        """Give up all moments if the clock went back.

        What was measured under another clock tells nothing of them, and must not come
        back into the window when it is filled again.
        """
        newest, slot = self._window.slot, self._window.slot_of(sample.at)
        if newest is None or slot >= newest:
            return [], []
        back_s = (newest - slot) * self._window.interval_s
        kept_s = self._window.capacity * self._window.interval_s
        self._commit(now)
        self._ledger.forget_samples(since=sample.at - timedelta(seconds=kept_s))
        voided: list[Resolved] = []
        for task in self.tasks.values():
            voided += task.void_all(Void.CLOCK, now)
        went_back = EventName.CLOCK_WENT_BACK
        return voided, [Event(at=now, name=went_back, fields={"back_s": back_s})]

    def _take_in(self, sample: Sample, *, now: datetime) -> list[Resolved]:
        """Put a sample on the grid and resolve what came due up to it.

        Moments that were due at a slot without a sample are read as of that slot, so
        that a gap in the middle does not change what is known of them.
        """
        slot = self._window.slot_of(sample.at)
        resolved: list[Resolved] = []
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
        return [each for task in self.tasks.values() for each in task.resolve(now)]

    def _count(self, resolved: Sequence[Resolved], now: datetime) -> None:
        for each in resolved:
            task = self.tasks.get(each.moment.task)
            if task is None:
                self._cards.count_void(each, now=now)
            else:
                self._cards.count(each, leading=task.manifest, now=now)

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

    def _is_commit_due(self, result: TickResult) -> bool:
        """Whether this tick must be on disk at once, or the last commit is long ago.

        At once: the first tick of a run, whatever is an event, and what a newcomer
        waits for: a task's first prediction and first outcome of this run.
        """
        heard = {("moment", moment.task) for moment in result.moments}
        heard |= {("outcome", each.moment.task) for each in result.resolved}
        is_news = bool(heard - self._heard)
        self._heard |= heard
        if self._committed_at is None or result.events or is_news:
            return True
        return result.at - self._committed_at >= self._commit_every

    def _commit(self, now: datetime) -> list[Event]:
        """Write everything up to now; return what went wrong, once."""
        # A task that stopped half way has learnt from what is not counted.
        tasks = self.tasks if self._is_whole else {}
        standing = Standing(
            cards=self._cards.changed(),
            memories={name: task.memory() for name, task in tasks.items()},
        )
        self._committed_at = now
        try:
            self._ledger.commit(standing)
        except StateError as error:
            is_news, self._cannot_commit = not self._cannot_commit, True
            fields = {"reason": str(error)}
            failed = Event(at=now, name=EventName.COMMIT_FAILED, fields=fields)
            return [failed] if is_news else []
        self._cards.settle(now.date())
        if not self._cannot_commit:
            return []
        self._cannot_commit = False
        given_up: dict[str, Field] = {"given_up_ticks": self._ledger.dropped_ticks}
        recovered = Event(at=now, name=EventName.COMMIT_RECOVERED, fields=given_up)
        self.note(recovered)
        return [recovered]
