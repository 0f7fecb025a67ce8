"""The window: the last samples on a grid, oldest first, NaN where there is a gap."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from agent.core.sample import Sample

UPTIME = "system.uptime"
_START_COLUMNS = 8
# Devices that come and go make a new layout each time.
_LAYOUTS = 64
_BOOTS = 16


class _Places(NamedTuple):
    """Which of a layout's values are kept, and in which columns."""

    taken: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]


class Window:
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
        boots_s: When the host booted, as far as its uptime was seen; Unix seconds,
            oldest first, one an actual boot.
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
        self.boots_s: list[float] = []
        self.revision = 0
        # Twice as long as what is kept: the newest rows are one slice without a copy.
        self._rows = self._empty(_START_COLUMNS)
        self._end = self.capacity
        self._keeps = keeps
        self._places: dict[tuple[str, ...], _Places] = {}

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
        older than the newest slot (the clock went back) empties the window: what was
        measured under another clock cannot be put on one grid with it.
        """
        slot = self.slot_of(sample.at)
        if self.slot is not None and slot < self.slot:
            self.clear()
        self.advance(slot)
        places = self._places.get(sample.layout)
        if places is None:
            places = self._placed(sample.layout)
        row = self._rows[self._end - 1]
        row.fill(np.nan)
        row[places.columns] = sample.values[places.taken]

    def clear(self) -> None:
        """Forget all rows; the columns stay."""
        self._rows.fill(np.nan)
        self._end = self.capacity
        self.slot = None

    def note_boot(self, sample: Sample) -> None:
        """Learn from a sample's uptime when the host booted, before taking it in."""
        if UPTIME in sample.layout:
            uptime_s = float(sample.values[sample.layout.index(UPTIME)])
            boot_s = sample.at.timestamp() - uptime_s
            # A clock that is set, or a float32 of years, moves the same boot a little.
            if not np.isnan(uptime_s) and (
                not self.boots_s or boot_s > self.boots_s[-1] + self.interval_s / 2
            ):
                self.boots_s = [*self.boots_s[-_BOOTS:], boot_s]

    def advance(self, slot: int) -> None:
        """Make `slot` the newest, all rows since the last one being gaps."""
        steps = self.capacity if self.slot is None else slot - self.slot
        self.slot = slot
        for _ in range(min(steps, self.capacity)):
            if self._end == len(self._rows):
                self._rows[: self.capacity] = self._rows[-self.capacity :]
                self._end = self.capacity
            self._rows[self._end] = np.nan
            self._end += 1

    def rows(self, count: int, *, back: int = 0) -> npt.NDArray[np.float32]:
        """Return `count` rows, oldest first, the last one `back` before the newest.

        A view, float32, shape (count, columns): valid until the next append.

        Raises:
            ValueError: More rows than the window keeps were asked for.
        """
        if count + back > self.capacity:
            raise ValueError(
                f"expected at most {self.capacity} rows back, got {count + back}"
            )
        end = self._end - back
        return self._rows[end - count : end]

    def _placed(self, layout: tuple[str, ...]) -> "_Places":
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

    def _make_room(self, layout: Sequence[str]) -> None:
        """Widen the rows; forget series that left no value behind (a gone device)."""
        wide = self._rows.shape[1]
        seen: npt.NDArray[np.bool_] = np.any(~np.isnan(self._rows), axis=0)
        kept = [n for n, c in self.columns.items() if c < wide and seen[c]]
        grown = self._empty(2 * (len(kept) + len(layout)))
        grown[:, : len(kept)] = self._rows[:, [self.columns[name] for name in kept]]
        self._rows = grown
        self.columns = {n: c for c, n in enumerate(dict.fromkeys([*kept, *layout]))}
        self._places = {}

    def _empty(self, columns: int) -> npt.NDArray[np.float32]:
        return np.full((2 * self.capacity, columns), np.nan, dtype=np.float32)
