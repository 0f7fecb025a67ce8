"""Memory and swap, from /proc/meminfo; paging and its victims, from /proc/vmstat."""

from datetime import datetime
from pathlib import Path

from agent.adapters.host.collector import Reading
from agent.adapters.host.filters import Filters
from agent.adapters.host.procfs import ProcFile, number_after
from agent.adapters.host.rates import Rates
from agent.core.series import series

_KIB = 1024


class Memory:
    """Memory by state, and swap where there is any: swap can come and go."""

    _WITHOUT_SWAP = (
        "system.memory.utilization",
        *(
            str(series("system.memory.usage", state=state))
            for state in ("used", "free", "cached", "buffers", "available")
        ),
        "system.memory.limit",
        "system.memory.shared",
    )
    _WITH_SWAP = (
        *_WITHOUT_SWAP,
        "system.paging.utilization",
        str(series("system.paging.usage", state="used")),
        str(series("system.paging.usage", state="free")),
    )

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._meminfo = ProcFile(proc / "meminfo")

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return memory and swap; see `Collector.read`."""
        text = self._meminfo.read()
        memory = _memory(text)
        total = _bytes(text, b"SwapTotal:")
        if not total:
            return Reading(layout=self._WITHOUT_SWAP, values=memory)
        free = _bytes(text, b"SwapFree:")
        values = [*memory, (total - free) / total, total - free, free]
        return Reading(layout=self._WITH_SWAP, values=values)

    def close(self) -> None:
        """Close the file."""
        self._meminfo.close()


class Paging:
    """Swapping, page faults and kills, as rates from /proc/vmstat."""

    # oom_kill came with Linux 4.13.
    _COUNTERS = (b"pswpin", b"pswpout", b"pgfault", b"pgmajfault", b"oom_kill")
    _LAYOUT = (
        str(series("system.paging.operations", direction="in")),
        str(series("system.paging.operations", direction="out")),
        "system.paging.faults",
        "system.linux.major_faults",
        "system.linux.oom_kills",
    )

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._vmstat = ProcFile(proc / "vmstat")
        self._rates = Rates()

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return paging rates; see `Collector.read`."""
        text = self._vmstat.read()
        counters = [number_after(text, key + b" ") for key in self._COUNTERS]
        values = self._rates.per_second(counters, uptime_s=uptime_s)
        return Reading(layout=self._LAYOUT, values=values)

    def close(self) -> None:
        """Close the file."""
        self._vmstat.close()


def _memory(text: bytes) -> list[float]:
    total = _bytes(text, b"MemTotal:")
    # Above the total on some hosts with memory outside every zone.
    available = min(_bytes(text, b"MemAvailable:"), total)
    return [
        (total - available) / total,
        total - available,
        _bytes(text, b"MemFree:"),
        _bytes(text, b"Cached:") + _bytes(text, b"SReclaimable:"),
        _bytes(text, b"Buffers:"),
        available,
        total,
        _bytes(text, b"Shmem:"),
    ]


def _bytes(text: bytes, key: bytes) -> int:
    return number_after(text, key) * _KIB
