"""The situation: what target and baseline see of each entity at one instant."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
import numpy.typing as npt

from agent.core.baseline import State, state_of
from agent.core.expression import Expression
from agent.core.features import bind
from agent.core.syntax import Call, Function, Number
from agent.core.target import EventTarget, Target
from agent.core.window import Window

# The baseline's straight line goes through as long a past as the horizon is, within
# these bounds: shorter is noise, longer is another time of the day.
_LINE_S = (300.0, 3600.0)
_LINE_COVERAGE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is seen of each entity; arrays of shape (n_entities,).

    Attributes:
        values: The target's series or expression now; NaN where it is a gap.
        limits: The condition's right side, frozen from now on; NaN for a value target.
        holds: Where the condition holds now.
        states: What the baseline sees, one of its states each.
    """

    values: npt.NDArray[np.float64]
    limits: npt.NDArray[np.float64]
    holds: npt.NDArray[np.bool_]
    states: tuple[State, ...]


class Sight:
    """Reads situations of one target's entities off a window."""

    def __init__(
        self,
        target: Target,
        *,
        entities: Sequence[str],
        window: Window,
        min_coverage: float,
    ) -> None:
        self._target = target
        bound = partial(bind, entities=entities, window=window)
        if isinstance(target, EventTarget):
            # Of one sample any coverage above 0 wants that one: one look for all three.
            seen = _seen_of_event(target, interval_s=window.interval_s)
            self._seen = bound(seen, min_coverage=_LINE_COVERAGE)
            limit: Expression = target.condition.limit
        else:
            self._seen = bound([target.expression], min_coverage=min_coverage)
            limit = Number(value=math.nan)
        self._limit = bound([limit], min_coverage=min_coverage)
        # Most limits are a number, and need not be looked at again at each moment.
        is_constant = isinstance(limit, Number)
        self._constant = (
            np.full(len(entities), _rounded(limit)) if is_constant else None
        )

    def values(self, at: datetime) -> npt.NDArray[np.float64]:
        """Return the target's value of each entity at the window's newest row."""
        return self._seen.evaluate(at=at)[:, 0].astype(np.float64)

    def read(self, at: datetime) -> Situation:
        """Return the situation at the window's newest row.

        The limit is rounded to float32, as the samples are: a sample of 0.9 is not
        below a limit of 0.9.
        """
        seen = self._seen.evaluate(at=at).astype(np.float64)
        values, limits = seen[:, 0], self._limits(at)
        if not isinstance(self._target, EventTarget):
            return Situation(
                values=values,
                limits=limits,
                holds=np.zeros(len(values), dtype=np.bool_),
                states=(State.UNKNOWN,) * len(values),
            )
        condition = self._target.condition
        holds = condition.holds(values, limits)
        states = tuple(
            state_of(
                value=value,
                limit=limit,
                line=line,
                spread=spread,
                upward=condition.is_upward,
                holds=held,
            )
            for (value, line, spread), limit, held in zip(
                seen.tolist(), limits.tolist(), holds.tolist(), strict=True
            )
        )
        return Situation(values=values, limits=limits, holds=holds, states=states)

    def _limits(self, at: datetime) -> npt.NDArray[np.float64]:
        if self._constant is not None:
            return self._constant
        return self._limit.evaluate(at=at)[:, 0].astype(np.float64)


def lookback_s(target: Target) -> float:
    """Return how far before a moment the baseline and the target read."""
    return max(target.lookback_s, _line_s(target.horizon_s))


def _line_s(horizon_s: float) -> float:
    return min(max(horizon_s, _LINE_S[0]), _LINE_S[1])


def _rounded(limit: Expression) -> float:
    return float(np.float32(limit.value)) if isinstance(limit, Number) else math.nan


def _seen_of_event(target: EventTarget, *, interval_s: float) -> list[Expression]:
    """Return the series now, its line at the horizon, and its spread lately."""
    series, span_s = target.series, _line_s(target.within_s)
    line = Call(
        function=Function.PREDICT_LINEAR,
        series=series,
        span_s=span_s,
        argument=Number(value=target.within_s),
    )
    return [
        # Not spelled and parsed: the span is the interval to the last bit: one sample.
        Call(function=Function.LAST, series=series, span_s=interval_s),
        line,
        Call(function=Function.STDDEV, series=series, span_s=span_s),
    ]
