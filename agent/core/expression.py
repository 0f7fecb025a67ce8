"""Expressions: PromQL's spelling of a feature or a target, parsed into its tree.

`parse(text(expression)) == expression`. What a hostile manifest may cost is bounded by
`MAX_CHARACTERS`, `MAX_DEPTH` and `MAX_NODES`, how far back one reads by
`MAX_LOOKBACK_S`. The nodes are those of `agent.core.syntax`, handed on from here.
"""

import math
import re
from collections.abc import Callable
from typing import Final, TypeVar

from agent.core.quantity import duration_text
from agent.core.series import Series, read_series
from agent.core.syntax import (
    CALENDAR,
    PRODUCTS,
    SUMS,
    Call,
    Expression,
    Function,
    Limit,
    Number,
    Operation,
    Operator,
    calls,
    lookback_s,
    nodes,
    series_of,
    text,
    uses_limit,
)
from agent.errors import ExpressionError

__all__ = [
    "CALENDAR",
    "MAX_CHARACTERS",
    "MAX_DEPTH",
    "MAX_LOOKBACK_S",
    "MAX_NODES",
    "Call",
    "Expression",
    "Function",
    "Limit",
    "Number",
    "Operation",
    "Operator",
    "calls",
    "lookback_s",
    "nodes",
    "parse",
    "series_of",
    "text",
    "uses_limit",
]

MAX_CHARACTERS: Final = 2048
MAX_DEPTH: Final = 32
MAX_NODES: Final = 200
MAX_LOOKBACK_S: Final = 8 * 86400.0

_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.]*")
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_FUNCTIONS: Final = {str(function): function for function in Function}
_LAST_ARGUMENT: Final = {
    Function.PREDICT_LINEAR: "the seconds ahead",
    Function.SHARE_ABOVE: 'a number or "$limit"',
    Function.SEASONAL_SHARE_ABOVE: 'a number or "$limit"',
}

_Node = TypeVar("_Node", Number, Limit, Call, Operation)


def parse(text: str) -> Expression:
    """Return the expression that `text` spells.

    Raises:
        ExpressionError: Says at which column what was expected and what was there, or
            which bound of this module is exceeded.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(
            f"expected an expression of at most {MAX_CHARACTERS} characters, "
            f"got {len(text)}"
        )
    return _Parser(text).whole()


class _Parser:
    """Recursive descent: one method a rule; each leaves no space before `_at`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._nodes = 0

    def whole(self) -> Expression:
        self._skip_space()
        found = self._sum()
        if self._at < len(self._text):
            raise self._unexpected("an operator or the end")
        return found

    def _sum(self) -> Expression:
        return self._chain(SUMS, self._product)

    def _product(self) -> Expression:
        return self._chain(PRODUCTS, self._primary)

    def _chain(
        self, operators: tuple[Operator, ...], operand: Callable[[], Expression]
    ) -> Expression:
        left = operand()
        while sign := next((o for o in operators if self._took(o)), None):
            left = self._made(Operation(operator=sign, left=left, right=operand()))
        return left

    def _primary(self) -> Expression:
        if self._took("("):
            return self._parenthesis()
        if _WORD.match(self._text, self._at):
            return self._call()
        return self._limit('a number, a function, "$limit" or "("')

    def _parenthesis(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._unexpected(f"at most {MAX_DEPTH} parentheses in one another")
        inside = self._sum()
        self._depth -= 1
        self._expect(")", 'an operator or ")"')
        return inside

    def _call(self) -> Call:
        start = self._at
        function = self._function()
        if function in CALENDAR:
            self._expect(")", f'")", for {function} takes nothing')
            return self._made(Call(function=function))
        quantile = self._quantile() if function is Function.QUANTILE else None
        series = self._series()
        span_s, offset_s = self._range(series)
        if span_s + offset_s > MAX_LOOKBACK_S:
            back = duration_text(MAX_LOOKBACK_S)
            raise self._unexpected(f"a call that reads back at most {back}", at=start)
        call = Call(
            function=function,
            series=series,
            span_s=span_s,
            offset_s=offset_s,
            argument=quantile or self._last_argument(function),
        )
        self._expect(")", '")"')
        return self._made(call)

    def _function(self) -> Function:
        start = self._at
        word = self._match(_WORD)
        if not self._took("("):
            if word in _FUNCTIONS:
                raise self._unexpected('"("')
            series, _ = read_series(self._text, start)
            raise self._unexpected(
                f"a function of a span: write last_over_time({series}[1m])", at=start
            )
        if word not in _FUNCTIONS:
            raise self._unexpected(f"one of {', '.join(_FUNCTIONS)}", at=start)
        return _FUNCTIONS[word]

    def _quantile(self) -> Number:
        start = self._at
        number = self._number("a quantile in 0..1")
        if not 0 <= number.value <= 1:
            raise self._unexpected("a quantile in 0..1", at=start)
        self._expect(",", '","')
        return number

    def _series(self) -> Series:
        series, self._at = read_series(self._text, self._at)
        self._skip_space()
        return series

    def _range(self, series: Series) -> tuple[float, float]:
        self._expect("[", f'"[" and a span: write {series}[1m]')
        start = self._at
        span_s = self._span()
        if span_s == 0:
            raise self._unexpected("a span above 0", at=start)
        self._expect("]", '"]"')
        return span_s, self._span() if self._took("offset") else 0.0

    def _span(self) -> float:
        start = self._at
        number = self._match(_NUMBER)
        unit = self._match(_WORD)
        if not number or number.startswith("-") or unit not in _SECONDS:
            raise self._unexpected('a span such as "5m" (s, m, h, d)', at=start)
        return float(number) * _SECONDS[unit]

    def _last_argument(self, function: Function) -> Number | Limit | None:
        expected = _LAST_ARGUMENT.get(function)
        if expected is None:
            return None
        self._expect(",", f'"," and {expected}')
        if function is Function.PREDICT_LINEAR:
            return self._number(expected)
        return self._limit(expected)

    def _limit(self, expected: str) -> Number | Limit:
        return self._made(Limit()) if self._took("$limit") else self._number(expected)

    def _number(self, expected: str) -> Number:
        start = self._at
        number = self._match(_NUMBER)
        if not number:
            raise self._unexpected(expected)
        if not math.isfinite(float(number)):
            raise self._unexpected("a finite number", at=start)
        return self._made(Number(value=float(number)))

    def _made(self, node: _Node) -> _Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ExpressionError(
                f"expected an expression of at most {MAX_NODES} numbers, calls and "
                f"operators, got more"
            )
        return node

    def _match(self, pattern: re.Pattern[str]) -> str:
        """Take what matches here, and the space after it; "" if nothing does."""
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        self._skip_space()
        return found[0]

    def _took(self, token: str) -> bool:
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        self._skip_space()
        return True

    def _expect(self, token: str, expected: str) -> None:
        if not self._took(token):
            raise self._unexpected(expected)

    def _skip_space(self) -> None:
        space = _SPACE.match(self._text, self._at)
        self._at = self._at if space is None else space.end()

    def _unexpected(self, expected: str, *, at: int | None = None) -> ExpressionError:
        at = self._at if at is None else at
        rest = self._text[at : at + 20]
        got = f'"{rest}"' if rest else "the end"
        return ExpressionError(
            f'column {at + 1} of "{self._text}": expected {expected}, got {got}'
        )
