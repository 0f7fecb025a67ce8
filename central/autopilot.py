"""When the autopilot looks: at once, then every so often until it is to end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Final

from central.flows.autopilot import Looked, look_around
from central.wiring.autopilot import alone, cockpit, every_s
from central.wiring.repository import present

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def run(
    folder: Path, *, tell: Callable[[Looked], None], ended: Event, is_once: bool
) -> None:
    """Look at every task, again and again; return when `ended` is set.

    A look is not broken off: a retraining goes on to its end. A process that is killed
    all the same loses nothing; the next one goes on where it was.

    Args:
        folder: Central's.
        tell: Is given what came of each look.
        ended: Set it, and no further look begins.
        is_once: Look once only.

    Raises:
        UnavailableError: Another process is the autopilot of this folder.
        ForewarnError: Before the first look.
    """
    with alone(folder):
        while not ended.is_set():
            with cockpit(folder) as everything:
                for looked in look_around(everything, now=present()):
                    tell(looked)
            if is_once:
                return
            ended.wait(every_s(folder))


@contextmanager
def ended_by_signals() -> Iterator[Event]:
    """Yield an event that SIGTERM and SIGINT set."""
    ended = Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    before = {each: signal.signal(each, end) for each in _SIGNALS}
    try:
        yield ended
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
