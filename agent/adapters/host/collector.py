"""What a collector is: the one thing `host.py` asks of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

GAP = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a collector read at one instant.

    Attributes:
        layout: Canonical spelling of each series; the same object as long as the
            devices stay the same.
        values: One a series; NaN marks a gap.
        failure: Why a part of it could not be read; empty if all could.
    """

    layout: tuple[str, ...]
    values: Sequence[float]
    failure: str = ""


class Collector(Protocol):
    """Reads some metrics.

    Built once. Its constructor raises OSError where this host lacks what it reads,
    which is normal: then there is no such collector.
    """

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return what is read now.

        Args:
            now: Decides only whether a list of devices is due again.
            uptime_s: Seconds since boot, by which rates are measured; NaN if unknown.

        Raises:
            OSError, ValueError, LookupError, ArithmeticError, psutil.Error: Nothing
                could be read; the next call tries again.
        """
        ...

    def close(self) -> None:
        """Let go of what is kept open."""
        ...


def is_due(now: datetime, *, last: datetime | None, every_s: float) -> bool:
    """Return whether something rare is due; also after the clock was set back."""
    return last is None or abs((now - last).total_seconds()) >= every_s
