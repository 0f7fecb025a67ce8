"""The evidence of breaches as files, for people and tools that know no database."""

import os
from pathlib import Path
from typing import Final

from agent.adapters.disk import remove, sync_folder
from agent.errors import StateError

MAX_FILES: Final = 200
_FOLDER_MODE: Final = 0o750
_FILE_MODE: Final = 0o640
# One writer, so one name will do, and what a death leaves behind is written over.
_UNFINISHED: Final = ".unfinished"


class EvidenceFiles:
    """A folder of JSON documents; the oldest go when there are more than 200.

    Args:
        folder: Made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, document: bytes) -> None:
        """Write a document that a power failure leaves whole; in place of the same.

        Raises:
            StateError: It cannot be written; no half file has the name.
        """
        path = self._folder / f"{name}.json"
        try:
            self._make_folder()
            self._write(path, document)
            self._keep_newest(path)
            sync_folder(self._folder)
        except OSError as error:
            raise StateError(
                f"{path}: keeping evidence: {error.strerror}; expected a folder that "
                "this user can write to, on a disk with room"
            ) from error

    def _make_folder(self) -> None:
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True)
            self._folder.chmod(_FOLDER_MODE)

    def _write(self, path: Path, document: bytes) -> None:
        unfinished = self._folder / _UNFINISHED
        remove(unfinished)
        try:
            with unfinished.open("xb") as file:
                os.fchmod(file.fileno(), _FILE_MODE)
                file.write(document)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError:
            remove(unfinished)
            raise

    def _keep_newest(self, newest: Path) -> None:
        """Remove the oldest files; never `newest`, whatever the clock said before."""
        others = [path for path in self._folder.glob("*.json") if path != newest]
        others.sort(key=lambda path: path.lstat().st_mtime_ns, reverse=True)
        for path in others[MAX_FILES - 1 :]:
            remove(path)
