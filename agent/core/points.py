"""Points: what a call finds of a series in its range, sorted by what is missing."""

import math
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from agent.core.syntax import Call

Vector: TypeAlias = npt.NDArray[np.float64]
Matrix: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.intp]

_DAY_S: Final = 86400.0
_SAME_TIME_S: Final = 900.0
# Of a step: spans are multiples of the interval, but a recorded host's interval is
# measured and may be 9.9999998 s.
_ROUNDING: Final = 1e-3
_ONLY: Final = np.zeros(1, dtype=np.intp)


# A tuple, not a dataclass: made anew at every evaluation.
class Group(NamedTuple):
    """The entities of a range that lack the same points.

    Attributes:
        entities: Which columns of the range they are.
        rows: Which rows of the range are present.
        x: float64, shape (len(rows), len(entities)): those points, none missing.
    """

    entities: Rows
    rows: Rows
    x: Matrix


# Without a gap a range is its matrix: no sorting, no copy.
Points: TypeAlias = Matrix | list[Group]


class Line(NamedTuple):
    """The newest points of one entity or of several.

    Attributes:
        x: float64, shape (n_points,) or (n_points, n_entities); oldest first, NaN for a
            gap.
        unbroken: How many of the newest are there of every entity.
    """

    x: Matrix
    unbroken: int


def line_of(x: Matrix) -> Line:
    """Return these points and how many of the newest have no gap among them."""
    if not has_gaps(x):
        return Line(x, len(x))
    is_missing = np.isnan(x)
    if x.ndim > 1:
        is_missing = np.logical_or.reduce(is_missing, axis=1)
    return Line(x, _before_the_first(is_missing[::-1]))


def _before_the_first(is_missing: npt.NDArray[np.bool_]) -> int:
    return int(is_missing.argmax()) if is_missing.any() else len(is_missing)


def points(x: Matrix) -> Points:
    """Return the points of a range, `x` itself if none is missing.

    A missed sample is a gap in every series at once, so there are few groups.

    Args:
        x: float64, shape (n_points, n_entities) or, of one entity, (n_points,); oldest
            first, NaN for a gap; fastest with an entity's points next to one another.
    """
    if not has_gaps(x):
        return x
    if x.ndim == 1:
        rows = np.flatnonzero(~np.isnan(x))
        return [Group(_ONLY, rows, x.take(rows)[:, np.newaxis])]
    present = ~np.isnan(x.T)
    alike: dict[bytes, list[int]] = {}
    for entity, row in enumerate(present):
        alike.setdefault(row.tobytes(), []).append(entity)
    groups = []
    for members in alike.values():
        entities = np.array(members, dtype=np.intp)
        rows = np.flatnonzero(present[members[0]])
        groups.append(Group(entities, rows, x.T[entities].take(rows, axis=1).T))
    return groups


def has_gaps(x: Matrix) -> bool:
    """Return whether `x` may hold a NaN: one sum tells, infinities may deceive it."""
    return math.isnan(np.add.reduce(x, axis=None))


def reach(call: Call, *, interval_s: float) -> tuple[int, int]:
    """Return how many grid points a call reads and how many newer ones it skips.

    The newest slot is the evaluation instant and a range is open at its start, so
    [5m] at an interval of 10 s is 30 points. A range between two points has none.
    """
    skipped = math.ceil(call.offset_s / interval_s - _ROUNDING)
    oldest = math.ceil((call.offset_s + call.span_s) / interval_s - _ROUNDING)
    return oldest - skipped, skipped


def needed(count: int, *, min_coverage: float) -> int:
    """Return of how many among `count` points a result wants to be made; at least 1."""
    return max(1, math.ceil(min_coverage * count - _ROUNDING))


def same_time_of_day(count: int, *, interval_s: float) -> Rows:
    """Return which of `count` points, oldest first, share the newest one's time of day.

    Those at most 15 min from it: before it today, around it on each day before.
    """
    phase_s = np.arange(count - 1, -1, -1) * interval_s % _DAY_S
    distance_s = np.minimum(phase_s, _DAY_S - phase_s)
    return np.flatnonzero(distance_s <= _SAME_TIME_S + _ROUNDING)
