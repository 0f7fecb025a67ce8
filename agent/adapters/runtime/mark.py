"""The mark: a file that names the release which is loading or scoring right now.

A process that dies of a model cannot say so any more. So it says so before: the mark is
set ahead of each load and run, and wiped after it. What a daemon finds there when it
starts is what the last one died of. It outlives the process, not a power failure.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from agent.errors import StateError

_DIGEST: Final = re.compile(rb"[0-9a-f]{64}")
_WIPED: Final = b" " * 64 + b"\n"


class Mark:
    """The mark of one daemon, the only one that writes to the file.

    It is written, not mapped: a mapped page kills who touches it when the file was cut
    short or the disk is full, and 0.7 us a write are not felt.

    Args:
        path: Made where it is missing, and wiped.

    Raises:
        StateError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, _WRITING, 0o640)
        except OSError as error:
            raise StateError(f"{path}: expected a file to write to: {error}") from error
        self._write(_WIPED)

    @contextmanager
    def naming(self, digest: str) -> Iterator[None]:
        """Name a release for as long as the context lasts."""
        self._write(digest.encode() + b"\n")
        try:
            yield
        finally:
            self._write(_WIPED)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def _write(self, line: bytes) -> None:
        # A disk that takes nothing more must not keep anyone from scoring.
        with suppress(OSError):
            os.pwrite(self._file, line, 0)


_WRITING: Final = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def left_at(path: Path) -> str | None:
    """Return the release that an earlier daemon died of; None: of none."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _SAFELY), "rb") as file:
            found = _DIGEST.match(file.read(len(_WIPED)))
    except OSError:
        return None
    return None if found is None else found[0].decode()


_SAFELY: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
