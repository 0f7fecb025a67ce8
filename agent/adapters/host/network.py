"""Network interfaces, from /proc/net/dev: those of the agent's network namespace."""

from datetime import datetime
from pathlib import Path

from agent.adapters.host.collector import GAP, Reading
from agent.adapters.host.devices import Devices
from agent.adapters.host.filters import Filters
from agent.adapters.host.procfs import ProcFile
from agent.adapters.host.rates import Rates
from agent.core.series import series

_HEADER_LINES = 3  # the newline in front, and two of headings
_METRICS = (
    "system.network.io",
    "system.network.packets",
    "system.network.errors",
    "system.network.packet.dropped",
)
_TRANSMIT = 8  # columns of what was received stand first


class Interfaces:
    """Bytes, packets, errors and drops of each interface, both ways."""

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._dev = ProcFile(proc / "net" / "dev")
        self._devices = Devices(filters.exclude_interfaces, _layout)
        self._rates = Rates()

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return what each interface did; see `Collector.read`."""
        rows = _rows(self._dev.read())
        if self._devices.is_due(now):
            self._devices.look(rows, now)
            self._rates.keep_only(self._devices.names)
        values: list[float] = []
        for name in self._devices.names:
            values += self._values(name, rows.get(name), uptime_s)
        return Reading(layout=self._devices.layout, values=values)

    def close(self) -> None:
        """Close the file."""
        self._dev.close()

    def _values(self, name: str, row: bytes | None, uptime_s: float) -> list[float]:
        if row is None:
            return [GAP] * 2 * len(_METRICS)
        columns = row.split()
        counters = [
            int(columns[place + offset])
            for place in range(len(_METRICS))
            for offset in (0, _TRANSMIT)
        ]
        return self._rates.per_second(counters, uptime_s=uptime_s, group=name)


def _rows(text: bytes) -> dict[str, bytes]:
    lines = text.splitlines()[_HEADER_LINES:]
    parts = (line.rpartition(b":") for line in lines)
    rows = {name.strip().decode(): row for name, colon, row in parts if colon}
    if len(rows) != len(lines) or not lines:
        raise ValueError(f"expected interfaces, got {lines[:1]}")
    return rows


def _layout(interface: str) -> list[str]:
    return [
        str(series(metric, interface=interface, direction=direction))
        for metric in _METRICS
        for direction in ("receive", "transmit")
    ]
