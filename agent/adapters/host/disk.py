"""Block devices, from /proc/diskstats (Linux, Documentation/admin-guide/iostats)."""

from datetime import datetime
from pathlib import Path

from agent.adapters.host.collector import GAP, Reading
from agent.adapters.host.devices import Devices
from agent.adapters.host.filters import Filters
from agent.adapters.host.procfs import ProcFile
from agent.adapters.host.rates import Rates, ratio
from agent.core.series import series

_SECTOR_BYTES = 512  # of the kernel's counters, whatever the device's own
_SERIES_PER_DEVICE = 6


class Disks:
    """Whole disks that have ever been used: a drive without a medium is no series."""

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._diskstats = ProcFile(proc / "diskstats")
        self._devices = Devices(filters.exclude_devices, _layout)
        self._rates = Rates()

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return what each disk did; see `Collector.read`."""
        rows = _rows(self._diskstats.read())
        if self._devices.is_due(now):
            self._devices.look([name for name in rows if _is_used(rows[name])], now)
            self._rates.keep_only(self._devices.names)
        values: list[float] = []
        for name in self._devices.names:
            values += self._values(name, rows.get(name), uptime_s)
        return Reading(layout=self._devices.layout, values=values)

    def close(self) -> None:
        """Close the file."""
        self._diskstats.close()

    def _values(
        self, name: str, row: list[bytes] | None, uptime_s: float
    ) -> list[float]:
        if row is None:
            return [GAP] * _SERIES_PER_DEVICE
        counters = [
            int(row[5]) * _SECTOR_BYTES,
            int(row[9]) * _SECTOR_BYTES,
            int(row[3]),
            int(row[7]),
            int(row[12]) / 1000,
            int(row[13]) / 1000,
        ]
        rates = self._rates.per_second(counters, uptime_s=uptime_s, group=name)
        rates[4] = ratio(rates[4])
        return rates


def _rows(text: bytes) -> dict[str, list[bytes]]:
    rows = (line.split() for line in text.splitlines() if line)
    return {row[2].decode(): row for row in rows}


def _is_used(row: list[bytes]) -> bool:
    return row[3] != b"0" or row[7] != b"0"


def _layout(device: str) -> list[str]:
    return [
        str(series("system.disk.io", device=device, direction="read")),
        str(series("system.disk.io", device=device, direction="write")),
        str(series("system.disk.operations", device=device, direction="read")),
        str(series("system.disk.operations", device=device, direction="write")),
        str(series("system.disk.io_time.utilization", device=device)),
        str(series("system.disk.queue_length", device=device)),
    ]
