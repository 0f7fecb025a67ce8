"""The grid: rows of series at equal steps, oldest first, NaN where there is a gap."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from agent.core.points import Line, line_of
from agent.core.sample import Sample

_START_COLUMNS = 1
# Devices that come and go make a new layout each time.
_LAYOUTS = 64
# The newest rows are one slice without a copy: a part more than is kept, and once that
# is full all is moved back. An eighth moves eight rows an append, and is little memory.
_SPARE = 8


class _Places(NamedTuple):
    """Which of a layout's values are kept, and in which columns."""

    taken: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]


class Grid:
    """The last rows of all series on a grid of equal steps.

    A row is a *slot*: the number of intervals since the grid's origin, rounded. What
    was never sampled is NaN, also before the first sample, so a reader always gets as
    many rows as it asked for.

    Args:
        keeps: Whether a series, by its canonical spelling, is kept; by default all are.

    Attributes:
        interval_s: Distance between two rows, in seconds.
        origin_s: Instant of slot 0, Unix seconds. A recorded host's samples need not
            fall on whole multiples of their interval.
        capacity: Rows that are kept.
        columns: Canonical spelling of each series that is kept -> its column.
        slot: Slot of the newest row; None before the first.
        revision: Grows whenever a column is added.
    """

    def __init__(
        self,
        *,
        interval_s: float,
        span_s: float,
        origin_s: float = 0.0,
        keeps: Callable[[str], bool] = bool,
    ) -> None:
        self.interval_s = interval_s
        self.origin_s = origin_s
        self.capacity = max(2, math.ceil(span_s / interval_s) + 1)
        self.columns: dict[str, int] = {}
        self.slot: int | None = None
        self.revision = 0
        self._rows = self._empty(_START_COLUMNS)
        self._end = self.capacity
        self._keeps = keeps
        self._places: dict[tuple[str, ...], _Places] = {}
        # What was read since the newest row came.
        self._lines: dict[int, Line] = {}

    def slot_of(self, at: datetime) -> int:
        """Return the slot of an instant."""
        return math.floor((at.timestamp() - self.origin_s) / self.interval_s + 0.5)

    def instant_of(self, slot: int) -> datetime:
        """Return the instant of a slot; aware, UTC."""
        return datetime.fromtimestamp(self.origin_s + slot * self.interval_s, UTC)

    def count(self, span_s: float) -> int:
        """Return how many grid points a span covers; at least one."""
        return max(1, round(span_s / self.interval_s))

    def append(self, sample: Sample) -> None:
        """Take in a sample; slots between it and the one before become gaps.

        A second sample for the newest slot takes the place of the first. A sample
        older than the newest slot (the clock went back) empties the grid: what was
        measured under another clock cannot be put on one grid with it.
        """
        slot = self.slot_of(sample.at)
        if self.slot is not None and slot < self.slot:
            self.clear()
        self._advance(slot)
        places = self._places.get(sample.layout)
        if places is None:
            places = self._placed(sample.layout)
        row = self._rows[self._end - 1]
        row.fill(np.nan)
        row[places.columns] = sample.values[places.taken]

    def clear(self) -> None:
        """Forget all rows; the columns stay."""
        self._rows.fill(np.nan)
        self._lines.clear()
        self._end = self.capacity
        self.slot = None

    def advance(self, slot: int) -> None:
        """Make `slot` the newest, all rows since the last one being gaps."""
        self._advance(slot)

    def rows(self, count: int, *, back: int = 0) -> npt.NDArray[np.float32]:
        """Return `count` rows, oldest first, the last one `back` before the newest.

        A view, float32, shape (count, columns): valid until the next append. The points
        of a series are next to one another in memory.

        Raises:
            ValueError: Rows newer than the newest or older than what is kept.
        """
        if back < 0 or count + back > self.capacity:
            raise ValueError(
                f"expected rows within the last {self.capacity}, got {count} that end "
                f"{back} before the newest"
            )
        end = self._end - back
        return self._rows[end - count : end]

    def line(self, column: int, *, count: int) -> Line:
        """Return at least the newest `count` points of a series.

        Whoever asks until the next row comes is given the same ones, so that a series
        is read once for all tasks.
        """
        line = self._lines.get(column)
        if line is None or len(line.x) < count:
            read = self.rows(count)[:, column].astype(np.float64)
            line = self._lines[column] = line_of(read)
        return line

    def _advance(self, slot: int) -> None:
        self._lines.clear()
        steps = self.capacity if self.slot is None else slot - self.slot
        self.slot = slot
        for _ in range(min(steps, self.capacity)):
            if self._end == len(self._rows):
                self._move_back()
            self._rows[self._end] = np.nan
            self._end += 1

    def _move_back(self) -> None:
        # Series by series: numpy copies what overlaps, and all at once is much memory.
        for series in self._rows.T:
            series[: self.capacity] = series[-self.capacity :]
        self._end = self.capacity

    def _placed(self, layout: tuple[str, ...]) -> _Places:
        taken = [place for place, name in enumerate(layout) if self._keeps(name)]
        names = [layout[place] for place in taken]
        for name in names:
            if name not in self.columns:
                self.columns[name] = len(self.columns)
                self.revision += 1
        if len(self.columns) > self._rows.shape[1]:
            self._make_room(names)
        if len(self._places) == _LAYOUTS:
            self._places.clear()
        places = _Places(
            taken=np.array(taken, dtype=np.intp),
            columns=np.array([self.columns[name] for name in names], dtype=np.intp),
        )
        self._places[layout] = places
        return places

    def _make_room(self, names: Sequence[str]) -> None:
        """Widen the rows; forget series that left no value behind (a gone device)."""
        held = self._rows.T
        kept = {
            name: held[column]
            for name, column in self.columns.items()
            if column < len(held) and not np.isnan(held[column]).all()
        }
        wanted = dict.fromkeys([*kept, *names])
        grown = self._empty(len(wanted) + len(wanted) // _SPARE + 1)
        for column, series in enumerate(kept.values()):
            grown[:, column] = series
        self._rows = grown
        self.columns = {name: column for column, name in enumerate(wanted)}
        self._places = {}

    def _empty(self, columns: int) -> npt.NDArray[np.float32]:
        rows = self.capacity + self.capacity // _SPARE + 1
        return np.full((rows, columns), np.nan, dtype=np.float32, order="F")
