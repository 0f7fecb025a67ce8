"""Release folders: a manifest, its model and its card, side by side."""

from pathlib import Path


class FolderOfReleases:
    """One folder a task under `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, task: str, files: dict[str, bytes]) -> None:
        """Write a task's files, all whole before the first takes its place."""
        _write(self._root / task, files)


class OneFolder:
    """The same folder, whatever is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, task: str, files: dict[str, bytes]) -> None:
        """Write files, all whole before the first takes its place."""
        _write(self._folder, files)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write all beside their places first: what is interrupted then changes nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        _part(folder, name).write_bytes(content)
    for name in files:
        _part(folder, name).replace(folder / name)


def _part(folder: Path, name: str) -> Path:
    return folder / f".{name}.part"
