"""The one writer: many reports, one transaction, and an answer once it is on disk.

A commit waits for the disk, so reports that arrive during one share the next. Under
load each transaction holds what came during the one before; a single report waits for
nobody.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition, Thread
from typing import Final

from central.core.answer import Answer
from central.ports.fleet import Arrival

Stored = Callable[[Sequence[Arrival]], Sequence[Answer]]
# Beyond that a commit's wait is shared by so many that it does not matter any more.
_MOST: Final = 64


class Writer:
    """Stores what it is given, in the order in which it came, from a thread of its own.

    Args:
        store: Stores reports in one transaction and returns the answer to each.
    """

    def __init__(self, store: Stored) -> None:
        self._store = store
        self._waiting = deque[tuple[Arrival, Future[Answer]]]()
        self._changed = Condition()
        self._is_ending = False
        self._thread = Thread(target=self._work, name="writer")

    def start(self) -> None:
        """Begin to store."""
        self._thread.start()

    def close(self) -> None:
        """Store what waits, and end."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()
        self._thread.join()

    def put(self, arrival: Arrival) -> Future[Answer]:
        """Return what will be the answer, once the report is durable or refused."""
        future = Future[Answer]()
        with self._changed:
            self._waiting.append((arrival, future))
            self._changed.notify()
        return future

    def _work(self) -> None:
        while group := self._next():
            # Whose answer nobody waits for any more comes again.
            wanted = [each for each in group if each[1].set_running_or_notify_cancel()]
            if wanted:
                self._answer(wanted)
            # Not held while nothing comes: it may be a hundred megabytes.
            del group, wanted

    def _answer(self, group: Sequence[tuple[Arrival, Future[Answer]]]) -> None:
        try:
            answers = self._store([arrival for arrival, _ in group])
        except Exception as error:  # noqa: BLE001 - the next group goes on
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            future.set_result(answer)

    def _next(self) -> list[tuple[Arrival, Future[Answer]]]:
        """Wait for reports; return some, or none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_ending)
            count = min(_MOST, len(self._waiting))
            return [self._waiting.popleft() for _ in range(count)]
