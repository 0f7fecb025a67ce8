"""Files that are whole or not there, also after a power failure."""

import os
from pathlib import Path

from agent.adapters.disk import sync_folder

_PART = ".part"


def write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file by rename; on disk, under its name, when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + _PART)
    # What a killed writer left may have any mode: begin anew.
    part.unlink(missing_ok=True)
    opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(opened, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)
