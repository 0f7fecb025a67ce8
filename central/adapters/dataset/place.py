"""Where the files lie: a folder of this machine, or an object store by its address."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pyarrow import ArrowInvalid, fs

from agent.errors import ConfigError, UnavailableError
from central.adapters.disk import sync_folder

_TASK: Final = "task="
_DAY: Final = "day="
_SUFFIX: Final = ".parquet"
# Engines pass over whatever begins with it.
_HIDDEN: Final = "_"
# A small file goes to the store in one request; an upload in parts that is cut off
# would cost its space for ever, seen by nobody.
_AT_ONCE: Final = "allow_delayed_open=true"


class Place:
    """Parquet files under one root, as `task=NAME/day=YYYY-MM-DD/NAME.parquet`.

    It can be sent to another machine, which then reads the same files if it reaches
    the same root.

    Args:
        filesystem: Of pyarrow.
        root: Of the files, as the filesystem names it.
        shown: The root as people know it, without any secret.
    """

    def __init__(self, filesystem: Any, *, root: str, shown: str) -> None:  # noqa: ANN401 - untyped library
        self.filesystem = filesystem
        self._root = PurePosixPath(root)
        self._shown = shown

    def path(self, task: str, day: date, name: str) -> str:
        """Return where a file of a task's day lies; `name` without an ending."""
        folder = self._root / f"{_TASK}{task}" / f"{_DAY}{day.isoformat()}"
        return str(folder / f"{name}{_SUFFIX}")

    def tasks(self) -> list[str]:
        """Return the tasks that have a folder, by name."""
        names = [PurePosixPath(path).name for path in self._listed(self._root)]
        return sorted(n.removeprefix(_TASK) for n in names if n.startswith(_TASK))

    def days(self, task: str) -> list[date]:
        """Return the days of a task that have a folder, rising."""
        found = map(_day_of, self._listed(self._root / f"{_TASK}{task}"))
        return sorted(day for day in found if day is not None)

    def files(self, task: str, day: date) -> list[str]:
        """Return the paths of the files of a task's day, by name."""
        folder = self._root / f"{_TASK}{task}" / f"{_DAY}{day.isoformat()}"
        return sorted(path for path in self._listed(folder) if _is_ours(path))

    def put(self, path: str, content: bytes) -> None:
        """Write a file that is whole or not there, and there for good on return.

        Raises:
            UnavailableError: It cannot be written now.
        """
        is_folder = isinstance(self.filesystem, fs.LocalFileSystem)
        with self._reached():
            if is_folder:
                _put_file(Path(path), content)
            else:
                # An object store shows an object when it is complete, not before.
                with self.filesystem.open_output_stream(path) as stream:
                    stream.write(content)

    def get(self, path: str) -> bytes:
        """Return a file's bytes.

        Raises:
            FileNotFoundError: It is gone.
            UnavailableError: It cannot be read now.
        """
        with (
            self._reached(may_be_gone=True),
            self.filesystem.open_input_file(path) as file,
        ):
            content: bytes = file.readall()
            return content

    def remove(self, path: str) -> None:
        """Remove a file; one that is gone already is fine."""
        with self._reached(), suppress(FileNotFoundError):
            self.filesystem.delete_file(path)

    def size_bytes(self, paths: Sequence[str]) -> int:
        """Return how long these files are together; what is gone has no length."""
        with self._reached():
            return sum(
                info.size or 0 for info in self.filesystem.get_file_info(list(paths))
            )

    @contextmanager
    def _reached(self, *, may_be_gone: bool = False) -> Iterator[None]:
        """Turn what the filesystem raises into "not now", naming the root."""
        try:
            yield
        except OSError as error:
            if may_be_gone and isinstance(error, FileNotFoundError):
                raise
            words = error.strerror or " ".join(str(error).split())
            raise UnavailableError(f"dataset {self._shown}: {words}") from error

    def _listed(self, folder: PurePosixPath) -> list[str]:
        selector = fs.FileSelector(str(folder), allow_not_found=True)
        with self._reached():
            return [info.path for info in self.filesystem.get_file_info(selector)]


def place(url: str) -> Place:
    """Return the place of an address: a folder, or such as `s3://bucket/path`.

    Whatever an object store needs to know besides stands in the address, as pyarrow
    documents it (`?region=...&endpoint_override=...`), or in the environment of the
    process, where secrets belong.

    Raises:
        ConfigError: There is no such kind of store, or the address cannot be one.
        UnavailableError: The store cannot be reached now.
    """
    if "://" not in url:
        root = str(Path(url).absolute())
        return Place(fs.LocalFileSystem(), root=root, shown=root)
    scheme, _, rest = url.partition("://")
    shown = f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"
    try:
        filesystem, root = fs.FileSystem.from_uri(_at_once(url))
        if not root:
            raise ValueError("it names no bucket")  # noqa: TRY301 - told as the others
    except (ArrowInvalid, NotImplementedError, ValueError) as error:
        words = str(error).partition(scheme)[0].rstrip(" :'\"")
        raise ConfigError(
            f"dataset.url: expected a folder or an object store such as "
            f"s3://bucket/path, got {shown}: {words}"
        ) from error
    except OSError as error:
        raise UnavailableError(f"dataset {shown}: {error}") from error
    return Place(filesystem, root=root, shown=shown)


def _at_once(url: str) -> str:
    """Return the address of an S3 store with `_AT_ONCE`; any other as it is."""
    if not url.startswith("s3://"):
        return url
    return f"{url}{'&' if '?' in url else '?'}{_AT_ONCE}"


def _day_of(path: str) -> date | None:
    """Return the day of a folder of ours; None for any other."""
    _, is_ours, text = PurePosixPath(path).name.partition(_DAY)
    try:
        return date.fromisoformat(text) if is_ours else None
    except ValueError:
        return None


def _is_ours(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.endswith(_SUFFIX) and not name.startswith(_HIDDEN)


def _put_file(path: Path, content: bytes) -> None:
    """Write a file by rename; on disk, under its name, when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{_HIDDEN}{path.name}.{os.getpid()}")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    # The name, and the folders that may be new.
    for folder in list(path.parents)[:3]:
        sync_folder(folder)
