"""The dataset: what is added, made smaller, counted and read."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agent.errors import UnavailableError
from central.adapters.dataset.place import Place, place
from central.adapters.dataset.reading import Wanted, read_file
from central.adapters.dataset.rows import (
    TIMED_KEY,
    document,
    joined,
    name_of,
    ordered,
    samples,
    table_of,
)
from central.core.samples import Samples
from central.ports.dataset import Batch, Stock

_READERS: Final = 8
# A compaction takes files away under a reader; one a day, so a second is seldom met.
_ATTEMPTS: Final = 4
_COUNTED: Final = Wanted(columns=(*TIMED_KEY, "release", "label"))
_Got = TypeVar("_Got")


def opened(url: str) -> "ParquetDataset":
    """Return the dataset at an address; a folder is made when something is added.

    Raises:
        ConfigError: The address cannot be one.
        UnavailableError: The store cannot be reached now.
    """
    return ParquetDataset(place(url))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPart:
    """The samples of one day of a task; can be sent to another machine and read there.

    Attributes:
        width: Features of a row; None: as many as most have.
    """

    place: Place
    task: str
    day: date
    wanted: Wanted
    width: int | None

    def __call__(self) -> Samples:
        """Return the samples, by time, each once.

        Raises:
            UnavailableError: The files cannot be read now.
            StateError: One of them is damaged; names it.
        """
        read = partial(_read_day, self.place, self.task, self.day, wanted=self.wanted)
        return samples(_in_peace(read), width=self.width)


class ParquetDataset:
    """Labelled samples as Parquet files, `task=NAME/day=YYYY-MM-DD/*.parquet`.

    Every file appears whole and under its final name. The name comes from which
    samples are in it, so adding a batch again writes the same file again.
    """

    def __init__(self, where: Place) -> None:
        self._place = where

    def add(self, batch: Batch) -> None:
        """Write a batch as one file; the same batch again changes nothing.

        Raises:
            UnavailableError: The files cannot be written now; no half file is seen.
        """
        self._write(batch.task, batch.day, ordered([table_of(batch.rows)]))

    def compact(self, *, before: date) -> int:
        """Make one file of each earlier day of a task; return how many files went.

        What is new is there for good before anything old goes. In between, or after a
        crash there, other engines see a day's samples twice; this one never does, and
        the next compaction ends it.

        Raises:
            UnavailableError: The files cannot be read or written now.
            StateError: One of them is damaged; names it. Nothing of its day was lost.
        """
        return sum(
            _in_peace(partial(self._compact_day, task, day))
            for task in self._place.tasks()
            for day in self._place.days(task)
            if day < before
        )

    def tasks(self) -> tuple[str, ...]:
        """Return the tasks of which there are samples, by name."""
        # A crash may leave empty folders.
        return tuple(
            task
            for task in self._place.tasks()
            if any(self._place.files(task, day) for day in self._place.days(task))
        )

    def releases(self, task: str) -> tuple[str, ...]:
        """Return the digests of the manifests whose features there are, sorted."""
        table = self._table(task, wanted=Wanted(columns=(*TIMED_KEY, "release")))
        return tuple(sorted(pc.unique(table["release"]).to_pylist()))

    def stock(self) -> tuple[Stock, ...]:
        """Return what there is of each task, by name.

        Raises:
            UnavailableError: The files cannot be read now.
            StateError: One of them is damaged; names it.
        """
        return tuple(self._stock_of(task) for task in self.tasks())

    def parts(
        self,
        task: str,
        *,
        releases: Collection[str],
        width: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[DayPart, ...]:
        """Return what `read` returns, a day each, to be read elsewhere.

        Args:
            task: Whose samples.
            releases: With the features of these manifests, by digest.
            width: Features of a row; None: as many as most have.
            since: Predicted then or later; None: ever.
            until: Predicted before; None: ever.

        Raises:
            UnavailableError: The files cannot be listed now.
        """
        wanted = Wanted(releases=frozenset(releases), since=since, until=until)
        return tuple(
            DayPart(place=self._place, task=task, day=day, wanted=wanted, width=width)
            for day in self._place.days(task)
            if _may_hold(day, wanted)
        )

    def read(
        self,
        task: str,
        *,
        releases: Collection[str],
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Samples:
        """Return a task's samples with the features of these manifests, by time.

        A sample that is in two files comes once.

        Raises:
            UnavailableError: The files cannot be read now.
            StateError: One of them is damaged; names it.
        """
        wanted = Wanted(releases=frozenset(releases), since=since, until=until)
        return samples(self._table(task, wanted=wanted))

    def _table(self, task: str, *, wanted: Wanted) -> pa.Table:
        """Return what is asked for of a task, by time, each sample once."""
        days = [day for day in self._place.days(task) if _may_hold(day, wanted)]
        reads = [
            partial(_read_day, self._place, task, day, wanted=wanted) for day in days
        ]
        with ThreadPoolExecutor(_READERS) as readers:
            return joined(readers.map(_in_peace, reads), columns=wanted.columns)

    def _stock_of(self, task: str) -> Stock:
        table = self._table(task, wanted=_COUNTED)
        listed = {d: self._place.files(task, d) for d in self._place.days(task)}
        days = [day for day, paths in listed.items() if paths]
        files = [path for paths in listed.values() for path in paths]
        label = table["label"].to_numpy()
        return Stock(
            task=task,
            rows=len(table),
            events=int(label.sum()) if np.isin(label, (0, 1)).all() else None,
            hosts=len(pc.unique(table["host"])),
            releases=len(pc.unique(table["release"])),
            first=days[0],
            last=days[-1],
            days=len(days),
            files=len(files),
            size_bytes=self._place.size_bytes(files),
        )

    def _compact_day(self, task: str, day: date) -> int:
        paths = self._place.files(task, day)
        if len(paths) < 2:  # noqa: PLR2004 - one is what it is to become
            return 0
        kept = self._write(task, day, _read(self._place, paths, wanted=Wanted()))
        old = [path for path in paths if path != kept]
        for path in old:
            self._place.remove(path)
        return len(old)

    def _write(self, task: str, day: date, table: pa.Table) -> str:
        path = self._place.path(task, day, name_of(table))
        self._place.put(path, document(table))
        return path


def _read_day(place_: Place, task: str, day: date, *, wanted: Wanted) -> pa.Table:
    return _read(place_, place_.files(task, day), wanted=wanted)


def _read(place_: Place, paths: Sequence[str], *, wanted: Wanted) -> pa.Table:
    tables = [read_file(place_, path, wanted=wanted) for path in paths]
    return ordered(tables, columns=wanted.columns)


def _in_peace(read: Callable[[], _Got]) -> _Got:
    """Return what was read, from the start again if files went meanwhile.

    Raises:
        UnavailableError: They go on going.
    """
    for _ in range(_ATTEMPTS - 1):
        with suppress(FileNotFoundError):
            return read()
    try:
        return read()
    except FileNotFoundError as error:
        raise UnavailableError(
            f"dataset: a file went while it was read: {error}"
        ) from error


def _may_hold(day: date, wanted: Wanted) -> bool:
    since, until = wanted.since, wanted.until
    is_over = since is not None and day < since.astimezone(UTC).date()
    is_to_come = until is not None and day > until.astimezone(UTC).date()
    return not (is_over or is_to_come)
