"""The target: what a task predicts, read as it will later be read as outcome."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from agent.core.expression import Expression, lookback_s, parse, series_of
from agent.core.series import Series
from agent.errors import ManifestError

Values = npt.NDArray[np.float64]
Comparison = Callable[[Values, Values | float], npt.NDArray[np.bool_]]

_COMPARISONS: dict[str, Comparison] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


class ValueMeaning(StrEnum):
    """Whether a value target speaks of a level or of the change since the moment."""

    LEVEL = "level"
    CHANGE = "change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must hold: a comparison with a limit.

    Attributes:
        symbol: One of `>=`, `<=`, `>`, `<`.
        limit: Computed at the moment of prediction and frozen for it.
    """

    symbol: str
    limit: Expression

    def holds(self, values: Values, limit: Values | float) -> npt.NDArray[np.bool_]:
        """Return where the condition holds; a gap (NaN) never does."""
        return _COMPARISONS[self.symbol](values, limit)

    @property
    def is_upward(self) -> bool:
        """Whether the condition starts to hold as the series grows."""
        return self.symbol.startswith(">")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTarget:
    """Will the condition hold for `sustained_s` at some point within the horizon?

    Attributes:
        series: What is compared; `$entity` in it is filled in.
        condition: The comparison.
        sustained_s: For how long it must hold without a break; a sample stands for
            the grid step that ends with it, as in a range `[sustained]`.
        within_s: The horizon: the outcome is read from (t, t + within].
        onset: Whether moments at which the condition already holds are left out.
    """

    series: Series
    condition: Condition
    sustained_s: float
    within_s: float
    onset: bool

    @property
    def horizon_s(self) -> float:
        """Seconds from the moment until its outcome is due."""
        return self.within_s

    @property
    def lookback_s(self) -> float:
        """How far before the moment the target itself reads."""
        return max(self.sustained_s, lookback_s(self.condition.limit))

    @property
    def reads(self) -> frozenset[Series]:
        """The series that it is read from, `$entity` unfilled."""
        return frozenset({self.series}) | series_of(self.condition.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueTarget:
    """Which value will the expression have, `ahead_s` after the moment?

    Attributes:
        expression: What is forecast.
        ahead_s: The horizon.
        quantiles: Levels that the model answers, ascending; (0.5,) for one number.
        meaning: Level, or change relative to the value at the moment.
    """

    expression: Expression
    ahead_s: float
    quantiles: tuple[float, ...]
    meaning: ValueMeaning

    @property
    def horizon_s(self) -> float:
        """Seconds from the moment until its outcome is due."""
        return self.ahead_s

    @property
    def lookback_s(self) -> float:
        """How far before the moment the target itself reads."""
        return lookback_s(self.expression)

    @property
    def reads(self) -> frozenset[Series]:
        """The series that it is read from, `$entity` unfilled."""
        return series_of(self.expression)


Target = EventTarget | ValueTarget


def parse_condition(text: str) -> Condition:
    """Return the condition that `text` spells, such as `>= 0.95`.

    Raises:
        ManifestError: No comparison, or a right side that is no expression.
    """
    for symbol in _COMPARISONS:
        if text.startswith(symbol):
            return Condition(symbol=symbol, limit=parse(text[len(symbol) :].strip()))
    raise ManifestError(
        f"condition: expected one of {', '.join(_COMPARISONS)} and a limit, "
        f'got "{text}"'
    )
