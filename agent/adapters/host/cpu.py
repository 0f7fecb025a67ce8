"""Processor time, interrupts and processes, from /proc/stat; load, from loadavg."""

from datetime import datetime
from math import isnan
from pathlib import Path

from agent.adapters.host.collector import GAP, Reading
from agent.adapters.host.filters import Filters
from agent.adapters.host.procfs import ProcFile, number_after
from agent.adapters.host.rates import Rates
from agent.core.series import series

_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_WAITING = ("idle", "iowait")
_BUSY = [place for place, mode in enumerate(_MODES) if mode not in _WAITING]


class Processor:
    """What /proc/stat says, read once a sample: it is the dearest file of all."""

    _LAYOUT = (
        "system.cpu.utilization",
        *(str(series("system.cpu.utilization", mode=mode)) for mode in _MODES),
        "system.cpu.logical.count",
        str(series("system.process.count", status="running")),
        str(series("system.process.count", status="blocked")),
        "system.linux.processes_blocked",
        "system.cpu.context_switches",
        "system.cpu.interrupts",
        "system.linux.processes_created",
    )

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._stat = ProcFile(proc / "stat")
        self._rates = Rates()
        self._modes: list[int] = []

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return processor and process metrics; see `Collector.read`."""
        text = self._stat.read()
        modes = _modes(text)
        before, self._modes = self._modes, modes
        blocked = number_after(text, b"procs_blocked")
        counters = [
            number_after(text, b"ctxt"),
            number_after(text, b"intr"),
            number_after(text, b"processes"),
        ]
        values = [
            *_shares(modes, before),
            text.count(b"\ncpu") - 1,
            number_after(text, b"procs_running"),
            blocked,
            blocked,
            *self._rates.per_second(counters, uptime_s=uptime_s),
        ]
        return Reading(layout=self._LAYOUT, values=values)

    def close(self) -> None:
        """Close the file."""
        self._stat.close()


class Load:
    """Load averages and the number of threads, from /proc/loadavg."""

    _LAYOUT = (
        "system.cpu.load_average.1m",
        "system.cpu.load_average.5m",
        "system.cpu.load_average.15m",
        "system.linux.threads",
    )

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._loadavg = ProcFile(proc / "loadavg")

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return load averages and threads; see `Collector.read`."""
        one, five, fifteen, tasks = self._loadavg.read().split()[:4]
        threads = tasks.split(b"/")[1]
        values = [float(one), float(five), float(fifteen), float(threads)]
        return Reading(layout=self._LAYOUT, values=values)

    def close(self) -> None:
        """Close the file."""
        self._loadavg.close()


def _modes(text: bytes) -> list[int]:
    """Return the ticks of all processors by mode, as in `_MODES`.

    The fields after these, guest and guest_nice, are in user and nice already.
    """
    first = text[1 : text.index(b"\n", 1)].split()
    modes = [int(field) for field in first[1 : 1 + len(_MODES)]]
    if first[0] != b"cpu" or len(modes) != len(_MODES):
        raise ValueError(f"expected cpu and {len(_MODES)} modes, got {first[:9]}")
    return modes


def _shares(modes: list[int], before: list[int]) -> list[float]:
    """Return the busy share of the time that passed, then that of each mode.

    Of the ticks that were counted, not of the time that passed: on a virtual machine
    some are never counted. The kernel's iowait may go backwards by a tick or two
    (proc(5)): then it is a gap and counts as none, and the rest still stands.
    """
    if not before:
        return [GAP] * (1 + len(_MODES))
    grown = [
        new - old if new >= old else GAP for new, old in zip(modes, before, strict=True)
    ]
    total = sum(ticks for ticks in grown if not isnan(ticks))
    if not total:
        return [GAP] * (1 + len(_MODES))
    busy = sum(grown[place] for place in _BUSY)
    return [busy / total, *(ticks / total for ticks in grown)]
