"""The courier's rounds: when it goes next, by how it came back."""

from collections.abc import Callable
from typing import Final

from agent.core.backoff import beat_s, delay_s

# 3: it was done, and there is something to read about it.
_GOOD: Final = frozenset({0, 3})
_BASE_S: Final = 60.0
_HOUR_S: Final = 3600.0


class Rounds:
    """Counts how the courier comes back.

    After a good round the next one comes when it is due; after bad ones at a time that
    is drawn from ever longer spans, an hour at the longest, or what is configured.

    Args:
        draw: Returns a number between 0 and 1, each as likely; anew for each call.
    """

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._failures = 0
        self._told: int | str | None = None

    def ended(self, how: int | str) -> bool:
        """Count a round; return whether it ended badly, and not as the last one did.

        Args:
            how: Its exit status, or why it did not begin.
        """
        is_good = how in _GOOD
        self._failures = 0 if is_good else self._failures + 1
        before, self._told = self._told, None if is_good else how
        return self._told not in (None, before)

    def wait_s(self, every_s: float) -> float:
        """Return the seconds until the next round, which is due each `every_s`."""
        draw = self._draw()
        if not self._failures:
            return beat_s(every_s, draw=draw)
        longest_s = max(every_s, _HOUR_S)
        return delay_s(self._failures, base_s=_BASE_S, cap_s=longest_s, draw=draw)
