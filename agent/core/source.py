"""A source: one series of all entities, read from a grid once for many calls."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from agent.core.grid import Grid
from agent.core.points import Line, Rows, line_of, reach, same_time_of_day
from agent.core.series import Series
from agent.core.syntax import Call, Function

_Where: TypeAlias = slice | Rows


class Range(NamedTuple):
    """Which points of a source a call reads.

    Attributes:
        where: Index of a line's points, counted back from the newest.
        oldest: How many of the newest points it reaches back over.
    """

    where: _Where
    oldest: int


class Source:
    """What all calls read that have grid and series in common.

    The longest range is copied out of the grid; the others are parts of it.
    """

    def __init__(self, series: Series, *, grid: Grid) -> None:
        self._series = series
        self._grid = grid
        self._count = 0
        self._columns: Rows = np.empty(0, dtype=np.intp)
        self._absent: Rows = np.empty(0, dtype=np.intp)
        self._only: int | None = None

    def range_of(self, call: Call) -> Range:
        """Return what a call reads; what is read is from now on at least as long."""
        interval_s = self._grid.interval_s
        count, skipped = reach(call, interval_s=interval_s)
        oldest = count + skipped
        self._count = max(self._count, oldest)
        if call.function is Function.SEASONAL_SHARE_ABOVE:
            return Range(
                same_time_of_day(count, interval_s=interval_s) - oldest, oldest
            )
        return Range(slice(-oldest, -skipped or None), oldest)

    def place(self, entities: Sequence[str]) -> None:
        """Look up where each entity is on the grid now."""
        names = [str(self._series.bound(entity)) for entity in entities]
        found = np.array(
            [self._grid.columns.get(name, -1) for name in names], dtype=int
        )
        self._absent = np.flatnonzero(found < 0)
        self._columns = np.maximum(found, 0)
        is_one = len(found) == 1 and not len(self._absent)
        self._only = int(found[0]) if is_one else None

    def read(self) -> Line:
        """Return the points of the longest range, and maybe older ones.

        Those of an entity are next to one another. Of a single entity that the grid
        knows they have one dimension only.
        """
        if self._only is not None:
            return self._grid.line(self._only, count=self._count)
        rows = self._grid.rows(self._count)
        x = rows.T[self._columns].astype(np.float64, order="C")
        x[self._absent] = np.nan
        return line_of(x.T)
