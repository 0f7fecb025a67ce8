"""The situation: what target and baseline see of each entity at one instant."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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
        seen: list[Expression] = []
        coverages: list[float] = []
        if isinstance(target, EventTarget):
            seen = _seen_of_event(target, interval_s=window.interval_s)
            # Of one sample any coverage above 0 wants that one.
            coverages = [_LINE_COVERAGE] * (len(seen) - 1)
        else:
            seen = [target.expression]
        self._seen = bind(
            seen,
            entities=entities,
            window=window,
            min_coverage=[*coverages, min_coverage],
        )
        self._unlimited = np.full(len(entities), math.nan)

    def values(self, at: datetime) -> npt.NDArray[np.float64]:
        """Return the target's value of each entity at the window's newest row."""
        return self._seen.evaluate(at=at)[:, 0].astype(np.float64)

    def read(self, at: datetime) -> Situation:
        """Return the situation at the window's newest row.

        The limit is rounded to float32, as the samples are: a sample of 0.9 is not
        below a limit of 0.9.
        """
        seen = self._seen.evaluate(at=at).astype(np.float64)
        values = seen[:, 0]
        if not isinstance(self._target, EventTarget):
            return Situation(
                values=values,
                limits=self._unlimited,
                holds=np.zeros(len(values), dtype=np.bool_),
                states=(State.UNKNOWN,) * len(values),
            )
        condition, limits = self._target.condition, seen[:, -1]
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
            for (value, line, spread, limit), held in zip(
                seen.tolist(), holds.tolist(), strict=True
            )
        )
        return Situation(values=values, limits=limits, holds=holds, states=states)


def lookback_s(target: Target) -> float:
    """Return how far before a moment the baseline and the target read."""
    return max(target.lookback_s, line_s(target.horizon_s))


def line_s(horizon_s: float) -> float:
    """Return how long a past the baseline's straight line goes through."""
    return min(max(horizon_s, _LINE_S[0]), _LINE_S[1])


def _seen_of_event(target: EventTarget, *, interval_s: float) -> list[Expression]:
    """Return the series now, its line at the horizon, its spread lately, the limit."""
    series, span_s = target.series, line_s(target.within_s)
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
        target.condition.limit,
    ]
