"""The over-time functions: what the points of a range come to, all entities at once.

Meaning and edges are Prometheus' ("Range Vector Selectors", "Offset modifier" and
"Functions" in its documentation of querying):

- a range is `(t - offset - span, t - offset]`, t being the newest slot of the grid:
  of the window's, or of the roll-ups' where a call reads back further than 6 h;
- deriv and predict_linear are the least-squares line; predict_linear tells its value
  so many seconds after t itself, whatever the offset; both want two points;
- delta goes from the first point to the last, stretched to the ends of the range;
- stddev_over_time is that of a population; quantile_over_time interpolates linearly;
- share_above and seasonal_share_above, not in Prometheus: the share of the points
  strictly above the limit, of the latter's those at this time of day only.

Unlike there, a result is NaN when less than `min_coverage` of the points are present.
No entity's result depends on another's. Call under `np.errstate(all="ignore")`.
"""
# numpy types what a reduction returns as Any.
# mypy: disable-error-code="no-any-return"

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from agent.core.points import (
    Group,
    Matrix,
    Points,
    Rows,
    Vector,
    needed,
    reach,
    same_time_of_day,
)
from agent.core.syntax import Call, Function, Number

Argument: TypeAlias = Vector | float

_EXTRAPOLATION_THRESHOLD: Final = 1.1


# Each of the functions takes
#   x         float64 (n_points, n_entities), oldest first, none missing; of a single
#             entity (n_points,): a number costs a fifth of an array of one;
#   weights   float64 (n_points, 1) or (n_points,), by when the points are: _WEIGHTS;
#   argument  the quantile, or the limit of each entity or of all;
# and returns float64 (n_entities,) or, of a single entity, one number.


def _last(x: Matrix, _: Matrix, __: Argument) -> Vector:
    return x[-1]


def _avg(x: Matrix, _: Matrix, __: Argument) -> Vector:
    return np.add.reduce(x, axis=0) / len(x)


def _min(x: Matrix, _: Matrix, __: Argument) -> Vector:
    return np.minimum.reduce(x, axis=0)


def _max(x: Matrix, _: Matrix, __: Argument) -> Vector:
    return np.maximum.reduce(x, axis=0)


def _sum(x: Matrix, _: Matrix, __: Argument) -> Vector:
    return np.add.reduce(x, axis=0)


def _stddev(x: Matrix, _: Matrix, __: Argument) -> Vector:
    apart = x - np.add.reduce(x, axis=0) / len(x)
    apart *= apart
    return np.sqrt(np.add.reduce(apart, axis=0) / len(x))


def _count(x: Matrix, _: Matrix, __: Argument) -> Vector:
    return np.full(x.shape[1:], float(len(x)))


def _quantile(x: Matrix, _: Matrix, argument: Argument) -> Vector:
    rank = argument * (len(x) - 1)
    lower = int(rank)
    above = rank - lower
    upper = min(len(x) - 1, lower + 1)
    ordered = x.copy(order="K")
    # To sort all points of a week costs six times as much.
    ordered.partition((lower, upper), axis=0)
    return ordered[lower] * (1 - above) + ordered[upper] * above


def _changes(x: Matrix, _: Matrix, __: Argument) -> Vector:
    return np.add.reduce(x[1:] != x[:-1], axis=0, dtype=np.float64)


def _delta(x: Matrix, weights: Matrix, _: Argument) -> Vector:
    return (x[-1] - x[0]) * weights[0]


# Both relative to the first value: a constant has slope 0 to the last bit.
def _deriv(x: Matrix, weights: Matrix, _: Argument) -> Vector:
    return np.add.reduce((x - x[0]) * weights, axis=0)


def _predict_linear(x: Matrix, weights: Matrix, _: Argument) -> Vector:
    return x[0] + np.add.reduce((x - x[0]) * weights, axis=0)


def _share_above(x: Matrix, _: Matrix, argument: Argument) -> Vector | float:
    above = x > argument
    count = np.count_nonzero(above) if x.ndim == 1 else np.add.reduce(above, axis=0)
    share = count / len(x)
    # A limit that is no finite number makes NaN, not 0 or 1.
    return share + (argument - argument)


_TABLE: Final[dict[Function, Callable[[Matrix, Matrix, Argument], Vector | float]]] = {
    Function.LAST: _last,
    Function.AVG: _avg,
    Function.MIN: _min,
    Function.MAX: _max,
    Function.SUM: _sum,
    Function.STDDEV: _stddev,
    Function.COUNT: _count,
    Function.QUANTILE: _quantile,
    Function.DERIV: _deriv,
    Function.DELTA: _delta,
    Function.CHANGES: _changes,
    Function.PREDICT_LINEAR: _predict_linear,
    Function.SHARE_ABOVE: _share_above,
    Function.SEASONAL_SHARE_ABOVE: _share_above,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduction:
    """One call on one grid, made ready: all is done that depends on no value.

    Attributes:
        call: What is computed.
        compute: The function.
        argument: Its number: quantile, seconds ahead or limit; NaN if it has none.
        times_s: When the points are, in seconds after the evaluation instant and so
            never above 0; oldest first.
        weights: Of all points, for ranges without a gap.
        flat_weights: The same for a single entity, shape (n_points,).
        needed: Present points below which the result is NaN.
    """

    call: Call
    compute: Callable[[Matrix, Matrix, Argument], Vector | float]
    argument: float
    times_s: Vector
    weights: Matrix
    flat_weights: Vector
    needed: int

    def of_single(self, points: Points, argument: Argument) -> Vector | float:
        """Return the result for the only entity; see `of`."""
        if isinstance(points, list):
            return self._of_groups(points, argument)[0]
        return self.compute(points, self.flat_weights, argument)

    def of(self, points: Points, argument: Argument) -> Vector | float:
        """Return the result for each entity: float64, shape (n_entities,).

        Args:
            points: Of the whole range, or those at this time of day if that is asked.
            argument: That of the call, or in its place the limit of each entity.
        """
        if isinstance(points, list):
            return self._of_groups(points, argument)
        return self.compute(points, self.weights, argument)

    def _of_groups(self, groups: list[Group], argument: Argument) -> Vector:
        result = np.full(sum(len(group.entities) for group in groups), np.nan)
        for entities, rows, x in groups:
            if len(rows) >= self.needed:
                there = argument if isinstance(argument, float) else argument[entities]
                result[entities] = self.compute(x, self._weights_of(rows), there)
        return result

    def _weights_of(self, rows: Rows) -> Matrix:
        if self.call.function not in _WEIGHTS:
            return _NO_WEIGHTS
        return _weights(self.call, self.times_s[rows])


def reduction(call: Call, *, interval_s: float, min_coverage: float) -> Reduction:
    """Return the call made ready for a grid.

    Args:
        call: Reads at least one point; no calendar function.
        interval_s: Distance between grid points.
        min_coverage: Share of the points, 0..1, that must be present.
    """
    count, skipped = reach(call, interval_s=interval_s)
    times_s = -interval_s * np.arange(skipped + count - 1, skipped - 1, -1.0)
    if call.function is Function.SEASONAL_SHARE_ABOVE:
        times_s = times_s[same_time_of_day(count, interval_s=interval_s)]
    with np.errstate(all="ignore"):
        weights = _weights(call, times_s)
    return Reduction(
        call=call,
        compute=_TABLE[call.function],
        argument=_as_sampled(call),
        times_s=times_s,
        weights=weights,
        flat_weights=weights[:, 0],
        needed=needed(len(times_s), min_coverage=min_coverage),
    )


def _weights(call: Call, times_s: Vector) -> Matrix:
    """Return what to multiply by, which depends on when the points are; often none.

    Of a single point, which has no slope and no length, what comes out is not finite
    and makes the result NaN.
    """
    compute = _WEIGHTS.get(call.function)
    return _NO_WEIGHTS if compute is None else compute(call, times_s)[:, np.newaxis]


def _slope_weights(_: Call, times_s: Vector) -> Vector:
    apart_s = times_s - np.add.reduce(times_s) / len(times_s)
    return apart_s / np.add.reduce(apart_s * apart_s)


def _line_weights(call: Call, times_s: Vector) -> Vector:
    ahead_s = _number(call) - np.add.reduce(times_s) / len(times_s)
    return 1 / len(times_s) + ahead_s * _slope_weights(call, times_s)


def _range_weight(call: Call, times_s: Vector) -> Vector:
    """Return by what a difference grows from its points' span to the whole range.

    Up to an end of the range if the outermost point is nearer to it than 1.1 mean
    distances of the points; else for half such a distance.

    Source:
        Prometheus, promql/functions.go, extrapolatedRate of a gauge.
    """
    sampled_s = times_s[-1:] - times_s[:1]
    between_s = sampled_s / (len(times_s) - 1)
    beyond_s = np.array(
        [
            times_s[:1] + call.offset_s + call.span_s,
            -call.offset_s - times_s[-1:],
        ]
    )
    is_far = beyond_s >= _EXTRAPOLATION_THRESHOLD * between_s
    added_s = np.add.reduce(np.where(is_far, between_s / 2, beyond_s), axis=0)
    return (sampled_s + added_s) / sampled_s


_NO_WEIGHTS: Final = np.empty((0, 1))
_WEIGHTS: Final[dict[Function, Callable[[Call, Vector], Vector]]] = {
    Function.DELTA: _range_weight,
    Function.DERIV: _slope_weights,
    Function.PREDICT_LINEAR: _line_weights,
}


def _number(call: Call) -> float:
    return call.argument.value if isinstance(call.argument, Number) else math.nan


def _as_sampled(call: Call) -> float:
    """Return a call's number; a limit rounded to float32, as the samples are."""
    is_limit = call.function in {Function.SHARE_ABOVE, Function.SEASONAL_SHARE_ABOVE}
    return float(np.float32(_number(call))) if is_limit else _number(call)
