"""Reads a repository that lies in a folder: a mirror on disk, or this host's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from tempfile import SpooledTemporaryFile
from typing import IO, Final
from urllib.parse import unquote, urlsplit

from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
)
from tuf.ngclient.fetcher import FetcherInterface

_PIECE_BYTES: Final = 65_536
_NOT_FOUND: Final = 404


class FolderFetcher(FetcherInterface):
    """Reads `file://` URLs and plain paths.

    Args:
        spool: Folder for the copy of a long file while it is checked, which leaves no
            name behind; None: where the system keeps such, often in memory.
    """

    def __init__(self, *, spool: Path | None = None) -> None:
        self._spool = None if spool is None else str(spool)

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """Yield a copy: the file itself may change between the check and the use.

        Raises:
            DownloadError: It is longer than `max_length`, or cannot be had.
            OSError: The disk is full, or may not be written.
        """
        with SpooledTemporaryFile(max_size=_PIECE_BYTES, dir=self._spool) as file:
            for piece in self.fetch(url):
                if file.tell() + len(piece) > max_length:
                    raise DownloadLengthMismatchError(
                        f"{url}: expected no more bytes than {max_length}"
                    )
                file.write(piece)
            file.seek(0)
            yield file

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = Path(unquote(urlsplit(url).path) if _is_file_url(url) else url)
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DownloadHTTPError(f"{path}: no such file", _NOT_FOUND) from error
        except OSError as error:
            raise DownloadError(f"{path}: {error.strerror}") from error
        # Not opened to find out: a FIFO would wait for somebody to write to it.
        if not S_ISREG(found.st_mode):
            raise DownloadError(f"{path}: expected a regular file")
        return _pieces(path, size=found.st_size)


def _is_file_url(url: str) -> bool:
    return url.startswith("file://")


def _pieces(path: Path, *, size: int) -> Iterator[bytes]:
    """Yield a file's bytes; the client wraps what fails before the first one only."""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece
    except OSError as error:
        raise DownloadError(
            f"{path}: {error.strerror} within its {size} bytes"
        ) from error
