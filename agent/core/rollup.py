"""Roll-ups: what the samples of a minute come to, the points of windows of days.

A roll-up stands at the end of its minute, `(m - 60 s, m]`, and is there as soon as
that minute is over. Where samples are a minute or more apart, they are the points.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.grid import Grid
from agent.core.sample import Sample
from agent.core.syntax import Call, Function

ROLLUP_S: Final = 60.0
# Up to here back a call reads samples.
SAMPLES_S: Final = 6 * 3600.0
# Of an interval: instants and intervals are off where they were measured.
_ROUNDING: Final = 0.1
_NOBODY: Final[Callable[["RollUp"], object]] = lambda _: None  # noqa: E731 - a default


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RollUp:
    """What a minute's samples came to, in every series.

    Attributes:
        at: The end of the minute; aware, UTC.
        layout: The canonical spelling of each series, one a value.
        means: float32, shape (len(layout),), of what was there; NaN marks a gap.
        maxima: The same of the greatest value.
    """

    at: datetime
    layout: tuple[str, ...]
    means: npt.NDArray[np.float32]
    maxima: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """What is kept of roll-ups.

    Attributes:
        span_s: How far back, in seconds.
        means: Whether the means of a series, by its canonical spelling, are kept.
        maxima: Whether its maxima are.
    """

    span_s: float
    means: Callable[[str], bool] = bool
    maxima: Callable[[str], bool] = bool


def is_long(call: Call) -> bool:
    """Return whether a call reads back so far that its points are roll-ups."""
    return call.span_s + call.offset_s > SAMPLES_S


def reads_maxima(call: Call) -> bool:
    """Return whether a long call reads the maxima of the minutes, not their means."""
    return call.function is Function.MAX


class Minutes:
    """The roll-ups of the minutes that are over, and the samples of the one under way.

    Attributes:
        means: Grid of whole minutes.
        maxima: The same; both are at the newest whole minute.
    """

    def __init__(
        self,
        *,
        interval_s: float,
        origin_s: float,
        days: Days,
        tell: Callable[[RollUp], object] | None = None,
    ) -> None:
        self.means, self.maxima = (
            Grid(
                interval_s=ROLLUP_S, span_s=days.span_s, origin_s=origin_s, keeps=keeps
            )
            for keeps in (days.means, days.maxima)
        )
        self._interval_s = interval_s
        self._tell = tell or _NOBODY
        # By slot: the second sample of a slot takes the place of the first.
        self._gathered: dict[int, Sample] = {}
        self._under_way = 0
        self._ended: int | None = None
        self._stored: Iterator[RollUp] = iter(())
        self._next_stored: RollUp | None = None

    def refill(self, stored: Iterator[RollUp], *, until: datetime | None) -> None:
        """Take in what was rolled up before, each as its minute goes by again.

        Args:
            stored: Oldest first.
            until: End of the last minute that was rolled up; None: none was. Samples
                up to there make no roll-up again.
        """
        self._ended = None if until is None else self.means.slot_of(until)
        self._stored = stored
        self._next_stored = next(stored, None)

    def take(self, sample: Sample, *, slot: int) -> None:
        """Take in the sample of a slot, which is the newest from now on."""
        minute = math.ceil((slot - _ROUNDING) * self._interval_s / ROLLUP_S)
        self._end(minute - 1)
        if self._ended is None or minute > self._ended:
            self._under_way = minute
            self._gathered[slot] = sample
        self.advance(slot)

    def advance(self, slot: int) -> None:
        """Roll up what is over once `slot` is the newest."""
        whole = math.floor((slot + _ROUNDING) * self._interval_s / ROLLUP_S)
        self._end(whole)
        for grid in (self.means, self.maxima):
            if grid.slot is None or grid.slot < whole:
                grid.advance(whole)

    def clear(self) -> None:
        """Forget everything; what was stored, too."""
        self.means.clear()
        self.maxima.clear()
        self._gathered.clear()
        self._ended = self._next_stored = None

    def _end(self, minute: int) -> None:
        """Put on the grids what is over by the end of `minute`."""
        while (stored := self._next_stored) and self._number(stored) <= minute:
            self._put(stored)
            self._next_stored = next(self._stored, None)
        if self._gathered and self._under_way <= minute:
            made = _rolled_up(
                [self._gathered[slot] for slot in sorted(self._gathered)],
                at=self.means.instant_of(self._under_way),
            )
            self._gathered.clear()
            self._ended = self._under_way
            self._put(made)
            self._tell(made)

    def _put(self, made: RollUp) -> None:
        for grid, values in ((self.means, made.means), (self.maxima, made.maxima)):
            grid.append(Sample(at=made.at, layout=made.layout, values=values))

    def _number(self, made: RollUp) -> int:
        return self.means.slot_of(made.at)


def _rolled_up(samples: Sequence[Sample], *, at: datetime) -> RollUp:
    layout = _layout_of(samples)
    x = np.array([_laid_out(sample, layout) for sample in samples], dtype=np.float64)
    is_there = ~np.isnan(x)
    with np.errstate(invalid="ignore"):
        means = np.where(is_there, x, 0.0).sum(axis=0) / is_there.sum(axis=0)
    return RollUp(
        at=at,
        layout=layout,
        means=means.astype(np.float32),
        maxima=np.fmax.reduce(x, axis=0).astype(np.float32),
    )


def _layout_of(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Return every series there was; the samples' own tuple where they share one."""
    newest = samples[-1].layout
    if all(sample.layout == newest for sample in samples):
        return newest
    return tuple(dict.fromkeys(name for sample in samples for name in sample.layout))


def _laid_out(sample: Sample, layout: tuple[str, ...]) -> npt.NDArray[np.float32]:
    if sample.layout == layout:
        return sample.values
    there = dict(zip(sample.layout, sample.values.tolist(), strict=True))
    return np.array([there.get(name, math.nan) for name in layout], dtype=np.float32)
