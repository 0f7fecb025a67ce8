"""Release folders: a manifest, its model and its card, side by side."""

from pathlib import Path


class FolderOfReleases:
    """One folder a task under `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, task: str, files: dict[str, bytes]) -> None:
        """Write a task's files, each whole or not at all."""
        _write(self._root / task, files)


class OneFolder:
    """The same folder, whatever is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, task: str, files: dict[str, bytes]) -> None:
        """Write files, each whole or not at all."""
        _write(self._folder, files)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        part = folder / f".{name}.part"
        part.write_bytes(content)
        part.replace(folder / name)
