"""Temperatures, by psutil from /sys/class/hwmon or thermal zones."""

from datetime import datetime
from pathlib import Path

import psutil

from agent.adapters.host.collector import Reading, is_due
from agent.adapters.host.filters import Filters
from agent.core.series import series

_READ_EVERY_S = 60


class Temperatures:
    """The warmest reading of each kind of sensor, held for a minute.

    Reading a sensor may mean to ask a device over a slow bus, a millisecond each, and
    a temperature changes slowly. One series a kind (coretemp, nvme, acpitz), not one a
    core, so that a large host does not have a hundred.
    """

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._read_at: datetime | None = None
        self._names: tuple[str, ...] = ()
        self._layout: tuple[str, ...] = ()
        self._values: list[float] = []

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return degrees Celsius; see `Collector.read`."""
        if is_due(now, last=self._read_at, every_s=_READ_EVERY_S):
            self._look(now)
        return Reading(layout=self._layout, values=self._values)

    def close(self) -> None:
        """Nothing is kept open."""

    def _look(self, now: datetime) -> None:
        found = psutil.sensors_temperatures()
        warmest = {
            name: max(reading.current for reading in readings)
            for name, readings in sorted(found.items())
            if readings
        }
        self._values = list(warmest.values())
        if tuple(warmest) != self._names:
            self._names = tuple(warmest)
            self._layout = tuple(
                str(series("system.hardware.temperature", sensor=name))
                for name in warmest
            )
        self._read_at = now
