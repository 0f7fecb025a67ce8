"""The tree of an expression: its nodes, what they read, and how they are spelled."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from agent.core.series import Series


class Function(StrEnum):
    """What can be computed of a series over a span, or of the wall clock."""

    LAST = "last_over_time"
    AVG = "avg_over_time"
    MIN = "min_over_time"
    MAX = "max_over_time"
    SUM = "sum_over_time"
    STDDEV = "stddev_over_time"
    COUNT = "count_over_time"
    QUANTILE = "quantile_over_time"
    DERIV = "deriv"
    DELTA = "delta"
    CHANGES = "changes"
    PREDICT_LINEAR = "predict_linear"
    SHARE_ABOVE = "share_above"
    SEASONAL_SHARE_ABOVE = "seasonal_share_above"
    HOUR_SIN = "hour_sin"
    HOUR_COS = "hour_cos"
    WEEKDAY_SIN = "weekday_sin"
    WEEKDAY_COS = "weekday_cos"


CALENDAR: Final = frozenset(
    {
        Function.HOUR_SIN,
        Function.HOUR_COS,
        Function.WEEKDAY_SIN,
        Function.WEEKDAY_COS,
    }
)


class Operator(StrEnum):
    """Arithmetic on two values."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"


SUMS: Final = (Operator.ADD, Operator.SUBTRACT)
PRODUCTS: Final = (Operator.MULTIPLY, Operator.DIVIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A constant; always finite."""

    value: float


@dataclass(frozen=True, slots=True)
class Limit:
    """`$limit`: the target's limit at the moment of prediction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One function over the points of one series in `(t - offset - span, t - offset]`.

    Attributes:
        function: What is computed.
        series: What is read, with `$entity` still to be filled in; None for a
            calendar function, whose spans are 0.
        span_s: Length of the range in seconds.
        offset_s: How long before the evaluation instant the range ends, in seconds.
        argument: The quantile 0..1, the seconds ahead or the limit; None if the
            function has none.
    """

    function: Function
    series: Series | None = None
    span_s: float = 0.0
    offset_s: float = 0.0
    argument: Number | Limit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Arithmetic on two expressions."""

    operator: Operator
    left: "Expression"
    right: "Expression"


Expression: TypeAlias = Number | Limit | Call | Operation

_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60))


def text(expression: Expression) -> str:
    """Return the canonical spelling, with no more parentheses than are needed."""
    if isinstance(expression, Number):
        return repr(expression.value).removesuffix(".0")
    if isinstance(expression, Limit):
        return "$limit"
    if isinstance(expression, Operation):
        return _operation_text(expression)
    return f"{expression.function}({', '.join(_inside(expression))})"


def nodes(expression: Expression) -> Iterator[Expression]:
    """Yield every node, arguments of calls among them, from the root down."""
    yield expression
    if isinstance(expression, Operation):
        yield from nodes(expression.left)
        yield from nodes(expression.right)
    elif isinstance(expression, Call) and expression.argument is not None:
        yield expression.argument


def calls(expression: Expression) -> list[Call]:
    """Return every call, left to right."""
    return [node for node in nodes(expression) if isinstance(node, Call)]


def series_of(expression: Expression) -> frozenset[Series]:
    """Return the series that are read, `$entity` not filled in."""
    read = (call.series for call in calls(expression))
    return frozenset(series for series in read if series is not None)


def lookback_s(expression: Expression) -> float:
    """Return how far before the evaluation instant is read, in seconds; 0 if not."""
    return max((c.span_s + c.offset_s for c in calls(expression)), default=0.0)


def uses_limit(expression: Expression) -> bool:
    """Return whether `$limit` occurs."""
    return any(isinstance(node, Limit) for node in nodes(expression))


def _operation_text(operation: Operation) -> str:
    sign = operation.operator
    loose = SUMS if sign in PRODUCTS else ()
    # Left associative: what binds alike needs parentheses on the right only.
    alike = PRODUCTS if sign in PRODUCTS else SUMS
    left = _grouped(operation.left, among=loose)
    right = _grouped(operation.right, among=(*loose, *alike))
    return f"{left} {sign} {right}"


def _grouped(expression: Expression, *, among: tuple[Operator, ...]) -> str:
    needed = isinstance(expression, Operation) and expression.operator in among
    return f"({text(expression)})" if needed else text(expression)


def _inside(call: Call) -> list[str]:
    if call.series is None:
        return []
    span = f"{call.series}[{_span_text(call.span_s)}]"
    if call.offset_s:
        span = f"{span} offset {_span_text(call.offset_s)}"
    if call.argument is None:
        return [span]
    argument = text(call.argument)
    quantile = call.function is Function.QUANTILE
    return [argument, span] if quantile else [span, argument]


def _span_text(seconds: float) -> str:
    for unit, size in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{text(Number(value=seconds))}s"
