"""What was rolled up: into the ledger with its tick, out of it at a muster."""

from datetime import datetime, timedelta

from agent.core.expression import MAX_LOOKBACK_S
from agent.core.rollup import ROLLUP_S, RollUp
from agent.core.window import Window
from agent.ports import Ledger

_LONGEST = timedelta(seconds=MAX_LOOKBACK_S)
_LATER = timedelta(milliseconds=1)


class Rolled:
    """The minutes that are over and in no tick's record yet, and those in the ledger.

    A host whose ledger is older than roll-ups makes them of its samples, once.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._over: list[RollUp] = []

    def tell(self, rollup: RollUp) -> None:
        """Keep a minute that is over for the next record."""
        self._over.append(rollup)

    def taken(self) -> list[RollUp]:
        """Return the minutes that are over since this was last asked."""
        over, self._over = self._over, []
        return over

    def refill(self, window: Window, *, now: datetime) -> datetime:
        """Give an empty window the ledger's roll-ups; drop what is in no record.

        Returns:
            From when on there is none: samples must be lived through again from there.

        Raises:
            StateError: The ledger cannot be read or written.
        """
        self._over.clear()
        if window.minutes is None:
            return now
        # Of a later time than the present: the clock went back.
        self._ledger.forget_rollups(since=now + _LATER)
        until = self._ledger.rolled_until()
        back = timedelta(seconds=window.minutes.means.capacity * ROLLUP_S)
        stored = self._ledger.rollups(since=now - back)
        window.minutes.refill(stored, until=until)
        return now - _LONGEST if until is None else until
