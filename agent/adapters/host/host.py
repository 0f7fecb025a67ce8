"""This machine as a host: all collectors, put together into one sample."""

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import chain
from pathlib import Path
from types import MappingProxyType

import numpy as np
import psutil

from agent.adapters.host.collector import GAP, Collector, Reading
from agent.adapters.host.cpu import Load, Processor
from agent.adapters.host.disk import Disks
from agent.adapters.host.filesystem import Filesystems
from agent.adapters.host.filters import Filters
from agent.adapters.host.kernel import (
    FileHandles,
    ProcessCount,
    ProcessStatus,
    Uptime,
)
from agent.adapters.host.memory import Memory, Paging
from agent.adapters.host.network import Interfaces
from agent.adapters.host.pressure import Pressure
from agent.adapters.host.sockets import Listeners, Sockets, Tcp
from agent.adapters.host.temperature import Temperatures
from agent.core.sample import Sample

# What a kernel, a device or psutil can do to a collector. All else is our bug.
_FAULTS = (OSError, ValueError, LookupError, ArithmeticError, psutil.Error)

_UPTIME = "uptime"

# Each file is one collector's alone, so what one cannot read is a gap in no other. But
# the uptime comes first: the rates of all others are measured by it.
COLLECTORS: tuple[tuple[str, Callable[[Path, Filters], Collector]], ...] = (
    (_UPTIME, Uptime),
    ("cpu", Processor),
    ("load", Load),
    ("memory", Memory),
    ("paging", Paging),
    ("pressure", Pressure),
    ("disk", Disks),
    ("filesystem", Filesystems),
    ("network", Interfaces),
    ("sockets", Sockets),
    ("tcp", Tcp),
    ("listeners", Listeners),
    ("file_handles", FileHandles),
    ("process", ProcessCount),
    ("process_status", ProcessStatus),
    ("temperature", Temperatures),
)


class LocalHost:
    """This machine, by /proc and psutil. Used by one thread.

    Rates are measured by the host's uptime (/proc/uptime, 10 ms fine, suspended time
    included), never by `now`: a clock that jumps distorts none.

    Attributes:
        absent: Collectors this host does not have -> why. No swap, no sensors, no
            pressure stall information: normal, and not a failure. Looked at once.

    Args:
        proc: Where the kernel, or a test, keeps its files.
        filters: What is left out.
    """

    def __init__(
        self, *, proc: Path = Path("/proc"), filters: Filters | None = None
    ) -> None:
        chosen = filters or Filters()
        absent: dict[str, str] = {}
        self._collectors: dict[str, Collector] = {}
        for name, build in COLLECTORS:
            # A collector that can be switched has its switch, of its name, in Filters.
            if not getattr(chosen, name, True):
                continue
            try:
                self._collectors[name] = build(proc, chosen)
            except OSError as error:
                absent[name] = str(error)
        self.absent: Mapping[str, str] = MappingProxyType(absent)
        self._known: dict[str, tuple[str, ...]] = {}
        self._layout: tuple[str, ...] = ()

    def sample(self, now: datetime) -> Sample:
        """Return one reading of all metrics.

        A collector that fails is a gap in each series it ever had, and is named in
        `failures`; nothing is raised. The first sample has gauges only.

        Args:
            now: Goes into the sample, and decides when lists of devices, sensors and
                processes are looked through again (60 s).
        """
        failures: dict[str, str] = {}
        values: list[float] = []
        known: dict[str, tuple[str, ...]] = {}
        uptime_s = GAP
        for name, collector in self._collectors.items():
            reading = self._reading(name, collector, now=now, uptime_s=uptime_s)
            if name == _UPTIME and reading.values:
                uptime_s = reading.values[0]
            if reading.failure:
                failures[name] = reading.failure
            known[name] = reading.layout
            values += reading.values
        return Sample(
            at=now,
            layout=self._laid_out(known),
            values=np.array(values, dtype=np.float32),
            failures=failures,
        )

    def close(self) -> None:
        """Close all files; a sample after that is all gaps and failures."""
        for collector in self._collectors.values():
            collector.close()

    def _reading(
        self, name: str, collector: Collector, *, now: datetime, uptime_s: float
    ) -> Reading:
        try:
            return collector.read(now, uptime_s=uptime_s)
        except _FAULTS as error:
            layout = self._known.get(name, ())
            return Reading(
                layout=layout,
                values=[GAP] * len(layout),
                failure=f"{type(error).__name__}: {error}",
            )

    def _laid_out(self, known: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
        """Return all layouts as one; the same object while none of them changes."""
        if known != self._known:
            self._known = known
            self._layout = tuple(chain.from_iterable(known.values()))
        return self._layout
