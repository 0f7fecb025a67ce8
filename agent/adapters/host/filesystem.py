"""Space and inodes of local file systems.

`statvfs` on a network file system whose server is gone never returns, so those types
are left out by default (`filters.REMOTE_FILESYSTEMS`); who measures them accepts that.
"""

import os
from datetime import datetime
from pathlib import Path

from agent.adapters.host.collector import GAP, Reading, is_due
from agent.adapters.host.devices import LIST_EVERY_S
from agent.adapters.host.filters import Filters
from agent.adapters.host.mounts import mountpoints
from agent.adapters.host.procfs import ProcFile
from agent.core.series import series

_SPACE_SERIES = 3


class Filesystems:
    """Space by state and inodes of each file system, at its mountpoint."""

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._mountinfo = ProcFile(proc / "self" / "mountinfo")
        self._filters = filters
        self._text = b""
        self._listed_at: datetime | None = None
        self._has_inodes: dict[str, bool] = {}
        self._layout: tuple[str, ...] = ()

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return space and inodes; one that cannot be asked is a gap and a failure."""
        if is_due(now, last=self._listed_at, every_s=LIST_EVERY_S):
            self._look()
            self._listed_at = now
        values: list[float] = []
        failure = ""
        for mountpoint, has_inodes in self._has_inodes.items():
            try:
                values += _values(os.statvfs(mountpoint), has_inodes=has_inodes)
            except OSError as error:
                failure = str(error)
                values += [GAP] * (_SPACE_SERIES + has_inodes)
        return Reading(layout=self._layout, values=values, failure=failure)

    def close(self) -> None:
        """Close the list of mounts."""
        self._mountinfo.close()

    def _look(self) -> None:
        """Go through the list of mounts, unless it reads as it did last time."""
        text = self._mountinfo.read()
        if text == self._text:
            return
        names = mountpoints(text, self._filters)
        asked = {name: _has_inodes(name) for name in names}
        found = {name: has for name, has in asked.items() if has is not None}
        self._text = text
        if found != self._has_inodes:
            self._has_inodes = found
            self._layout = tuple(s for name in found for s in _layout(name, found))


def _has_inodes(mountpoint: str) -> bool | None:
    """Return whether inodes are limited here.

    None if this is not to be measured: it has no blocks, or we may not ask, or it was
    unmounted meanwhile.
    """
    try:
        stat = os.statvfs(mountpoint)
    except OSError:
        return None
    return stat.f_files > 0 if stat.f_blocks else None


def _values(stat: os.statvfs_result, *, has_inodes: bool) -> list[float]:
    used = stat.f_blocks - stat.f_bfree
    reach = used + stat.f_bavail  # without what is reserved for the superuser
    values = [
        used / reach if reach else GAP,
        used * stat.f_frsize,
        stat.f_bavail * stat.f_frsize,
    ]
    if has_inodes:
        inodes = stat.f_files
        values.append((inodes - stat.f_ffree) / inodes if inodes else GAP)
    return values


def _layout(mountpoint: str, has_inodes: dict[str, bool]) -> list[str]:
    names = [
        str(series("system.filesystem.utilization", mountpoint=mountpoint)),
        str(series("system.filesystem.usage", mountpoint=mountpoint, state="used")),
        str(series("system.filesystem.usage", mountpoint=mountpoint, state="free")),
    ]
    if has_inodes[mountpoint]:
        inodes = series("system.filesystem.inodes.utilization", mountpoint=mountpoint)
        names.append(str(inodes))
    return names
