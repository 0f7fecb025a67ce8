"""An end to whatever takes too long, wherever it waits."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from agent.errors import UnavailableError


class _OverError(BaseException):
    """The time is over; not for those who mend what goes wrong on the way."""


@contextmanager
def limited(limit_s: float, *, what: str, again: str = "update") -> Iterator[None]:
    """End the block after a time; for the main thread of a short-lived process.

    A fetcher has limits of its own, but looks at its watch only when a piece of a body
    has come: a server could drip a head or a handshake for ever.

    Raises:
        UnavailableError: The time was over.
    """

    def end(*_: object) -> None:
        raise _OverError

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    except _OverError:
        raise UnavailableError(
            f"{what} was not over after {limit_s:g} s; tried again at the next {again}"
        ) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
