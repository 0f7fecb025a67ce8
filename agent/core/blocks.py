"""Blocks: machine-days, drawn again and again to see how far a figure may be chance.

Rows of one day hang together, and so do those of one machine; days are drawn whole.

Source:
    Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), percentile
    intervals; blocks instead of rows after Kuensch, Annals of Statistics 17 (1989).
"""

import math
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

Vector: TypeAlias = npt.NDArray[np.float64]
Matrix: TypeAlias = npt.NDArray[np.float64]

DAY_S: Final = 86_400.0
_DRAWS: Final = 300
# A 90 % interval.
_ENDS: Final = (0.05, 0.95)
# Of fewer telling days than this no interval would deserve the name.
_LEAST_BLOCKS: Final = 5
# More thresholds than this change an average precision's interval by nothing.
_THRESHOLDS: Final = 1500


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A figure and the ends of its 90 % interval; None where nothing is known.

    Attributes:
        value: As it was found.
        low: The lower end; None where the days are too few to tell.
        high: The upper one.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def is_below_zero(self) -> bool:
        """Whether the whole interval is; without an interval nothing is shown."""
        return self.high is not None and self.high < 0

    @property
    def is_above_zero(self) -> bool:
        """Whether the whole interval is; without an interval nothing is shown."""
        return self.low is not None and self.low > 0


class Blocks:
    """The machine-days of some rows, and how often each is drawn.

    Every sum comes in 1 + draws parts: the first of all rows as they are, the others
    of the rows of the days drawn. A figure computed of such sums has as many parts,
    which `estimate` reads.

    Args:
        days: Of each row, any number that is the same on one machine's day; shape (n,).
        tells: Rows without which a day tells little, such as those before an event: a
            handful of days with any is too few for an interval; by default all tell.
        seed: Of the draws.
    """

    def __init__(
        self,
        days: npt.NDArray[np.integer],
        *,
        tells: npt.NDArray[np.bool_] | None = None,
        seed: int = 0,
    ) -> None:
        found, self._codes = np.unique(days, return_inverse=True)
        self.count = len(found)
        telling = days if tells is None else days[tells]
        self._is_enough = len(np.unique(telling)) >= _LEAST_BLOCKS
        generator = np.random.default_rng(seed)
        shares = np.full(self.count, 1 / max(1, self.count))
        drawn = generator.multinomial(self.count, shares, size=_DRAWS)
        self._drawn = np.concatenate([np.ones((1, self.count)), drawn])

    def sums(self, values: npt.NDArray[np.floating | np.bool_]) -> Vector:
        """Return the sum of the rows' values: shape (1 + draws,)."""
        by_day = np.bincount(self._codes, weights=values, minlength=self.count)
        return self._drawn @ by_day

    def sums_by(
        self,
        groups: npt.NDArray[np.integer],
        *,
        count: int,
        values: npt.NDArray[np.floating | np.bool_],
    ) -> Matrix:
        """Return the sums of each group of rows: shape (1 + draws, count)."""
        cells = self._codes * count + groups
        by_day = np.bincount(cells, weights=values, minlength=self.count * count)
        return self._drawn @ by_day.reshape(self.count, count)

    def average_precisions(self, scores: Vector, happened: Vector) -> Vector:
        """Return the average precision of a ranking, shape (1 + draws,).

        Rows of equal score stand or fall together.

        Args:
            scores: Shape (n,); the higher, the sooner an alarm.
            happened: 1 where the event came, else 0; shape (n,).
        """
        thresholds = _thresholds(scores[happened > 0])
        if not len(thresholds):
            return np.full(len(self._drawn), np.nan)
        # Group k holds the rows that thresholds 0..k let pass, highest first.
        passed = np.searchsorted(-thresholds, -scores, side="left")
        count = len(thresholds) + 1
        ones = np.ones(len(scores))
        alarms = np.cumsum(self.sums_by(passed, count=count, values=ones), axis=1)
        hits = np.cumsum(self.sums_by(passed, count=count, values=happened), axis=1)
        gained = np.diff(hits[:, :-1], axis=1, prepend=0)
        with np.errstate(all="ignore"):
            precision = np.where(alarms > 0, hits / alarms, 0)[:, :-1]
            found: Vector = (gained * precision).sum(axis=1) / hits[:, -1]
        return found

    def estimate(self, parts: Vector) -> Estimate:
        """Return what the parts of a figure come to."""
        value = _known(float(parts[0]))
        drawn = parts[1:][np.isfinite(parts[1:])]
        if value is None or not self._is_enough or not len(drawn):
            return Estimate(value=value)
        low, high = np.quantile(drawn, _ENDS).tolist()
        return Estimate(value=value, low=low, high=high)


def days_of(host: int, at_s: Vector) -> npt.NDArray[np.int64]:
    """Return a number for each row's day on this machine; shape as `at_s`."""
    day = np.floor(at_s / DAY_S).astype(np.int64)
    return day + (host << 32)


def _thresholds(scores: Vector) -> Vector:
    """Return the scores at which precision is read, highest first."""
    found: Vector = np.unique(scores)[::-1]
    if len(found) <= _THRESHOLDS:
        return found
    chosen = np.linspace(0, len(found) - 1, _THRESHOLDS).round().astype(np.intp)
    return found[chosen]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
