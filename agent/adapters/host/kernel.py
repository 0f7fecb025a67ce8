"""Uptime, open files and the number of processes."""

from datetime import datetime
from pathlib import Path

from agent.adapters.host.collector import Reading, is_due
from agent.adapters.host.filters import Filters
from agent.adapters.host.procfs import ProcFile
from agent.adapters.host.rates import ratio
from agent.core.series import series

_SWEEP_EVERY_S = 60
_LINKS_OF_EMPTY_FOLDER = 2
# Letters of proc_pid_stat(5); running and blocked come with every sample, from `cpu`.
_STATUSES = {
    "sleeping": b"S",
    "idle": b"I",
    "stopped": b"Tt",
    "zombie": b"Z",
}


class Uptime:
    """Seconds since boot, suspended time included, from /proc/uptime."""

    _LAYOUT = ("system.uptime",)

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._uptime = ProcFile(proc / "uptime")

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return the uptime; see `Collector.read`."""
        seconds = float(self._uptime.read().split(None, 1)[0])
        return Reading(layout=self._LAYOUT, values=[seconds])

    def close(self) -> None:
        """Close the file."""
        self._uptime.close()


class FileHandles:
    """Open file handles of the whole host, from /proc/sys/fs/file-nr."""

    _LAYOUT = (
        "system.linux.file_handles.count",
        "system.linux.file_handles.utilization",
    )

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._file_nr = ProcFile(proc / "sys" / "fs" / "file-nr")

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return handles in use and their share; see `Collector.read`."""
        in_use, _, limit = map(int, self._file_nr.read().split())
        # Only the superuser may go above the limit.
        values = [in_use, ratio(in_use / max(limit, 1))]
        return Reading(layout=self._LAYOUT, values=values)

    def close(self) -> None:
        """Close the file."""
        self._file_nr.close()


class ProcessCount:
    """All processes, by the number of links of /proc: 2 us, where a list costs 660.

    /proc has one link more for each process (Linux, fs/proc/root.c) and for each
    folder that is none. Those are counted once; a module that adds one later, which
    is rare, is counted as a process.
    """

    _LAYOUT = ("system.process.count",)

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._proc = proc
        self._others = _LINKS_OF_EMPTY_FOLDER + sum(
            path.is_dir() and not path.is_symlink() and not path.name.isdigit()
            for path in proc.iterdir()
        )
        if proc.stat().st_nlink <= self._others:
            raise FileNotFoundError(f"expected processes under {proc}, got none")

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return the number of processes; see `Collector.read`."""
        count = self._proc.stat().st_nlink - self._others
        return Reading(layout=self._LAYOUT, values=[count])

    def close(self) -> None:
        """Nothing is kept open."""


class ProcessStatus:
    """Processes by status, once a minute: the value is held in between.

    Reads a file a process, 20 us each, so it is only there if asked for.
    """

    _LAYOUT = tuple(
        str(series("system.process.count", status=status)) for status in _STATUSES
    )

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._proc = proc
        self._swept_at: datetime | None = None
        self._values: list[float] = []

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return processes by status; see `Collector.read`."""
        if is_due(now, last=self._swept_at, every_s=_SWEEP_EVERY_S):
            letters = b"".join(
                _status(path) for path in self._proc.iterdir() if path.name.isdigit()
            )
            self._values = [
                float(sum(letters.count(letter) for letter in meant))
                for meant in _STATUSES.values()
            ]
            self._swept_at = now
        return Reading(layout=self._LAYOUT, values=self._values)

    def close(self) -> None:
        """Nothing is kept open."""


def _status(path: Path) -> bytes:
    """Return a process's letter; nothing if it ended meanwhile."""
    try:
        text = (path / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
    # The command, in brackets, may itself hold brackets and spaces.
    return text[text.rindex(b")") + 2 :][:1]
