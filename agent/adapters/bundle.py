"""A signed repository that was carried here by hand: a folder or a tar archive.

It is copied to a private folder first, and only that copy is verified and used: what
was brought could be changed between the check and the use.
"""

import bz2
import errno
import gzip
import io
import lzma
import shutil
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from agent.errors import StateError, TrustError

_PARTS: Final = ("metadata", "targets")
_MAX_FILES: Final = 10_000
_MAX_BYTES: Final = 2 * 10**9
_PIECE_BYTES: Final = 65_536
# One and a half kB for a file with a long name.
_MAX_HEADER_BYTES: Final = 1_536 * _MAX_FILES
_PACKED: Final[dict[bytes, Callable[[Path], io.BufferedIOBase]]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
# What `tarfile` and the unpackers make of bytes that are no archive.
_DAMAGED: Final = (
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
    EOFError,
    ValueError,
    LookupError,
    RecursionError,
)
_ANEW: Final = "the operator must bring it anew"
# Two files in one place, a file in the place of a folder, a name beyond every disk's.
_ITS_OWN: Final = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}


class _File(NamedTuple):
    """A file of a bundle: its place below the copy, how long it is, what it holds."""

    path: PurePosixPath
    size: int
    pieces: Iterator[bytes]


class _Headers(io.BufferedIOBase):
    """An archive as `tarfile` reads it: the headers alone, and only so much of them.

    It takes a whole header into memory, however long that says it is, and keeps it.
    """

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self._left = _MAX_HEADER_BYTES

    def content(self, member: tarfile.TarInfo) -> Iterator[bytes]:
        """Yield what a file of the archive holds."""
        self._file.seek(member.offset_data)
        yield from _pieces(self._file, size=member.size)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return bytes of a header."""
        wanted = size if size is not None and size >= 0 else _MAX_HEADER_BYTES
        self._left -= wanted
        if self._left < 0 or wanted > _PIECE_BYTES:
            raise tarfile.ReadError("longer names than any repository has")
        return self._file.read(wanted)

    def seek(self, position: int, whence: int = 0, /) -> int:
        """Pass over what a file holds."""
        if position > _MAX_BYTES:
            raise tarfile.ReadError(f"more than {_MAX_BYTES} bytes")
        return self._file.seek(position, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()


def copy_bundle(source: Path, *, to: Path) -> None:
    """Copy the repository in a folder or tar archive to a folder that is made anew.

    Only `metadata/` and `targets/` are taken, at the top or within one folder.

    Raises:
        TrustError: It is no bundle, cannot be read, or holds what no bundle holds;
            nothing is left.
        StateError: The copy cannot be written; nothing is left.
    """
    shutil.rmtree(to, ignore_errors=True)
    try:
        _make(to)
        with _blamed(source), _opened(source) as files:
            _copy(files, source=source, to=to)
    except BaseException:
        shutil.rmtree(to, ignore_errors=True)
        raise


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


@contextmanager
def _blamed(source: Path) -> Iterator[None]:
    """Raise what goes wrong in reading a bundle as TrustError."""
    try:
        yield
    except _DAMAGED as error:
        raise TrustError(
            f"{source}: expected a folder or a whole tar archive, got: "
            f"{ascii(str(error))[:200]}; {_ANEW}"
        ) from error
    except OSError as error:
        raise TrustError(
            f"{error.filename or source}: cannot be read: {error.strerror or error}; "
            f"{_ANEW}"
        ) from error


@contextmanager
def _opened(source: Path) -> Iterator[Iterator[_File]]:
    if source.is_dir():
        yield _in_folder(source)
        return
    with (
        _unpacked(source) as file,
        tarfile.open(fileobj=(headers := _Headers(file)), mode="r:") as archive,
    ):
        yield _in_archive(archive, headers=headers, source=source)


def _unpacked(source: Path) -> io.BufferedIOBase:
    """Return an archive's bytes, by what it begins with."""
    with source.open("rb") as file:
        begin = file.read(8)
    for magic, unpacked in _PACKED.items():
        if begin.startswith(magic):
            return unpacked(source)
    return source.open("rb")


def _in_folder(source: Path) -> Iterator[_File]:
    top = _top(source, [path.name for path in source.iterdir() if path.is_dir()])
    for part in _PARTS:
        for path in sorted((top / part).rglob("*")):
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode):
                continue
            if not stat.S_ISREG(status.st_mode):
                raise TrustError(f"{path}: expected a regular file; {_ANEW}")
            below = PurePosixPath(path.relative_to(top).as_posix())
            yield _File(below, status.st_size, _of_path(path, status.st_size))


def _top(source: Path, names: list[str]) -> Path:
    """Return the folder that holds the parts: this one, or the only one in it."""
    is_inside = "metadata" not in names and len(names) == 1
    return source / names[0] if is_inside else source


def _of_path(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from _pieces(file, size=size)


def _pieces(file: io.BufferedIOBase, *, size: int) -> Iterator[bytes]:
    while size > 0:
        piece = file.read(min(size, _PIECE_BYTES))
        if not piece:
            raise EOFError("a file that ends early")
        size -= len(piece)
        yield piece


def _in_archive(
    archive: tarfile.TarFile, *, headers: _Headers, source: Path
) -> Iterator[_File]:
    for count, member in enumerate(iter(archive.next, None)):
        if count == _MAX_FILES:
            raise _too_much(source)
        place = _place(member, source=source)
        if place.parts and not member.isdir():
            yield _File(place, member.size, headers.content(member))


def _place(member: tarfile.TarInfo, *, source: Path) -> PurePosixPath:
    """Return where a member belongs; empty for what is neither metadata nor target."""
    path = PurePosixPath(member.name)
    below = PurePosixPath(*_below(path.parts))
    if member.isdir() or not below.parts:
        return below
    name = f"{source}: {ascii(member.name)[:200]}"
    if not member.isfile() or member.issparse():
        raise TrustError(f"{name}: expected a regular file; {_ANEW}")
    if ".." in path.parts or path.is_absolute():
        raise TrustError(f"{name}: it points outside the archive; {_ANEW}")
    if not member.name.isprintable():
        raise TrustError(f"{name}: expected a printable name; {_ANEW}")
    return below


def _below(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path from `metadata` or `targets` on; empty for what is neither."""
    parts = tuple(part for part in parts if part != ".")
    for start in (0, 1):
        if parts[start : start + 1] and parts[start] in _PARTS:
            return parts[start:]
    return ()


def _copy(files: Iterator[_File], *, source: Path, to: Path) -> None:
    count, total = 0, 0
    for file in files:
        count, total = count + 1, total + file.size
        if count > _MAX_FILES or total > _MAX_BYTES:
            raise _too_much(source)
        _write(file, source=source, to=to)
    if not (to / "metadata" / "timestamp.json").is_file():
        raise TrustError(
            f"{source}: expected a repository, with metadata/timestamp.json in it"
            f"{_hint(source)}; {_ANEW}"
        )


def _hint(source: Path) -> str:
    """Return where the repository is in a folder of central; may be empty."""
    inner = source / "repository"
    return f"; it is in {inner}" if (inner / "metadata").is_dir() else ""


def _write(file: _File, *, source: Path, to: Path) -> None:
    path = to / file.path
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("xb") as copy:
            for piece in _read(file, source=source):
                copy.write(piece)
    except OSError as error:
        if error.errno not in _ITS_OWN:
            raise _unwritable(path, error) from error
        raise TrustError(
            f"{source}: {ascii(str(file.path))[:200]}: expected a place of its own, "
            f"got: {error.strerror}; {_ANEW}"
        ) from error


def _read(file: _File, *, source: Path) -> Iterator[bytes]:
    """Yield a file's pieces; what cannot be read is no fault of the copy."""
    with _blamed(source):
        yield from file.pieces


def _too_much(source: Path) -> TrustError:
    return TrustError(
        f"{source}: expected at most {_MAX_FILES} files and {_MAX_BYTES} bytes; {_ANEW}"
    )


def _unwritable(path: Path, error: OSError) -> StateError:
    return StateError(
        f"{path}: {error.strerror}; the state folder must be writable, and have room"
    )
