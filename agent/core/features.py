"""Features: expressions bound to a window and a list of entities, evaluated as one.

float32 in, float64 inside, float32 out. What is no finite number comes out as NaN: a
series that is not there, too many gaps, a division by zero, an overflow.
"""

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from agent.core.points import Vector, reach
from agent.core.program import Program, Value
from agent.core.quantity import duration_text
from agent.core.series import Series, parse_series
from agent.core.syntax import Call, Expression, calls, text
from agent.core.window import Window
from agent.errors import ExpressionError


def bind(
    expressions: Sequence[Expression],
    *,
    entities: Sequence[str],
    window: Window,
    min_coverage: float | Sequence[float],
) -> "Features":
    """Return the expressions, ready to be evaluated on `window` again and again.

    Args:
        expressions: One a feature.
        entities: What `$entity` stands for, one a row of what comes out.
        window: What is read; may grow columns later.
        min_coverage: Share of a range's points, 0..1, below which the result is NaN;
            one for all, or one an expression.

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

    The evaluation instant is the window's newest slot; where a call reads roll-ups, the
    end of the newest whole minute. `at` is the wall clock of the
    calendar functions, so in UTC unless the caller turned it to the manifest's zone.
    `limit` is what `$limit` stands for, shape (n_entities,); without it, NaN.
    """

    def __init__(
        self,
        expressions: Sequence[Expression],
        *,
        entities: Sequence[str],
        window: Window,
        min_coverage: float | Sequence[float],
    ) -> None:
        self.entities = tuple(entities)
        self._is_single = len(self.entities) == 1
        self._program = Program(window, is_single=self._is_single)
        if isinstance(min_coverage, float | int):
            min_coverage = [min_coverage] * len(expressions)
        for expression, least in zip(expressions, min_coverage, strict=True):
            self._program.add(expression, min_coverage=least)
        self._unlimited = np.full(len(self.entities), np.nan)
        self._sources = tuple(self._program.sources.values())
        self._grids = {grid for grid, _ in self._program.sources}
        self._revision = -1

    def evaluate(
        self, *, at: datetime, limit: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float32]:
        """Return all features: float32, shape (n_entities, n_features), C order."""
        with np.errstate(all="ignore"):
            found = self._computed(at, limit)
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
        out = np.empty(len(self.entities))
        with np.errstate(all="ignore"):
            (out[:],) = self._computed(at, limit)
        out[~np.isfinite(out)] = np.nan
        return out

    def _computed(self, at: datetime, limit: Vector | None) -> list[Value]:
        revision = sum([grid.revision for grid in self._grids])
        if self._revision != revision:
            for source in self._sources:
                source.place(self.entities)
            self._revision = revision
        limits = self._unlimited if limit is None else limit
        return self._program.run(
            [source.read() for source in self._sources],
            at=at,
            limit=limits[0] if self._is_single else limits,
        )


def _refuse_unreadable(call: Call, window: Window) -> None:
    if call.series is None:
        return
    grid = window.grid_of(call)
    count, skipped = reach(call, interval_s=grid.interval_s)
    if count + skipped > grid.capacity:
        back = duration_text(call.span_s + call.offset_s)
        kept = duration_text((grid.capacity - 1) * grid.interval_s)
        raise ExpressionError(
            f"{text(call)} reads back {back}; this window keeps {kept}"
        )
    if count == 0:
        raise ExpressionError(
            f"{text(call)} reads nothing: no sample lies in its range, expected a span "
            f"of at least {duration_text(grid.interval_s)}"
        )
