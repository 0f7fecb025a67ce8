"""Curves: how file systems fill up, generated, for no recorded ones may be passed on.

Each curve has one of the `KINDS`, a pace and a start drawn at random. A file system
that is full stays full until somebody clears it, after up to half a day.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from central.core.recording import Curve

Growth = npt.NDArray[np.float64]
_Kind = Callable[[np.random.Generator, int, float], Growth]

_HOUR_S: Final = 3600.0
_DAY_S: Final = 86400.0
_CLEARED_WITHIN_S: Final = 12 * _HOUR_S


def fill_curve(
    kind: str, *, rng: np.random.Generator, rows: int, interval_s: float
) -> Curve:
    """Return the utilisation of one file system: float32, 0..1, shape (rows,).

    Args:
        kind: One of `KINDS`.
        rng: Draws pace, start and chance.
        rows: How many samples.
        interval_s: Distance between them.
    """
    growth = KINDS[kind](rng, rows, interval_s)
    start = rng.uniform(0.02, 0.94)
    level = _kept_within(growth, start=start, rng=rng, interval_s=interval_s)
    # Temporary files come and go.
    jitter = 10 ** rng.uniform(-6, -3.3)
    found = level + rng.normal(0, jitter, rows)
    return np.clip(found, 0.0, 1.0).astype(np.float32)


def _kept_within(
    growth: Growth, *, start: float, rng: np.random.Generator, interval_s: float
) -> Growth:
    """Return the level after each step: cleared some time after it was full."""
    level, clear_at = start, -1
    levels = np.empty(len(growth))
    for row, step in enumerate(growth.tolist()):
        level = min(max(level + step, 0.02), 1.0)
        if level >= 1.0 and clear_at < row:
            clear_at = row + 1 + int(rng.uniform(0, _CLEARED_WITHIN_S) / interval_s)
        if row == clear_at:
            level = rng.uniform(0.3, 0.9)
        levels[row] = level
    return levels


def _pace(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a growth per second; the bounds are shares of the disk an hour."""
    return float(10 ** rng.uniform(np.log10(low), np.log10(high))) / _HOUR_S


def _flat(_: np.random.Generator, rows: int, __: float) -> Growth:
    return np.zeros(rows)


def _slow(rng: np.random.Generator, rows: int, interval_s: float) -> Growth:
    return np.full(rows, interval_s * _pace(rng, 0.00002, 0.004))


def _linear(rng: np.random.Generator, rows: int, interval_s: float) -> Growth:
    growth: Growth = rng.gamma(2.0, 0.5, rows)
    growth *= interval_s * _pace(rng, 0.004, 0.4)
    return growth


def _daily(rng: np.random.Generator, rows: int, interval_s: float) -> Growth:
    phase = 2 * np.pi * (np.arange(rows) * interval_s / _DAY_S + rng.uniform())
    growth: Growth = 1 + np.sin(phase)
    growth *= interval_s * _pace(rng, 0.002, 0.08)
    return growth


def _bursts(rng: np.random.Generator, rows: int, interval_s: float) -> Growth:
    is_busy = _switching(
        rng, rows, on_s=900.0, off_s=4 * _HOUR_S, interval_s=interval_s
    )
    return np.where(is_busy, interval_s * _pace(rng, 0.05, 1.0), 0.0)


def _plateaus(rng: np.random.Generator, rows: int, interval_s: float) -> Growth:
    on_s, off_s = rng.uniform(0.5, 4, 2) * _HOUR_S
    is_busy = _switching(rng, rows, on_s=on_s, off_s=off_s, interval_s=interval_s)
    return np.where(is_busy, interval_s * _pace(rng, 0.01, 0.3), 0.0)


def _saw_tooth(rng: np.random.Generator, rows: int, interval_s: float) -> Growth:
    """Logs grow and are rotated away again, with a little left each time."""
    pace = interval_s * _pace(rng, 0.005, 0.15)
    growth = np.full(rows, pace)
    period = max(2, int(rng.uniform(1, 24) * _HOUR_S / interval_s))
    left = rng.uniform(0.0, 0.15)
    growth[period - 1 :: period] -= (1 - left) * pace * period
    return growth


def _deletions(rng: np.random.Generator, rows: int, interval_s: float) -> Growth:
    """Steady growth, and now and then somebody or something tidies up."""
    growth = _linear(rng, rows, interval_s)
    is_tidied = rng.random(rows) < interval_s / (rng.uniform(2, 16) * _HOUR_S)
    growth[is_tidied] -= rng.uniform(0.01, 0.2, int(is_tidied.sum()))
    return growth


def _copies(rng: np.random.Generator, rows: int, interval_s: float) -> Growth:
    """Something large is written and soon deleted again: backups, builds."""
    growth = np.zeros(rows)
    steps = max(1, int(rng.uniform(300, 2 * _HOUR_S) / interval_s))
    size = rng.uniform(0.02, 0.3)
    gap = max(2, int(rng.uniform(2, 12) * _HOUR_S / interval_s))
    for start in range(int(rng.integers(gap)), rows - 2 * steps, gap + 2 * steps):
        growth[start : start + steps] += size / steps
        growth[start + 2 * steps - 1] -= size
    return growth


def _switching(
    rng: np.random.Generator, rows: int, *, on_s: float, off_s: float, interval_s: float
) -> npt.NDArray[np.bool_]:
    """Return when something is at work that starts and stops at random."""
    spans = rng.exponential(1.0, (rows, 2)) * [off_s / interval_s, on_s / interval_s]
    ends = np.cumsum(np.maximum(spans, 1.0).ravel())
    switches = np.searchsorted(ends, np.arange(rows), side="right")
    return np.asarray(switches % 2, dtype=np.bool_)


KINDS: Final[dict[str, _Kind]] = {
    "flat": _flat,
    "slow growth": _slow,
    "steady growth": _linear,
    "daily rhythm": _daily,
    "bursts": _bursts,
    "plateaus": _plateaus,
    "saw-tooth": _saw_tooth,
    "deletions": _deletions,
    "copies": _copies,
}
