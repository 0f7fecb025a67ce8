"""A program: expressions as a flat list of steps, each different one computed once.

Nested expressions cost a Python call a node; most of a tick went there. Here every
node has a place in one list of values: the limit, constants, the clock, then calls,
then arithmetic in the order in which it can be done.
"""

import math
import operator
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from agent.core.functions import Reduction, reduction
from agent.core.grid import Grid
from agent.core.points import Line, Matrix, Vector, points
from agent.core.series import Series
from agent.core.source import Range, Source
from agent.core.syntax import (
    Call,
    Expression,
    Function,
    Limit,
    Number,
    Operation,
    Operator,
)
from agent.core.window import Window

# Of several entities an array of one number each, of a single one a number.
Value: TypeAlias = Vector | float

_LIMIT: Final = 0
_ARITHMETIC: Final[dict[Operator, Callable[..., Value]]] = {
    Operator.ADD: operator.add,
    Operator.SUBTRACT: operator.sub,
    Operator.MULTIPLY: operator.mul,
    Operator.DIVIDE: operator.truediv,
}
_CLOCK: Final[dict[Function, Callable[[datetime], float]]] = {
    Function.HOUR_SIN: lambda at: math.sin(math.tau * _of_day(at)),
    Function.HOUR_COS: lambda at: math.cos(math.tau * _of_day(at)),
    Function.WEEKDAY_SIN: lambda at: math.sin(math.tau * _of_week(at)),
    Function.WEEKDAY_COS: lambda at: math.cos(math.tau * _of_week(at)),
}


class _Reading(NamedTuple):
    """One call: what it reads, and what it makes of it."""

    place: int
    source: int
    range: Range
    made: Reduction
    weights: Matrix
    takes_limit: bool


class _Sum(NamedTuple):
    """One operation on two values."""

    place: int
    compute: Callable[..., Value]
    left: int
    right: int


class Program:
    """Expressions on one window, made ready to be computed again and again.

    Args:
        window: What is read.
        is_single: Whether there is one entity: then everything is computed in numbers,
            not in arrays of one.

    Attributes:
        sources: What calls read; `run` is given a line of each, in this order.
    """

    def __init__(self, window: Window, *, is_single: bool) -> None:
        self.sources: dict[tuple[Grid, Series], Source] = {}
        self._window = window
        self._is_single = is_single
        self._places: dict[tuple[Expression, float], int] = {}
        self._start: list[Value] = [math.nan]
        self._clocks: list[tuple[int, Callable[[datetime], float]]] = []
        self._readings: list[_Reading] = []
        self._sums: list[_Sum] = []
        self._wanted: list[int] = []

    def add(self, expression: Expression, *, min_coverage: float) -> None:
        """Let one more expression be computed."""
        self._wanted.append(self._place(expression, min_coverage))

    def run(self, lines: Sequence[Line], *, at: datetime, limit: Value) -> list[Value]:
        """Return the value of each expression; call under `np.errstate(all="ignore")`.

        Args:
            lines: Of each source.
            at: The wall clock of the calendar functions.
            limit: What `$limit` stands for.
        """
        values = self._start.copy()
        values[_LIMIT] = limit
        for place, clock in self._clocks:
            values[place] = np.float64(clock(at))
        for place, source, (
            where,
            oldest,
        ), made, weights, takes_limit in self._readings:
            x, unbroken = lines[source]
            argument = limit if takes_limit else made.argument
            if oldest <= unbroken:
                values[place] = made.compute(x[where], weights, argument)
            elif self._is_single:
                values[place] = made.of_single(points(x[where]), argument)
            else:
                values[place] = made.of(points(x[where]), argument)
        for place, compute, left, right in self._sums:
            values[place] = compute(values[left], values[right])
        return [values[place] for place in self._wanted]

    def _place(self, expression: Expression, min_coverage: float) -> int:
        key = expression, min_coverage
        if key not in self._places:
            self._places[key] = self._placed(expression, min_coverage)
        return self._places[key]

    def _placed(self, expression: Expression, min_coverage: float) -> int:
        if isinstance(expression, Limit):
            return _LIMIT
        if isinstance(expression, Operation):
            left = self._place(expression.left, min_coverage)
            right = self._place(expression.right, min_coverage)
            compute = _ARITHMETIC[expression.operator]
            self._sums.append(_Sum(self._new(), compute, left, right))
        elif isinstance(expression, Number):
            # numpy's number divides by zero, Python's does not.
            self._start[self._new()] = np.float64(expression.value)
        elif expression.series is None:
            self._clocks.append((self._new(), _CLOCK[expression.function]))
        else:
            self._readings.append(
                self._reading(expression, expression.series, min_coverage)
            )
        return len(self._start) - 1

    def _new(self) -> int:
        self._start.append(math.nan)
        return len(self._start) - 1

    def _reading(self, call: Call, series: Series, min_coverage: float) -> _Reading:
        grid = self._window.grid_of(call)
        key = grid, series
        if key not in self.sources:
            self.sources[key] = Source(series, grid=grid)
        made = reduction(call, interval_s=grid.interval_s, min_coverage=min_coverage)
        return _Reading(
            self._new(),
            list(self.sources).index(key),
            self.sources[key].range_of(call),
            made,
            made.flat_weights if self._is_single else made.weights,
            isinstance(call.argument, Limit),
        )


def _of_day(at: datetime) -> float:
    return (at.hour + at.minute / 60 + at.second / 3600) / 24


def _of_week(at: datetime) -> float:
    return (at.weekday() + _of_day(at)) / 7
