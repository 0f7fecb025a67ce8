"""Where a long download waits for its rest: one part a URL, on the state's disk."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from stat import S_ISREG
from typing import IO, Final

from tuf.api.exceptions import DownloadLengthMismatchError, LengthOrHashMismatchError

from agent.adapters.disk import remove
from agent.errors import StateError

_KEPT_FOR: Final = timedelta(days=7)
_KEPT_BYTES: Final = 256_000_000
_SUFFIX: Final = ".part"
# Resumed, such a part would be refused at each poll again.
_POISONED: Final = (LengthOrHashMismatchError, DownloadLengthMismatchError)


class Staging:
    """The parts; one process at a time uses them.

    A part may hold anything: who takes it checks its hash. So none is synced to disk.

    Args:
        folder: Made if it is not there, for this user only.
        now: The present; what is older than a week goes.
        kept_bytes: What all parts may take when a poll begins; the oldest go first.

    Raises:
        StateError: The folder cannot be written.
    """

    def __init__(
        self, folder: Path, *, now: datetime, kept_bytes: int = _KEPT_BYTES
    ) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for stale in _stale(folder, now=now, kept_bytes=kept_bytes):
                remove(stale)
        except OSError as error:
            raise StateError(
                f"staging: {error.filename}: expected a folder that can be written, "
                f"got: {error.strerror}"
            ) from error

    @contextmanager
    def part(self, url: str) -> Iterator[IO[bytes]]:
        """Yield what there is of a URL's body, to be added to.

        It is removed once it was taken, or refused as longer or other than what was
        signed; whatever else ends the block, it stays.

        Raises:
            OSError: The part cannot be written.
        """
        path = self._folder / f"{hashlib.sha256(url.encode()).hexdigest()}{_SUFFIX}"
        with _opened(path) as file:
            try:
                yield file
            except _POISONED:
                path.unlink()
                raise
        path.unlink()


def _opened(path: Path) -> IO[bytes]:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "r+b")


def _stale(folder: Path, *, now: datetime, kept_bytes: int) -> Iterator[Path]:
    """Yield what is no part, or too old, and the oldest of those that are too many."""
    begins_at = (now - _KEPT_FOR).timestamp()
    parts = [(path, path.lstat()) for path in folder.glob(f"*{_SUFFIX}")]
    total_bytes = 0
    for path, found in sorted(parts, key=lambda part: part[1].st_mtime, reverse=True):
        total_bytes += found.st_size
        is_stale = found.st_mtime < begins_at or total_bytes > kept_bytes
        if is_stale or not S_ISREG(found.st_mode):
            yield path
