"""Features: expressions bound to a window and a list of entities, evaluated as one.

float32 in, float64 inside, float32 out. What is no finite number comes out as NaN: a
series that is not there, too many gaps, a division by zero, an overflow.
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from agent.core.functions import reduction
from agent.core.points import (
    Points,
    Vector,
    reach,
)
from agent.core.quantity import duration_text
from agent.core.series import Series, parse_series
from agent.core.source import Source
from agent.core.syntax import (
    Call,
    Expression,
    Function,
    Limit,
    Number,
    Operation,
    Operator,
    calls,
    text,
)
from agent.core.window import Window
from agent.errors import ExpressionError

_ARITHMETIC: Final[dict[Operator, Callable[..., Vector | float]]] = {
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


# Not frozen: made at every evaluation.
@dataclass(slots=True)
class _Moment:
    """What the steps of one evaluation read.

    Attributes:
        at: The instant.
        limits: What `$limit` stands for.
        points: By source, then by range.
        results: Of each call, in the order in which they were bound.
    """

    at: datetime
    limits: Vector | float
    points: list[list[Points]]
    results: list[Vector | float]


_Step: TypeAlias = Callable[[_Moment], Vector | float]


def bind(
    expressions: Sequence[Expression],
    *,
    entities: Sequence[str],
    window: Window,
    min_coverage: float,
) -> "Features":
    """Return the expressions, ready to be evaluated on `window` again and again.

    Args:
        expressions: One a feature.
        entities: What `$entity` stands for, one a row of what comes out.
        window: What is read; may grow columns later.
        min_coverage: Share of a range's points, 0..1, below which the result is NaN.

    Raises:
        ExpressionError: A call reads back further than the window keeps, or no point of
            the window's grid lies in its range.
    """
    for expression in expressions:
        for call in calls(expression):
            _refuse_unreadable(call, window)
    return Features(
        expressions, entities=entities, window=window, min_coverage=min_coverage
    )


def entities_of(template: Series, window: Window) -> tuple[str, ...]:
    """Return the entities that a window knows of a template, sorted.

    A series without `$entity` has one, the host, whose name is empty.
    """
    if not template.is_template:
        return ("",)
    beginning = f"{template.name}{{"
    columns = (parse_series(c) for c in window.columns if c.startswith(beginning))
    found = (template.entity_in(column) for column in columns)
    return tuple(sorted({entity for entity in found if entity is not None}))


class Features:
    """Expressions bound by `bind`, which says what they may be.

    The evaluation instant is the window's newest slot. `at` is the wall clock of the
    calendar functions, so in UTC unless the caller turned it to the manifest's zone.
    `limit` is what `$limit` stands for, shape (n_entities,); without it, NaN.
    """

    def __init__(
        self,
        expressions: Sequence[Expression],
        *,
        entities: Sequence[str],
        window: Window,
        min_coverage: float,
    ) -> None:
        self.entities = tuple(entities)
        # Of one entity everything is computed in numbers, not in arrays of one.
        self._is_single = len(self.entities) == 1
        self._window = window
        self._min_coverage = min_coverage
        self._sources: dict[tuple[Series, int], Source] = {}
        # A call that stands in many expressions is computed once.
        self._numbers: dict[Call, int] = {}
        self._calls: list[_Step] = []
        self._steps = [self._step(expression) for expression in expressions]
        self._unlimited = np.full(len(self.entities), np.nan)
        self._revision = -1

    def evaluate(
        self, *, at: datetime, limit: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float32]:
        """Return all features: float32, shape (n_entities, n_features), C order."""
        with np.errstate(all="ignore"):
            moment = self._moment(at, limit)
            found = [step(moment) for step in self._steps]
            if self._is_single:
                out = np.array([found], dtype=np.float32)
            else:
                out = np.empty((len(self.entities), len(found)), dtype=np.float32)
                for feature, result in enumerate(found):
                    out[:, feature] = result
            if not math.isfinite(np.add.reduce(out, axis=None)):
                out[~np.isfinite(out)] = np.nan
        return out

    def values(
        self, *, at: datetime, limit: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the only expression's value: float64, shape (n_entities,).

        Raises:
            ValueError: More or fewer than one expression were bound.
        """
        (step,) = self._steps
        out = np.empty(len(self.entities))
        with np.errstate(all="ignore"):
            out[:] = step(self._moment(at, limit))
        out[~np.isfinite(out)] = np.nan
        return out

    def _moment(self, at: datetime, limit: Vector | None) -> _Moment:
        if self._revision != self._window.revision:
            for source in self._sources.values():
                source.place(self._window, self.entities)
            self._revision = self._window.revision
        limits = self._unlimited if limit is None else limit
        moment = _Moment(
            at,
            limits[0] if self._is_single else limits,
            [source.read(self._window) for source in self._sources.values()],
            [],
        )
        moment.results = [call(moment) for call in self._calls]
        return moment

    def _step(self, expression: Expression) -> _Step:
        if isinstance(expression, Number):
            # numpy's number divides by zero, Python's does not.
            value = np.float64(expression.value)
            return lambda _: value
        if isinstance(expression, Limit):
            return lambda moment: moment.limits
        if isinstance(expression, Operation):
            return self._operation(expression)
        return self._call(expression)

    def _operation(self, operation: Operation) -> _Step:
        compute = _ARITHMETIC[operation.operator]
        left, right = self._step(operation.left), self._step(operation.right)
        return lambda moment: compute(left(moment), right(moment))

    def _call(self, call: Call) -> _Step:
        if call not in self._numbers:
            self._numbers[call] = len(self._calls)
            self._calls.append(self._computed(call))
        number = self._numbers[call]
        return lambda moment: moment.results[number]

    def _computed(self, call: Call) -> _Step:
        if call.series is None:
            clock = _CLOCK[call.function]
            return lambda moment: np.float64(clock(moment.at))
        made = reduction(
            call,
            interval_s=self._window.interval_s,
            min_coverage=self._min_coverage,
        )
        source, part = self._place_of(call, call.series)
        of = made.of_single if self._is_single else made.of
        if isinstance(call.argument, Limit):
            return lambda moment: of(moment.points[source][part], moment.limits)
        constant = made.argument
        return lambda moment: of(moment.points[source][part], constant)

    def _place_of(self, call: Call, series: Series) -> tuple[int, int]:
        """Return a call's source and its range there; calls that ask alike share."""
        interval_s = self._window.interval_s
        count, skipped = reach(call, interval_s=interval_s)
        key = series, skipped
        if key not in self._sources:
            self._sources[key] = Source(series, skipped=skipped)
        part = self._sources[key].range_of(
            count,
            is_seasonal=call.function is Function.SEASONAL_SHARE_ABOVE,
            interval_s=interval_s,
        )
        return list(self._sources).index(key), part


def _refuse_unreadable(call: Call, window: Window) -> None:
    if call.series is None:
        return
    count, skipped = reach(call, interval_s=window.interval_s)
    if count + skipped > window.capacity:
        back = duration_text(call.span_s + call.offset_s)
        kept = duration_text((window.capacity - 1) * window.interval_s)
        raise ExpressionError(
            f"{text(call)} reads back {back}; this window keeps {kept}"
        )
    if count == 0:
        raise ExpressionError(
            f"{text(call)} reads nothing: no sample lies in its range, expected a span "
            f"of at least {duration_text(window.interval_s)}"
        )


def _of_day(at: datetime) -> float:
    return (at.hour + at.minute / 60 + at.second / 3600) / 24


def _of_week(at: datetime) -> float:
    return (at.weekday() + _of_day(at)) / 7
