"""How long to wait before another try, so that many hosts do not try together."""

from math import sqrt
from typing import Final

# A try is a process: less than a second apart helps nobody.
_LEAST_S: Final = 1.0
_MOST_DOUBLINGS: Final = 30
_JITTER: Final = 0.1


def delay_s(failures: int, *, base_s: float, cap_s: float, draw: float) -> float:
    """Return the seconds to wait after so many failures in a row.

    Anything up to `base_s * 2**failures`, but at most `cap_s`, is as likely: "full
    jitter". Hosts that failed together come back spread over the whole span.

    Args:
        failures: At least 1.
        base_s: Half of the longest wait after the first failure.
        cap_s: The longest wait after any number of failures.
        draw: Drawn from 0..1, each number as likely.

    Source:
        M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    longest_s = min(cap_s, base_s * 2.0 ** min(failures, _MOST_DOUBLINGS))
    return max(_LEAST_S, draw * longest_s)


def beat_s(every_s: float, *, draw: float) -> float:
    """Return the seconds until the next regular time, up to a tenth early.

    Hosts that were started together, or that a recovered server has answered together,
    drift apart.
    """
    return every_s * (1 - _JITTER * draw)


def rest_s(every_s: float, *, draw: float) -> float:
    """Return the seconds until the first of such times, for who begins in between.

    Drawn so that what many hosts do is spread evenly from the first second on: their
    beats have a history that nobody saw.

    Source:
        The stationary excess distribution of a renewal process, for intervals even
        between 0.9 and 1: D. R. Cox, "Renewal Theory" (1962), section 5.
    """
    mean = 1 - _JITTER / 2
    if draw * mean <= 1 - _JITTER:
        return max(_LEAST_S, every_s * draw * mean)
    left = (1 - draw) * mean
    return every_s * (1 - sqrt(2 * _JITTER * left))
