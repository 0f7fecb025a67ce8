"""Reads a repository that lies in a folder: a mirror on disk, or this host's own."""

from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import Final
from urllib.parse import unquote, urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

_PIECE_BYTES: Final = 65_536
_NOT_FOUND: Final = 404


class FolderFetcher(FetcherInterface):
    """Reads `file://` URLs and plain paths."""

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
