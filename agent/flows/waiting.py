"""The moments of a task that wait for their outcome, the next due first."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from agent.core.moment import Moment
from agent.core.window import Window


class Waiting:
    """Open moments, in the order in which they come due."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._open: list[tuple[int, int, Moment]] = []

    def __len__(self) -> int:
        return len(self._open)

    @property
    def next_due(self) -> int | None:
        """Slot at which the next one is due, or None."""
        return self._open[0][0] if self._open else None

    @property
    def is_due(self) -> bool:
        """Whether one is due by the window's newest row."""
        slot = self._window.slot
        return bool(self._open) and slot is not None and self._open[0][0] <= slot

    def add(self, moment: Moment) -> None:
        """Let a moment wait."""
        heappush(self._open, (self._window.slot_of(moment.due_at), moment.id, moment))

    def due(self) -> Iterator[Moment]:
        """Yield every moment due by the window's newest row; it waits no longer."""
        while self.is_due:
            yield heappop(self._open)[2]

    def find(self, number: int) -> Moment | None:
        """Return the moment of this number, if it waits."""
        return next((m for _, n, m in self._open if n == number), None)

    def taken(self, wanted: Callable[[Moment], bool]) -> list[Moment]:
        """Return the moments that are wanted, in order; they wait no longer."""
        everyone, self._open = sorted(self._open), []
        found: list[Moment] = []
        for entry in everyone:  # what stays is ascending, and so a heap
            if wanted(entry[2]):
                found.append(entry[2])
            else:
                self._open.append(entry)
        return found
