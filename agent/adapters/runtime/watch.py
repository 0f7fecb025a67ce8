"""The watch: ends a run that takes too much processor time, or else this process.

Processor time, not the clock on the wall: a host that swaps, is frozen or was asleep
must not be taken for a model that hangs.
"""

import queue
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

from agent.adapters.runtime.model import load_engine

# A thousand times what a model usually takes, and half a usual interval between ticks.
RUN_LIMIT_S: Final = 5.0
# More than any load or run that a trial lets pass.
KILL_LIMIT_S: Final = 30.0
_LEAST_WAIT_S: Final = 0.1


class Watch:
    """Limits one run at a time; costs nothing in between.

    A thread asks ONNX Runtime to give a run up, which it does at the next node. A node
    that never ends, or a load, is ended with the whole process by a timer of the
    kernel, whose signal SIGPROF nobody may catch or ignore.

    Args:
        run_limit_s: Processor time after which a run is given up.
        kill_limit_s: Processor time after which the process ends, rounded up to the
            kernel's tick.

    Attributes:
        has_given_up: Whether the last run was ended.
    """

    def __init__(
        self, *, run_limit_s: float = RUN_LIMIT_S, kill_limit_s: float = KILL_LIMIT_S
    ) -> None:
        self.has_given_up = False
        self.run_limit_s = run_limit_s
        self._kill_limit_s = kill_limit_s
        # True: a run began. False: it ended. None: nobody needs the thread any more.
        self._told: queue.SimpleQueue[bool | None] = queue.SimpleQueue()
        self._runs = 0
        self._changing = threading.Lock()
        self._thread: threading.Thread | None = None

    @cached_property
    def run_options(self) -> Any:  # noqa: ANN401 - untyped library
        """What a run must be given so that it can be ended."""
        return load_engine().RunOptions()

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Limit what runs in this context."""
        self._begin()
        signal.setitimer(signal.ITIMER_PROF, self._kill_limit_s)
        self._told.put(True)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self._told.put(False)

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._told.put(None)
            self._thread.join()
            self._thread = None

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        with self._changing:
            self._runs += 1
            self.has_given_up = False
            self.run_options.terminate = False

    def _watch(self) -> None:
        run = 0
        while self._told.get() is not None:
            run += 1
            self._watch_one(run)

    def _watch_one(self, run: int) -> None:
        ends_at_s = time.process_time() + self.run_limit_s
        while (left_s := ends_at_s - time.process_time()) > 0:
            try:
                self._told.get(timeout=max(left_s, _LEAST_WAIT_S))
            except queue.Empty:
                continue
            return
        with self._changing:
            # It may have ended this instant, and the next one have begun.
            if run == self._runs:
                self.has_given_up = self.run_options.terminate = True
        self._told.get()
