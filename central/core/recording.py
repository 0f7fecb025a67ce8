"""Recordings: hosts to learn from, on one grid, one column a *case*.

A case is a curve put so that one of its levels meets the limit that the task has when
it serves. Features speak of the distance to the limit only, so a host that never came
near 0.9 can still teach what it looks like to run into a limit.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Curve = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTrace:
    """One recorded series of one host.

    Attributes:
        host: Whose.
        sha256: Of the file it was read from.
        interval_s: Distance between samples.
        values: float32, shape (n,); NaN marks a gap.
    """

    host: str
    sha256: str
    interval_s: float
    values: Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Cases on one grid.

    Attributes:
        name: Whose curves these are.
        group: Recordings of one group never stand on both sides of a split.
        interval_s: Distance between rows.
        values: float32, shape (n_rows, n_cases); NaN marks a gap.
        serving: Which cases are as they were measured, shape (n_cases,).
    """

    name: str
    group: str
    interval_s: float
    values: Curve
    serving: npt.NDArray[np.bool_]


def levels(curve: Curve, *, shares: tuple[float, ...], past: float) -> list[float]:
    """Return the levels that the beginning of a curve exceeds for these shares of time.

    Half a step of a curve in whole percents is added: no sample lies on a level.

    Args:
        curve: One series of one host, shape (n,).
        shares: Of the time, 0..1.
        past: Share of the curve that is read; what comes later is not looked at.
    """
    known = curve[: int(past * len(curve))]
    found = np.nanquantile(known, [1 - share for share in shares])
    return sorted({round(float(level), 2) + 0.005 for level in found})


def restarts(rows: int, *, longest: int, rng: np.random.Generator) -> frozenset[int]:
    """Return rows at which an agent starts anew, lives of all lengths following.

    A life lasts 1 to `longest` rows, its logarithm drawn evenly: many windows hold a
    sample or two, and some are full.
    """
    lives = np.exp(rng.uniform(0, np.log(longest), rows)).astype(np.intp)
    starts = np.cumsum(lives)
    return frozenset(starts[starts < rows].tolist())


def shifted(curve: Curve, *, level: float, limit: float, scale: float = 1.0) -> Curve:
    """Return the curve, put so that `level` lies at `limit`, stretched around it."""
    return (limit + scale * (curve - level)).astype(np.float32)
