"""Files that are whole or not there, also after a power failure."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from agent.errors import StateError, UnavailableError
from central.adapters.disk import sync_folder
from central.core.roles import Target

PUBLIC: Final = 0o644
SECRET: Final = 0o600
_PUBLIC_FOLDER: Final = 0o755
_SECRET_FOLDER: Final = 0o700
_PART: Final = ".part"
_PIECE_BYTES: Final = 1 << 20


def write(path: Path, content: bytes, *, mode: int = PUBLIC) -> None:
    """Write a file by rename; on disk, under its name, when this returns."""
    make_folder(path.parent, is_secret=mode == SECRET)
    part = path.with_name(path.name + _PART)
    with _created(part, mode=mode) as file:
        file.write(content)
    _named(part, path)


def write_target(folder: Path, content: bytes | Path, *, path: str) -> Target:
    """Write a target under its path with its hash before the name, a piece at a time.

    A model of many megabytes is read once and never held as a whole.
    """
    place = folder / path
    make_folder(place.parent)
    part = place.with_name(place.name + _PART)
    digest, length = hashlib.sha256(), 0
    with _opened(content) as source, _created(part, mode=PUBLIC) as file:
        while piece := source.read(_PIECE_BYTES):
            file.write(piece)
            digest.update(piece)
            length += len(piece)
    _named(part, target_file(folder, path=path, sha256=digest.hexdigest()))
    return Target(length=length, sha256=digest.hexdigest())


def target_file(folder: Path, *, path: str, sha256: str) -> Path:
    """Return where a target lies: consistent snapshots put its hash before its name."""
    place = folder / path
    return place.with_name(f"{sha256}.{place.name}")


def make_folder(folder: Path, *, is_secret: bool = False) -> None:
    """Make a folder, and those above it, that all may read, or only its owner."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    mode = _SECRET_FOLDER if is_secret else _PUBLIC_FOLDER
    folder.mkdir(mode=mode, exist_ok=True)
    # Whatever the umask took away: a web server reads the one folder, we the other.
    folder.chmod(mode)
    sync_folder(folder.parent)


def remove(path: Path) -> None:
    """Remove a file if it is there; gone for good when this returns."""
    if path.exists():
        path.unlink()
        sync_folder(path.parent)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel frees it however this process ends.

    Raises:
        UnavailableError: Another process holds it; names it.
        OSError: The folder cannot be written.
    """
    opened = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, SECRET)
    with os.fdopen(opened, "r+b", buffering=0) as file:
        os.fchmod(opened, SECRET)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = file.read(20).decode("ascii", "replace").strip() or "unknown"
            raise UnavailableError(
                f"{folder}: another command is at work here, process {holder}; "
                "try again when it is done"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
        yield


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Raise what the disk says as our error, naming the file."""
    try:
        yield
    except OSError as error:
        raise StateError(f"{error.filename or folder}: {error.strerror}") from error


@contextmanager
def _created(part: Path, *, mode: int) -> Iterator[BinaryIO]:
    # What a killed writer left may have any mode: begin anew.
    part.unlink(missing_ok=True)
    opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(opened, "wb") as file:
        os.fchmod(opened, mode)
        yield file
        file.flush()
        os.fsync(opened)


def _named(part: Path, path: Path) -> None:
    part.replace(path)
    sync_folder(path.parent)


@contextmanager
def _opened(content: bytes | Path) -> Iterator[BinaryIO]:
    if isinstance(content, bytes):
        yield BytesIO(content)
        return
    with content.open("rb") as file:
        yield file
