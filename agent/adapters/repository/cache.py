"""The metadata that this host keeps: a poll works on a copy and puts back what is new.

python-tuf makes a symbolic link, which FAT has not, syncs nothing to disk, and stumbles
over what lies in the way of its names. In a fresh folder none of that matters.

What is put back is put back as one: the roles name each other's keys, and half of a
change of keys would vouch for nothing.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from tempfile import mkdtemp
from typing import Final
from urllib.parse import quote
from weakref import finalize

from agent.adapters.disk import remove, sync_folder

_HISTORY: Final = "root_history"
_WORK: Final = "work"
# Whole, and only to be moved to their places: from here on it has happened.
_READY: Final = "ready"
_NEXT: Final = "next"
# By polls that were killed, also by those of earlier versions.
_LEFT_BEHIND: Final = (_NEXT, "tmp*")


class Cache:
    """One poll's copy of a folder of verified metadata.

    Args:
        folder: Where the metadata is kept; made if it is not there.

    Attributes:
        work: The copy. What is no regular file is not in it: it is fetched anew.

    Raises:
        OSError: The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with settled(folder):
            for pattern in _LEFT_BEHIND:
                for path in folder.glob(pattern):
                    remove(path)
            self.work = _workshop(folder)
        finalize(self, shutil.rmtree, self.work, ignore_errors=True)
        (self.work / _HISTORY).mkdir()
        self._kept = dict(self._copied())

    def keep(self) -> None:
        """Put back what has changed, all of it or nothing; on disk when this returns.

        Raises:
            OSError: The folder cannot be written; what was kept is kept.
        """
        self._put_back("*.json", f"{_HISTORY}/*.root.json")

    def keep_roots(self) -> None:
        """Put back new roots alone: a key that was revoked once stays revoked.

        The copy of the newest root that all else was verified by is `root.json`.
        """
        self._put_back(f"{_HISTORY}/*.root.json")

    def _put_back(self, *patterns: str) -> None:
        changed = [name for name in _names(self.work, *patterns) if self._is_new(name)]
        if not changed:
            return
        with settled(self._folder):
            self._write_next(changed)
            (self._folder / _NEXT).rename(self._folder / _READY)
            sync_folder(self._folder)
            _settle(self._folder)
        self._kept |= {name: _mark(self.work / name) for name in changed}

    def _write_next(self, names: list[str]) -> None:
        following = self._folder / _NEXT
        remove(following)
        try:
            (following / _HISTORY).mkdir(mode=0o700, parents=True)
            for name in names:
                _write(following / name, (self.work / name).read_bytes())
            sync_folder(following / _HISTORY)
            sync_folder(following)
        except OSError:
            shutil.rmtree(following, ignore_errors=True)
            raise

    def _is_new(self, name: str) -> bool:
        """Return whether a file of the copy is not what is kept."""
        if self._kept.get(name) == _mark(self.work / name):
            return False
        return read(self._folder / name) != (self.work / name).read_bytes()

    def _copied(self) -> Iterator[tuple[str, tuple[int, int]]]:
        for name in _names(self._folder, "*.json", f"{_HISTORY}/*.root.json"):
            content = read(self._folder / name)
            # The client is given its root: the link to the newest one is its own.
            if content is not None and name != "root.json":
                (self.work / name).write_bytes(content)
                yield name, _mark(self.work / name)


@contextmanager
def settled(folder: Path) -> Iterator[None]:
    """Hold a folder of kept metadata, whole, against whoever would change it.

    Finishes what a poll was killed in, if it had begun to put something back.

    Raises:
        OSError: The folder is not there, or cannot be written.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        _settle(folder)
        yield
    finally:
        os.close(opened)


def metadata_path(folder: Path, role: str) -> Path:
    """Return where a role's metadata is, whatever the role is called."""
    return folder / f"{quote(role, safe='')}.json"


def root_path(folder: Path, version: int) -> Path:
    """Return where a version of the root is kept."""
    return folder / _HISTORY / f"{version}.root.json"


def read(path: Path) -> bytes | None:
    """Return a kept file's bytes; None: there is none that can be read."""
    try:
        return path.read_bytes() if S_ISREG(path.lstat().st_mode) else None
    except OSError:
        return None


def _workshop(folder: Path) -> Path:
    """Return an empty folder that can hold a symbolic link, beside what is kept."""
    work = folder / _WORK
    remove(work)
    work.mkdir(mode=0o700)
    probe = work / "link"
    try:
        probe.symlink_to(_HISTORY)
    except OSError:
        work.rmdir()
        return Path(mkdtemp(prefix="forewarn-"))
    probe.unlink()
    return work


def _settle(folder: Path) -> None:
    """Move what is ready to where it belongs; nothing if nothing is."""
    ready = folder / _READY
    if ready.is_symlink():
        ready.unlink()
    for name in _names(ready, "*.json", f"{_HISTORY}/*.root.json"):
        place = folder / name
        if place.parent.is_symlink() or not place.parent.is_dir():
            remove(place.parent)
            place.parent.mkdir(mode=0o700)
        if place.is_dir():
            remove(place)
        (ready / name).replace(place)
        sync_folder(place.parent)
    remove(ready)


def _names(folder: Path, *patterns: str) -> list[str]:
    found = (path for pattern in patterns for path in folder.glob(pattern))
    return [path.relative_to(folder).as_posix() for path in found]


def _mark(path: Path) -> tuple[int, int]:
    """Return what tells a file from the one that replaces it."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def _write(path: Path, content: bytes) -> None:
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        # A full disk does not say which file it was.
        raise OSError(error.errno, error.strerror, str(path)) from error
