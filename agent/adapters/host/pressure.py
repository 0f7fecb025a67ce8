"""Pressure stall information: the share of time that tasks waited.

From the `total` counters, in microseconds, and not from the averages beside them: those
are smoothed over 10 s and more, and cannot be averaged again. `full` of the processor
is left out: for a whole host it means nothing (Linux, Documentation/accounting/psi).
"""

from datetime import datetime
from pathlib import Path

from agent.adapters.host.collector import Reading
from agent.adapters.host.filters import Filters
from agent.adapters.host.procfs import opened
from agent.adapters.host.rates import Rates, ratio
from agent.core.series import series

_LINES = (
    ("cpu", "some"),
    ("memory", "some"),
    ("memory", "full"),
    ("io", "some"),
    ("io", "full"),
)
_RESOURCES = ("cpu", "memory", "io")


class Pressure:
    """Three files; none on a kernel before 4.20 or started with `psi=0`."""

    _LAYOUT = tuple(
        str(series(f"system.linux.pressure.{line}", resource=resource))
        for resource, line in _LINES
    )

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._files = opened(*(proc / "pressure" / name for name in _RESOURCES))
        self._rates = Rates()

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return shares of time; see `Collector.read`."""
        texts = dict(zip(_RESOURCES, (f.read() for f in self._files), strict=True))
        totals_s = [_total_s(texts[name], line) for name, line in _LINES]
        rates = self._rates.per_second(totals_s, uptime_s=uptime_s)
        return Reading(layout=self._LAYOUT, values=[ratio(value) for value in rates])

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()


def _total_s(text: bytes, line: str) -> float:
    start = text.index(b"\n" + line.encode())
    start = text.index(b"total=", start) + len(b"total=")
    return int(text[start : text.index(b"\n", start)]) / 1e6
