"""Effective: for how many independent moments the moments of one host stand."""

import math
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

# Of a series that is hardly longer than its memory nobody knows how long that is.
_LEAST: Final = 5.0

Numbers: TypeAlias = npt.NDArray[np.float64]


def effective_rows(values: npt.NDArray[np.floating], *, at: Numbers) -> float:
    """Return how many independent moments would tell as much; from 1 to all of them.

    They are ranked first. The ranks of an instant are taken together, and their sums
    for a series. Three estimates of how long it remembers are made, and the longest is
    believed: a short series that has hardly moved looks like noise to the first two.

    Args:
        values: One a moment.
        at: The instant of each.

    Source:
        Geyer, "Practical Markov chain Monte Carlo", Stat. Sci. 7 (1992): the initial
        positive sequence. Kendall, "Note on bias in the estimation of autocorrelation",
        Biometrika 41 (1954). Kedem, "Time series analysis by higher order crossings"
        (1994): a Gaussian series crosses its median with probability arccos(rho) / pi.
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    centred = (np.cumsum(counts) - counts / 2)[place] - len(values) / 2
    _, instant = np.unique(at, return_inverse=True)
    series: Numbers = np.bincount(instant, weights=centred).astype(np.float64)
    alone, together = float(centred @ centred), float(series @ series)
    if not alone or not together or len(series) < _LEAST:
        return 1.0
    memory = max(1.0, _added_up(series), _of_first_order(series), _of_crossings(series))
    effective = len(values) / (max(1.0, together / alone) * memory)
    return effective if effective >= _LEAST else 1.0


def _added_up(series: Numbers) -> float:
    """Return 1 and twice the autocorrelations, as far as they are surely above 0."""
    length = len(series)
    spectrum = np.fft.rfft(series, 2 * length)
    sums = np.fft.irfft(spectrum * spectrum.conj(), 2 * length)[:length]
    pairs = (sums[: length // 2 * 2] / sums[0]).reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    positive = pairs[: ends[0]] if len(ends) else pairs
    return 2 * float(positive.sum()) - 1


def _of_first_order(series: Numbers) -> float:
    """Return the same for a first-order process.

    Its coefficient is taken a standard error above what is found, its bias put right.
    """
    length = len(series)
    found = float(series[1:] @ series[:-1]) / float(series @ series)
    error = math.sqrt(max(0.0, 1 - found**2) / length)
    return _summed(found + (1 + 3 * found) / length + error, length=length)


def _of_crossings(series: Numbers) -> float:
    """Return the same by how often the series crosses its median."""
    length = len(series)
    crossings = np.count_nonzero(np.diff(series > np.median(series)))
    return _summed(math.cos(math.pi * crossings / length), length=length)


def _summed(coefficient: float, *, length: int) -> float:
    known = min(max(coefficient, 0.0), 1 - 1 / length)
    return (1 + known) / (1 - known)
