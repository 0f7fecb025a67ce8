"""Files that are written whole or not at all, and last through a power failure."""

import io
import os
import tarfile
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import IO

from agent.adapters.disk import remove, sync_folder
from agent.errors import StateError

_PRIVATE = 0o600
_Files = Iterable[tuple[str, bytes]]


def write_whole(
    path: Path, content: bytes, *, mode: int = _PRIVATE, like: Path | None = None
) -> None:
    """Write a file in place of one of the same name.

    Args:
        path: Its place; the folder is made where it is missing.
        content: What it holds.
        mode: Who may read it; from the first byte on.
        like: Where this process may, it gets the owner of this file or folder.

    Raises:
        StateError: It cannot be written; what was there before still is.
    """

    def put(file: IO[bytes]) -> None:
        os.fchmod(file.fileno(), mode)
        if like is not None and like.exists() and os.geteuid() == 0:
            found = like.stat()
            os.fchown(file.fileno(), found.st_uid, found.st_gid)
        file.write(content)

    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    _write(path, put)


def archive_in(place: Path, *, at: datetime) -> Callable[[str, _Files], str]:
    """Return what writes files to one tar archive and returns its path.

    Args:
        place: The archive; or a folder that is there, which it is put into under a
            proposed name.
        at: The time that its members bear.
    """

    def write(name: str, files: _Files) -> str:
        path = place / name if place.is_dir() else place

        def put(file: IO[bytes]) -> None:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                for member, content in files:
                    tar.addfile(
                        _header(member, len(content), at=at), io.BytesIO(content)
                    )

        _write(path, put)
        return str(path)

    return write


def _header(name: str, length: int, *, at: datetime) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mtime, header.mode = length, int(at.timestamp()), 0o644
    return header


def _write(path: Path, put: Callable[[IO[bytes]], None]) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        remove(unfinished)
        try:
            with os.fdopen(os.open(unfinished, flags, _PRIVATE), "wb") as file:
                put(file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            remove(unfinished)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> StateError:
    return StateError(
        f"{path}: {error.strerror or error}; expected a place that this user can write "
        "to, with room"
    )
