"""What every adapter that keeps files does alike; the one sibling that all may know."""

import os
import shutil
from pathlib import Path


def remove(path: Path) -> None:
    """Remove whatever is there, if there is anything; no link is followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a power failure."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
