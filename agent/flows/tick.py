"""One tick, from the sample to the commit: the daemon's heartbeat, and the replay's."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from agent.core.event import Event, EventName
from agent.core.moment import Moment, Resolved, Void
from agent.core.policy import Policy
from agent.core.rollup import SAMPLES_S
from agent.core.sample import Sample
from agent.core.window import Window
from agent.flows.cards import Cards
from agent.flows.commits import Commits
from agent.flows.crew import Crew
from agent.flows.health import Health
from agent.flows.intake import take_in
from agent.flows.judging import Judging
from agent.flows.label import Labelled, label
from agent.flows.loading import Loading
from agent.flows.operate import carry_out
from agent.flows.task import LiveTask
from agent.ports import (
    EvidenceFolder,
    Host,
    Ledger,
    Models,
    Standing,
    TickRecord,
    Voucher,
)


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

    Args:
        is_alone: Whether nobody else writes to the ledger without calling `look`. Else
            it is asked at each tick, which is a good part of a quiet one.

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
        policy: Policy,
        evidence: EvidenceFolder,
        is_alone: bool = False,
    ) -> None:
        self.tasks: dict[str, LiveTask] = {}
        self._host = host
        self._ledger = ledger
        self._is_alone = is_alone
        new_window = partial(Window, interval_s=interval_s, origin_s=origin_s)
        self._crew = Crew(
            ledger=ledger,
            loading=Loading(models=models, voucher=voucher),
            new_window=new_window,
            is_allowed=is_allowed,
            policy=policy,
        )
        self._judging = Judging(evidence)
        self._commits = Commits(ledger, every_s=commit_every_s)
        self._window = new_window(span_s=0)
        self._cards = Cards(ledger)
        self._next_id = ledger.next_moment_id()
        # Whether the ledger is to be looked at again.
        self._is_stale = True
        # False: an error has left a tick half done.
        self._is_whole = True
        self._health = Health()
        self._labelled = Labelled()
        # What commits have brought about; it is recorded already.
        self._told: list[Event] = []

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
        noted, self._commits.noted = self._commits.noted, []
        self._ledger.add(
            TickRecord(
                sample=sample,
                moments=result.moments,
                resolved=result.resolved,
                events=[*noted, *result.events],
                evidence=[p for t in self.tasks.values() for p in t.court.points()],
                rollups=self._crew.rolled.taken(),
            )
        )
        self._is_whole = True
        is_due = self._commits.is_due(
            now,
            moments=result.moments,
            resolved=result.resolved,
            is_news=bool(noted or result.events or self._labelled.answers),
        )
        told, self._told = self._told, []
        came = self._commit(now) if is_due else []
        if not told and not came:
            return result
        return replace(result, events=[*result.events, *told, *came])

    def look(self) -> None:
        """Look at the ledger again with the next tick: somebody has written to it."""
        self._is_stale = True

    def note(self, event: Event) -> None:
        """Keep an event from outside, with the next tick."""
        self._commits.noted.append(event)

    @property
    def cannot_commit(self) -> bool:
        """Whether the last commit failed: what is held back exists nowhere else."""
        return self._commits.cannot_commit

    def close(self, now: datetime) -> list[Event]:
        """Commit what is held back; return what went wrong."""
        return self._commit(now)

    def _lived_through(self, sample: Sample, *, now: datetime) -> TickResult:
        resolved, events = self._line_up(now)
        self._is_whole = False
        voided, warning = self._clock_checked(sample, now)
        resolved += voided + self._take_in(sample, now=now)
        judged = self._judge(self.tasks.values(), now)
        moments = self._score(now)
        # What scoring itself has shown needs no outcome, and is not left to memory.
        scored = [self.tasks[name] for name in {each.task: None for each in moments}]
        judged += self._judge([task for task in scored if task.faults], now)
        return TickResult(
            at=now,
            moments=moments,
            resolved=resolved,
            events=[
                *events,
                *warning,
                *judged,
                *self._health.news(sample, self.tasks.values(), now=now),
            ],
            open=sum(len(task.waiting) for task in self.tasks.values()),
        )

    def _line_up(self, now: datetime) -> tuple[list[Resolved], list[Event]]:
        """Start anew from the ledger if another process has written to it.

        So it does a minute after nobody could vouch for a release.
        A restart and a changed line-up are one and the same path: what is held back is
        committed, then window, tasks and open moments are read from the ledger. Moments
        that came due meanwhile are resolved where the samples allow. As long as that
        commit fails the old line-up goes on: the ledger does not hold what is known.
        """
        has_changed = not self._is_alone and self._ledger.has_changed()
        self._is_stale |= has_changed or self._crew.is_due(now) or not self._is_whole
        if not self._is_stale:
            return [], []
        if not self._is_whole:
            # Some of what the broken tick resolved may be counted, and is not kept.
            self._cards = Cards(self._ledger)
            self._labelled = Labelled()
        if self._commits.has_begun:
            self._told += self._commit(now)
            if self.cannot_commit:
                return [], []
        self._is_whole = False
        labels = carry_out(self._ledger, write=self._written, now=now)
        muster = self._crew.muster(now=now)
        self._window, self.tasks = muster.window, muster.tasks
        resolved = list(muster.strays)
        for sample in muster.samples:
            resolved += self._take_in(sample, now=now)
        self._labelled = label(
            labels, tasks=self.tasks, ledger=self._ledger, cards=self._cards, now=now
        )
        # What could not be written keeps later requests from being carried out.
        self._is_stale = self.cannot_commit
        events = [*muster.events, *self._labelled.events]
        return [*resolved, *self._labelled.resolved], events

    def _judge(self, tasks: Iterable[LiveTask], now: datetime) -> list[Event]:
        """Decide on releases; what is decided comes to pass with the next commit."""
        turning = self._commits.turning
        asked = [t for t in tasks if t.court.has_news and t.name not in turning]
        judged = self._judging.judge(asked, now=now)
        self._commits.decide(judged.turns)
        return judged.events

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
        # Days of samples a minute apart stay, as roll-ups of closer ones do.
        kept_s = min(self._window.capacity * self._window.interval_s, SAMPLES_S)
        self._commit(now)
        self._ledger.forget_samples(since=sample.at - timedelta(seconds=kept_s))
        self._is_stale = True  # the days before it come back with a muster
        voided: list[Resolved] = []
        for task in self.tasks.values():
            voided += task.void_all(Void.CLOCK, now)
        went_back = EventName.CLOCK_WENT_BACK
        return voided, [Event(at=now, name=went_back, fields={"back_s": back_s})]

    def _take_in(self, sample: Sample, *, now: datetime) -> list[Resolved]:
        tasks = self.tasks.values()
        return take_in(sample, window=self._window, tasks=tasks, now=now)

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

    def _commit(self, now: datetime) -> list[Event]:
        """Write everything up to now; return what came to pass or went wrong."""
        # A task that stopped half way has learnt from what is not counted.
        tasks = self.tasks if self._is_whole else {}
        labelled, self._labelled = self._labelled, Labelled()
        standing = Standing(
            cards=self._cards.changed(),
            memories={name: task.memory() for name, task in tasks.items()},
            answers=labelled.answers,
            corrections=labelled.corrections,
        )
        return self._write(standing, now)

    def _written(self, standing: Standing, now: datetime) -> bool:
        """Return whether what an operator asked for is on disk."""
        self._told += [*standing.events, *self._write(standing, now)]
        return not self.cannot_commit

    def _write(self, standing: Standing, now: datetime) -> list[Event]:
        came = self._commits.commit(standing, now=now)
        if not self.cannot_commit:
            self._cards.settle(now.date())
            # A turn has changed a line-up, or met one that had changed.
            self._is_stale |= bool(self._commits.turning)
            self._commits.turning.clear()
        return came
