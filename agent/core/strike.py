"""Strikes: what a release does wrong by itself, and how often it may."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Strike(StrEnum):
    """What is never the fault of gaps, restarts, network or disk."""

    UNLOADABLE = "unloadable"
    IMPOSSIBLE = "impossible"
    RAISED = "raised"
    SLOW = "slow"


# How often in a row ends a release's work. An answer that cannot be, as NaN, is wrong
# at once; an error or a long time may once come from a host that is out of breath.
STRIKES: Final[Mapping[Strike, int]] = {
    Strike.UNLOADABLE: 1,
    Strike.IMPOSSIBLE: 1,
    Strike.RAISED: 3,
    Strike.SLOW: 10,
}


class Tally:
    """Counts the strikes of one release.

    Attributes:
        fault: Why its work must end; None: it may go on.
    """

    def __init__(self) -> None:
        self.fault: str | None = None
        self._last: Strike | None = None
        self._count = 0

    def add(self, strike: Strike | None, *, reason: str = "") -> None:
        """Count one scoring.

        Args:
            strike: What it did wrong; None: nothing.
            reason: In words.
        """
        self._count = self._count + 1 if strike is self._last else 1
        self._last = strike
        if strike is None or self.fault is not None:
            return
        limit = STRIKES[strike]
        if self._count >= limit:
            often = f", {limit} times in a row" if limit > 1 else ""
            self.fault = f"{reason}{often}"
