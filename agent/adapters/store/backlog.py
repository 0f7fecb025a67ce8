"""What waits for the next commit, and what is given up when none comes through."""

from collections import deque
from collections.abc import Iterator
from itertools import chain

from agent.core.event import Event
from agent.core.evidence import Evidence
from agent.core.moment import Moment, Outcome
from agent.core.request import Answer
from agent.core.rollup import RollUp
from agent.core.sample import Sample
from agent.core.scorecard import Scorecard
from agent.core.turn import Turn
from agent.ports import CardKey, Standing, TickRecord

MAX_TICKS = 2_000
_MAX_EVENTS = 1_000


class Backlog:
    """Ticks and standing since the last commit.

    Attributes:
        cards: The scorecards to write, each as it is now.
        memories: What each task remembers, to write.
        turns: What is to become of releases, in this order.
        answers: What came of requests.
        corrections: Outcomes to write over those there are, by the moment's number.
        dropped_ticks: Ticks that gave up their sample and moments.
    """

    def __init__(self) -> None:
        self.cards: dict[CardKey, Scorecard] = {}
        self.memories: dict[str, bytes] = {}
        self.turns: list[Turn] = []
        self.answers: list[Answer] = []
        self.corrections: dict[int, Outcome] = {}
        self.dropped_ticks = 0
        self._ticks: deque[TickRecord] = deque()
        self._is_blocked = False
        # What outlives a tick that was given up.
        self._events: deque[Event] = deque(maxlen=_MAX_EVENTS)
        self._outcomes: dict[int, Outcome] = {}
        self._lost_from: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        handed_over = self.turns or self.answers or self.corrections
        return not (self._ticks or self.cards or self.memories or handed_over)

    @property
    def described(self) -> str:
        """Say how much waits, and how much was given up."""
        lost = self.dropped_ticks
        tail = f" ({lost} older ones were given up)" if lost else ""
        return f"{len(self._ticks)} ticks{tail}"

    def add(self, record: TickRecord) -> None:
        """Hold back one tick more."""
        self._ticks.append(record)
        if self._is_blocked:
            self._shorten()

    def hold(self, standing: Standing) -> None:
        """Hold back what holds now; what was held before stays unless it is newer."""
        self.cards.update(standing.cards)
        self.memories.update(standing.memories)
        self.turns += standing.turns
        self.answers += standing.answers
        self._events.extend(standing.events)
        known = {each.moment.id: each.outcome for each in standing.corrections}
        self.corrections.update(known)

    def keep(self) -> None:
        """Take note that a commit did not come through: what waits is now bounded."""
        self._is_blocked = True
        self._shorten()

    def give_up_turns(self) -> None:
        """Drop the turns, one of which cannot be: the rest must not wait for ever."""
        self.turns.clear()

    def clear(self) -> None:
        """Forget what was written."""
        for told in (self._ticks, self._events, self.turns, self.answers):
            told.clear()
        for known in (self.cards, self.memories, self.corrections, self._outcomes):
            known.clear()
        self._lost_from = None
        self._is_blocked = False

    def samples(self) -> Iterator[Sample]:
        """Yield the samples, oldest first."""
        return (tick.sample for tick in self._ticks)

    def rollups(self) -> Iterator[RollUp]:
        """Yield the roll-ups, oldest first."""
        return chain.from_iterable(tick.rollups for tick in self._ticks)

    def moments(self) -> Iterator[Moment]:
        """Yield the moments, oldest first."""
        return chain.from_iterable(tick.moments for tick in self._ticks)

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """Yield each outcome with its moment's number; the moment may be lost."""
        resolved = chain.from_iterable(tick.resolved for tick in self._ticks)
        held = ((each.moment.id, each.outcome) for each in resolved)
        return chain(self._outcomes.items(), held)

    def events(self) -> Iterator[Event]:
        """Yield the events, oldest first."""
        held = chain.from_iterable(tick.events for tick in self._ticks)
        return chain(self._events, held)

    def evidence(self) -> Iterator[Evidence]:
        """Yield what the guard's tests had come to, oldest first."""
        return chain.from_iterable(tick.evidence for tick in self._ticks)

    def _shorten(self) -> None:
        while len(self._ticks) > MAX_TICKS:
            self._give_up(self._ticks.popleft())

    def _give_up(self, tick: TickRecord) -> None:
        """Drop what is big; keep the events, and outcomes of moments on disk.

        Those on disk are older than the first moment that was lost, so what is kept
        is bounded by how many were open when commits ceased to come through.
        """
        self.dropped_ticks += 1
        self._events.extend(tick.events)
        if tick.moments and self._lost_from is None:
            self._lost_from = tick.moments[0].id
        for each in tick.resolved:
            if self._lost_from is None or each.moment.id < self._lost_from:
                self._outcomes[each.moment.id] = each.outcome
