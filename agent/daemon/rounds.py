"""The courier's rounds: when it goes next, by how it came back."""

from collections.abc import Callable
from typing import Final, Protocol

from agent.core.pace import Round, update_wait_s

# 3: it was done, and there is something to read about it.
_GOOD: Final = frozenset({0, 3})


class Pace(Protocol):
    """A rule of when to go next, as `agent/core/pace.py` has them."""

    def __call__(self, last: Round, *, draw: float) -> float:
        """Return the seconds until then."""
        ...


class Rounds:
    """Counts how the courier comes back.

    Args:
        draw: Returns a number between 0 and 1, each as likely; anew for each call.
        pace: When it goes next.
    """

    def __init__(
        self, draw: Callable[[], float], *, pace: Pace = update_wait_s
    ) -> None:
        self._draw = draw
        self._pace = pace
        self._failures = 0
        self._after_s = 0.0
        self._has_backlog = False
        self._is_first = True
        self._told: int | str | None = None

    def ended(
        self, how: int | str, *, after_s: float = 0.0, has_backlog: bool = False
    ) -> bool:
        """Count a round; return whether it ended badly, and not as the last one did.

        Args:
            how: Its exit status, or why it did not begin.
            after_s: How long it was asked to wait.
            has_backlog: Whether there was more to do than a round may.
        """
        is_good = how in _GOOD
        self._is_first = False
        self._after_s, self._has_backlog = after_s, has_backlog
        self._failures = 0 if is_good else self._failures + 1
        before, self._told = self._told, None if is_good else how
        return self._told not in (None, before)

    def wait_s(self, every_s: float) -> float:
        """Return the seconds until the next round, which is due each `every_s`."""
        last = Round(
            every_s=every_s,
            failures=self._failures,
            after_s=self._after_s,
            has_backlog=self._has_backlog,
            is_first=self._is_first,
        )
        return self._pace(last, draw=self._draw())
