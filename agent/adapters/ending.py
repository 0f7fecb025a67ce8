"""Waits for a while, or until a signal asks this process to end."""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def until_told() -> Iterator[Callable[[float], bool]]:
    """Yield what waits so many seconds and returns whether to go on.

    Until the end of the block a signal ends that waiting, now and ever after, and
    nothing else. One that this process ignores, as under `nohup`, stays ignored.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    heard = [n for n in _ENDING if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _note) for number in heard}
    # It is the interpreter that writes a byte at once: a handler of Python's would run
    # only after a wait that had just begun. Nobody reads it: told once is told.
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield lambda seconds: not select.select([reading], [], [], max(0.0, seconds))[0]
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def _note(number: int, _: object) -> None:
    """Do nothing: that it came stands in the pipe."""
