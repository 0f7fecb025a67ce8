"""The folder of immutable model files, each named by the SHA-256 of its bytes."""

import os
from collections.abc import Collection
from pathlib import Path

from agent.adapters.disk import remove, sync_folder
from agent.errors import StateError

_STAGED = ".part"
_MODEL = ".onnx"


class ModelFolder:
    """Where models are kept; one process at a time writes, any number read.

    Args:
        folder: Made if it is not there. What an earlier writer left unfinished goes.

    Raises:
        StateError: The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            for left in folder.glob(f"*{_STAGED}"):
                remove(left)
        except OSError as error:
            raise _unusable(error) from error

    def staging(self, digest: str) -> Path:
        """Return where a download of the model may be written."""
        return self._folder / f"{digest}{_STAGED}"

    def keep(self, digest: str) -> None:
        """Make the staged file the model's; on disk when this returns.

        Raises:
            StateError: The folder cannot be written; no half file has the name.
        """
        try:
            with self.staging(digest).open("rb") as file:
                os.fchmod(file.fileno(), 0o440)
                os.fsync(file.fileno())
            if not self.has(digest):
                remove(self._path(digest))
            self.staging(digest).replace(self._path(digest))
            sync_folder(self._folder)
        except OSError as error:
            raise _unusable(error) from error

    def has(self, digest: str) -> bool:
        """Return whether the model's file is there, and no link to another."""
        path = self._path(digest)
        return path.is_file() and not path.is_symlink()

    def keep_only(self, digests: Collection[str]) -> None:
        """Remove the files of all other models, whatever lies under their names.

        Raises:
            StateError: The folder cannot be written.
        """
        try:
            for path in self._folder.glob(f"*{_MODEL}"):
                if path.name.removesuffix(_MODEL) not in digests:
                    remove(path)
        except OSError as error:
            raise _unusable(error) from error

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}{_MODEL}"


def _unusable(error: OSError) -> StateError:
    return StateError(f"model folder: {error.filename}: {error.strerror}")
