"""What the server does beside answering, each now and then, in one thread."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

_LOG: Final = logging.getLogger("forewarn.central")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Something to be done now and then.

    Attributes:
        name: In the log, where it goes wrong.
        every_s: Between two of them, from end to begin; the first is after one beat.
        do: Does it.
    """

    name: str
    every_s: float
    do: Callable[[], object]


class Chores:
    """Does chores until it is closed; one that goes wrong is tried again in its time.

    Args:
        chores: What is to be done.
        clock_s: Seconds that only ever grow.
        beat_s: How often it looks for what is due.
    """

    def __init__(
        self,
        chores: Sequence[Chore],
        *,
        clock_s: Callable[[], float],
        beat_s: float = 1.0,
    ) -> None:
        self._due_s = dict.fromkeys(chores, clock_s() + beat_s)
        self._beat_s = beat_s
        self._clock_s = clock_s
        self._ending = Event()
        self._thread = Thread(target=self._work, name="chores")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Begin no other chore."""
        self._ending.set()

    def close(self) -> None:
        """Wait for the chore that is being done, and end."""
        self.end()
        self._thread.join()

    def _work(self) -> None:
        while not self._ending.wait(self._beat_s):
            for chore, due_s in self._due_s.items():
                if due_s <= self._clock_s() and not self._ending.is_set():
                    _done(chore)
                    self._due_s[chore] = self._clock_s() + chore.every_s


def _done(chore: Chore) -> None:
    try:
        chore.do()
    except Exception as error:  # noqa: BLE001 - the other chores go on
        kind = type(error).__name__
        _LOG.error('chore_failed name=%s error="%s: %s"', chore.name, kind, error)
