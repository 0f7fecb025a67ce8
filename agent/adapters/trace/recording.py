"""A trace that is being written: a whole file after each row, whatever ends it."""

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from typing import Self

import numpy as np

from agent.adapters.disk import remove, sync_folder
from agent.adapters.trace.table import TIMESTAMP, is_parquet
from agent.adapters.trace.turned import check_can_turn, turn
from agent.core.sample import Sample
from agent.errors import StateError

_ADDING = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC


@contextmanager
def recording(path: Path) -> Iterator["Recording"]:
    """Yield what takes the samples of a new trace.

    A Parquet file cannot be read before its end is written. So the rows go to a CSV
    file beside it, which is turned into Parquet afterwards; if there is no afterwards,
    the CSV file is the trace.

    Args:
        path: The file, `.csv` or `.parquet`; neither it nor the CSV file beside it may
            be there yet. It is not made before the first row.

    Raises:
        ConfigError: It is to be Parquet, and what writes Parquet is not installed.
        StateError: There is such a file, or it cannot be written; rows that were
            taken are in the CSV file.
    """
    rows = path.with_suffix(".csv") if is_parquet(path) else path
    if rows != path:
        check_can_turn(path)
        _check_free(path)
    with closing(Recording.begin(rows)) as taking:
        yield taking
    if rows != path and taking.rows:
        try:
            turn(rows, path)
            rows.unlink()
        except OSError as error:
            reason = error.strerror or str(error)
            raise StateError(f"{path}: {reason}; the rows are in {rows}") from error


class Recording:
    """Appends samples to a CSV file, each by one write.

    A series that comes up later gets a column of its own: the rows until then are
    copied once, with nothing in it. One that is gone has nothing in it from then on.

    Attributes:
        rows: How many were written.
        columns: The series, each with its place behind the timestamp.
        size_bytes: Of the file.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._file = descriptor
        self._layout: tuple[str, ...] = ()
        self._header_bytes = 0
        self.rows = 0
        self.columns: dict[str, int] = {}
        self.size_bytes = 0

    @classmethod
    def begin(cls, path: Path) -> Self:
        """Return a recording into a new file.

        Raises:
            StateError: There is such a file, or it cannot be made.
        """
        _check_free(path)
        with _reported(path):
            return cls(path, os.open(path, _ADDING | os.O_CREAT | os.O_EXCL, 0o644))

    def append(self, sample: Sample) -> None:
        """Write a sample as a row.

        Raises:
            StateError: It cannot be written; the rows before it are there.
        """
        with _reported(self._path):
            if sample.layout is not self._layout:
                self._take(sample.layout)
            cells = [""] * len(self.columns)
            for place in np.flatnonzero(~np.isnan(sample.values)):
                # Of a float32 the shortest text that reads back as the same one.
                cells[self.columns[sample.layout[place]]] = str(sample.values[place])
            self._write(_line([sample.at.isoformat(), *cells]))
        self.rows += 1

    def close(self) -> None:
        """Let the file go, synced; without a row there is none."""
        with _reported(self._path):
            if self.rows:
                os.fsync(self._file)
            else:
                remove(self._path)
            os.close(self._file)

    def _take(self, layout: tuple[str, ...]) -> None:
        """Have a column for each series of a layout."""
        new = [series for series in layout if series not in self.columns]
        if new:
            names = [*self.columns, *new]
            header = _line([TIMESTAMP, *names])
            if self.rows:
                self._widen(header, count=len(new))
            else:
                self._write(header)
            self._header_bytes = len(header)
            self.columns = {series: place for place, series in enumerate(names)}
        self._layout = layout

    def _widen(self, header: bytes, *, count: int) -> None:
        """Put the rows under a longer header, with `count` empty cells more."""
        wider = self._path.with_name(f".{self._path.name}.unfinished")
        more = b"," * count + b"\n"
        try:
            with self._path.open("rb") as old, wider.open("wb") as new:
                old.seek(self._header_bytes)
                new.write(header)
                new.writelines(line.removesuffix(b"\n") + more for line in old)
                new.flush()
                os.fsync(new.fileno())
            wider.replace(self._path)
        finally:
            remove(wider)
        sync_folder(self._path.parent)
        os.close(self._file)
        self._file = os.open(self._path, _ADDING)
        self.size_bytes = self._path.stat().st_size

    def _write(self, line: bytes) -> None:
        """Write a line, or nothing of it."""
        try:
            rest = line
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            os.ftruncate(self._file, self.size_bytes)
            raise
        self.size_bytes += len(line)


def _line(cells: Sequence[str]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _check_free(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise StateError(f"{path}: expected no such file yet, got one; nothing is lost")


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateError(
            f"{path}: {error.strerror or error}; expected a place that this user can "
            "write to, with room"
        ) from error
