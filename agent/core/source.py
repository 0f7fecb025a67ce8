"""A source: one series of all entities, read from the window once for many calls."""

from collections.abc import Iterator, Sequence

import numpy as np

from agent.core.points import (
    Matrix,
    Points,
    Rows,
    has_gaps,
    points,
    same_time_of_day,
)
from agent.core.series import Series
from agent.core.window import Window


class Source:
    """What all calls read that have the series and the end of their range in common.

    The longest range is copied out of the window; the shorter ones are its end.
    """

    def __init__(self, series: Series, *, skipped: int) -> None:
        self._series = series
        self._skipped = skipped
        self._count = 0
        # Points of a range and whether only those at this time of day -> which ones.
        self._ranges: dict[tuple[int, bool], Rows | None] = {}
        self._columns: Rows = np.empty(0, dtype=np.intp)
        self._absent: Rows = np.empty(0, dtype=np.intp)
        self._only: int | None = None

    def range_of(self, count: int, *, is_seasonal: bool, interval_s: float) -> int:
        """Return the number of a range, a new one unless it was asked for before."""
        key = count, is_seasonal
        if key not in self._ranges:
            chosen = same_time_of_day(count, interval_s=interval_s)
            self._ranges[key] = chosen if is_seasonal else None
            self._count = max(self._count, count)
        return list(self._ranges).index(key)

    def place(self, window: Window, entities: Sequence[str]) -> None:
        """Look up where each entity is in the window now."""
        names = [str(self._series.bound(entity)) for entity in entities]
        found = np.array([window.columns.get(name, -1) for name in names], dtype=int)
        self._absent = np.flatnonzero(found < 0)
        self._columns = np.maximum(found, 0)
        is_one = len(found) == 1 and not len(self._absent)
        self._only = int(found[0]) if is_one else None

    def read(self, window: Window) -> list[Points]:
        """Return the points of each range; shape (n_points, n_entities)."""
        x = self._matrix(window)
        if has_gaps(x):
            return [points(part) for part in self._parts(x)]
        return list(self._parts(x))

    def _parts(self, x: Matrix) -> Iterator[Matrix]:
        for (count, _), chosen in self._ranges.items():
            part = x[len(x) - count :]
            yield part if chosen is None else part[chosen]

    def _matrix(self, window: Window) -> Matrix:
        """Return the longest range, the points of an entity next to one another.

        Of a single entity it has one dimension only.
        """
        rows = window.rows(self._count, back=self._skipped)
        if self._only is not None:
            # A slice: a fancy index would cost more than all the rest.
            return rows[:, self._only].astype(np.float64)
        x = rows.T[self._columns].astype(np.float64, order="C")
        x[self._absent] = np.nan
        return x.T
