"""The log as a file: a line an entry, only ever appended to."""

import fcntl
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.errors import StateError
from central.adapters.disk import sync_folder
from central.core.log import (
    Chain,
    Deed,
    Entry,
    entry_after,
    line_of,
    read_chain,
    repair_of,
)

NAME: Final = "log.jsonl"
_MODE: Final = 0o640


class FileLog:
    """`log.jsonl` in central's folder.

    A writer that is killed leaves the log as it was, or with a torn last line. The next
    writer ends that line and tells of it by an entry of its own: nothing is taken away.

    Args:
        folder: Central's.
        user: Who writes.
        sudo_user: Who became that user; None: nobody.
    """

    def __init__(self, folder: Path, *, user: str, sudo_user: str | None) -> None:
        self._path = folder / NAME
        self._user = user
        self._sudo_user = sudo_user

    def add(self, deed: Deed, *, at: datetime) -> Entry:
        """Write down a deed; on disk when this returns.

        Raises:
            StateError: The log cannot be written.
        """
        with _told(self._path), self._locked() as opened:
            document = _content(opened)
            chain = read_chain(document)
            entries = []
            if chain.torn:
                entries.append(self._entry(chain.last, repair_of(chain.torn), at=at))
            last = entries[-1] if entries else chain.last
            entries.append(self._entry(last, deed, at=at))
            # A last line may be whole but for its end.
            begun = b"\n" if document and not document.endswith(b"\n") else b""
            lines = b"".join(line_of(entry) + b"\n" for entry in entries)
            _append(opened, begun + lines)
        return entries[-1]

    def chain(self) -> Chain:
        """Return the whole log, verified.

        Raises:
            StateError: It cannot be read.
        """
        with _told(self._path):
            if not self._path.exists():
                return Chain()
            return read_chain(self._path.read_bytes())

    def _entry(self, last: Entry | None, deed: Deed, *, at: datetime) -> Entry:
        return entry_after(
            last, deed, user=self._user, sudo_user=self._sudo_user, at=at
        )

    @contextmanager
    def _locked(self) -> Iterator[int]:
        is_new = not self._path.exists()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        opened = os.open(self._path, flags, _MODE)
        try:
            # Held for a moment only, so waiting is right.
            fcntl.flock(opened, fcntl.LOCK_EX)
            if is_new:
                sync_folder(self._path.parent)
            yield opened
        finally:
            os.close(opened)


def who() -> tuple[str, str | None]:
    """Return the user of this process, and who became that by sudo."""
    try:
        # Not by the environment, which anybody sets.
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return user, os.environ.get("SUDO_USER") or None


def _content(opened: int) -> bytes:
    with os.fdopen(os.dup(opened), "rb") as file:
        file.seek(0)
        return file.read()


def _append(opened: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(opened, view) :]
    os.fsync(opened)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Raise what the disk says as our error, naming the file."""
    try:
        yield
    except OSError as error:
        raise StateError(f"{error.filename or path}: {error.strerror}") from error
