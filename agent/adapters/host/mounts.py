"""Which mounted file systems are measured, from /proc/self/mountinfo (proc(5)).

Not from psutil or /proc/self/mounts: under `ProtectSystem=strict` the agent sees every
mount as read-only there. Whether the file system itself is stands only in mountinfo,
last on the line; so does the device number by which each is counted once.
"""

import re
from dataclasses import dataclass

from agent.adapters.host.filters import Filters

_OCTAL = re.compile(rb"\\([0-7]{3})")
_ROOT = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mount:
    device: bytes
    mountpoint: str
    filesystem: str
    is_writable: bool


def mountpoints(text: bytes, filters: Filters) -> tuple[str, ...]:
    """Return where the measured file systems are mounted, sorted.

    A file system that is mounted more than once is counted at its shortest path. The
    root is kept whatever its type if it can be written, and in any case if it is all
    there is; only `exclude_mountpoints` takes it away.

    Raises:
        ValueError, IndexError: This is no mountinfo.
    """
    exclude = filters.exclude_mountpoints
    # Of two mounts on one path the later one covers the earlier.
    mounts = {mount.mountpoint: mount for mount in map(_mount, text.split(b"\n")[1:-1])}
    if not mounts:
        raise ValueError("expected mounts, got none")
    allowed = [m for m in mounts.values() if not exclude.search(m.mountpoint)]
    kept = [m for m in allowed if m.is_writable and _is_measured(m, filters)]
    if not kept:
        kept = [m for m in allowed if m.mountpoint == _ROOT]
    shortest: dict[bytes, str] = {}
    for mount in sorted(kept, key=lambda m: (len(m.mountpoint), m.mountpoint)):
        shortest.setdefault(mount.device, mount.mountpoint)
    return tuple(sorted(shortest.values()))


def _is_measured(mount: _Mount, filters: Filters) -> bool:
    return mount.mountpoint == _ROOT or not filters.exclude_filesystems.search(
        mount.filesystem
    )


def _mount(line: bytes) -> _Mount:
    of_mount, _, of_filesystem = line.partition(b" - ")
    fields = of_mount.split(b" ")
    filesystem, _, options = of_filesystem.split(b" ")[:3]
    return _Mount(
        device=fields[2],
        mountpoint=_OCTAL.sub(_character, fields[4]).decode(errors="replace"),
        filesystem=filesystem.decode(),
        is_writable=b"ro" not in options.split(b","),
    )


def _character(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 8)])
