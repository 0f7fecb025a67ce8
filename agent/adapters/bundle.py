"""A signed repository that was carried here by hand: a folder or a tar archive.

It is copied to a private folder first, and only that copy is verified and used: what
was brought could be changed between the check and the use.
"""

import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Final, NamedTuple

from agent.errors import StateError, TrustError

_PARTS: Final = ("metadata", "targets")
_MAX_FILES: Final = 10_000
_MAX_BYTES: Final = 2 * 10**9


class _File(NamedTuple):
    """A file of a bundle: where it belongs below the copy, how long, how to read it."""

    path: PurePosixPath
    size: int
    read: Callable[[], IO[bytes]]


def copy_bundle(source: Path, *, to: Path) -> None:
    """Copy the repository in a folder or tar archive to a folder that is made anew.

    Only `metadata/` and `targets/` are taken, at the top or within one folder.

    Raises:
        TrustError: It is no bundle, or holds what no bundle holds; nothing is left.
        StateError: The copy cannot be written; nothing is left.
    """
    shutil.rmtree(to, ignore_errors=True)
    try:
        with _opened(source) as files:
            _copy(files, source=source, to=to)
    except BaseException:
        shutil.rmtree(to, ignore_errors=True)
        raise


@contextmanager
def _opened(source: Path) -> Iterator[Iterator[_File]]:
    if source.is_dir():
        yield _in_folder(source)
        return
    try:
        with tarfile.open(source) as archive:
            yield _in_archive(archive, source=source)
    except (tarfile.TarError, EOFError) as error:
        raise TrustError(
            f"{source}: expected a folder or a tar archive: {error}"
        ) from error
    except OSError as error:
        if error.filename not in {None, str(source)}:
            raise
        raise TrustError(f"{source}: {error.strerror or error}") from error


def _in_folder(source: Path) -> Iterator[_File]:
    top = _top(source, [path.name for path in source.iterdir() if path.is_dir()])
    for part in _PARTS:
        for path in sorted((top / part).rglob("*")):
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode):
                continue
            if not stat.S_ISREG(status.st_mode):
                raise TrustError(f"{path}: expected a regular file")
            below = PurePosixPath(path.relative_to(top).as_posix())
            yield _File(below, status.st_size, partial(_opened_file, path))


def _opened_file(path: Path) -> IO[bytes]:
    return path.open("rb")


def _top(source: Path, names: list[str]) -> Path:
    """Return the folder that holds the parts: this one, or the only one in it."""
    is_inside = "metadata" not in names and len(names) == 1
    return source / names[0] if is_inside else source


def _in_archive(archive: tarfile.TarFile, *, source: Path) -> Iterator[_File]:
    for member in archive:
        path = PurePosixPath(member.name)
        below = PurePosixPath(*_below(path.parts))
        if member.isdir() or not below.parts:
            continue
        if not member.isfile():
            raise TrustError(f"{source}: {member.name}: expected a regular file")
        if ".." in path.parts or path.is_absolute():
            raise TrustError(f"{source}: {member.name}: it points outside the archive")
        yield _File(below, member.size, partial(_content, archive, member))


def _below(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path from `metadata` or `targets` on; empty for what is neither."""
    parts = tuple(part for part in parts if part != ".")
    for start in (0, 1):
        if parts[start : start + 1] and parts[start] in _PARTS:
            return parts[start:]
    return ()


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    if content is None:
        raise tarfile.ReadError(f"{member.name} cannot be read")
    return content


def _copy(files: Iterator[_File], *, source: Path, to: Path) -> None:
    count, total = 0, 0
    for file in files:
        count, total = count + 1, total + file.size
        if count > _MAX_FILES or total > _MAX_BYTES:
            raise TrustError(
                f"{source}: expected at most {_MAX_FILES} files and {_MAX_BYTES} bytes"
            )
        with file.read() as content:
            _write(to.joinpath(*file.path.parts), content)
    if not (to / "metadata" / "timestamp.json").is_file():
        raise TrustError(
            f"{source}: expected a repository, with metadata/timestamp.json in it"
        )


def _write(path: Path, content: IO[bytes]) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("xb") as file:
            shutil.copyfileobj(content, file)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from error
