"""The daemon's one thread: what is due is run, and in between it waits for a signal."""

import os
import select
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.base import BaseScheduler

_MANY = 4096


class MainThreadScheduler(BaseScheduler):  # type: ignore[misc]
    """A scheduler that runs its jobs one after another in the thread that waits.

    APScheduler's own blocking scheduler hands them to a second thread, which costs its
    own heap and would make the SQLite connection's owner somebody else's business.
    """

    def __init__(self) -> None:
        super().__init__(
            timezone=UTC,
            executors={"default": DebugExecutor()},
            job_defaults={
                "coalesce": True,
                "max_instances": 1,
                # A job that comes late is better than none, and the grid knows.
                "misfire_grace_time": None,
            },
        )

    def shutdown(self, wait: bool = True) -> None:
        """Forget all jobs; none is running when somebody can call this."""
        super().shutdown(wait)

    def wakeup(self) -> None:
        """Do nothing: who changes a job is the thread that looks at them next."""

    def run_due(self) -> float | None:
        """Run what is due; return the seconds until the next job, None for no job."""
        wait_s: float | None = self._process_jobs()
        return wait_s


class Signals:
    """Notes the signals that come, for the thread that waits for them.

    A handler of Python's runs between any two steps of the main thread, also while that
    holds the lock of a `threading.Event`: to set it there would wait for ever. So the
    handler only notes the number, and it is the interpreter that writes a byte to a
    pipe, whose other end is waited for.
    """

    def __init__(self, reading: int) -> None:
        self._reading = reading
        self._came: list[int] = []

    def note(self, number: int, _: object) -> None:
        """Note a signal; a running job ends first."""
        self._came.append(number)

    def wait(self, wait_s: float | None) -> None:
        """Return after `wait_s` seconds, or as soon as a signal has come."""
        if select.select([self._reading], [], [], wait_s)[0]:
            os.read(self._reading, _MANY)

    def taken(self) -> list[int]:
        """Return the signals that came since this was last asked."""
        came, self._came = self._came, []
        return came


@contextmanager
def heard(numbers: Sequence[signal.Signals]) -> Iterator[Signals]:
    """Yield what notes these signals; afterwards they do what they did before."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    signals = Signals(reading)
    before = {number: signal.signal(number, signals.note) for number in numbers}
    # A full pipe wakes as well as one byte does.
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)
