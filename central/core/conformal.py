"""Conformal shifts: what makes quantiles hold on hosts that nobody learnt from.

A model knows the hosts that taught it better than any other, so its band is too narrow
elsewhere. How far each side was off on hosts that were left out is what it is moved by.

Source:
    Romano, Patterson and Candes, "Conformalized quantile regression", NeurIPS 32
    (2019), each side for itself; Dunn, Wasserman and Ramdas, "Distribution-free
    prediction sets for two-layer hierarchical models", J. Am. Stat. Assoc. 118 (2023),
    for hosts that weigh alike however many rows each has.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from central.core.quantiles import weighted_quantiles

_MIDDLE: Final = 0.5


def shifts(
    said: npt.NDArray[np.float64],
    *,
    came: npt.NDArray[np.float64],
    host: npt.NDArray[np.intp],
    levels: Sequence[float],
) -> tuple[float, ...]:
    """Return what is to be added to each level; below the middle it mostly is below 0.

    The middle stays: it is the best guess, and no bound. A level is not corrected for
    the number of rows, as one of exchangeable rows would be: rows of one host resemble
    each other, and of hosts there are too few to correct for.

    Args:
        said: Quantiles at moments of hosts that did not teach, shape (n, levels).
        came: What came of them, shape (n,).
        host: Number of each one's host, shape (n,).
        levels: Of the quantiles, ascending.

    Raises:
        ValueError: There is no row to learn from.
    """
    if not len(came):
        raise ValueError("conformal shifts: expected rows of hosts left out, got none")
    weight = _alike(host)
    apart = came[:, np.newaxis] - said
    return tuple(
        0.0
        if level == _MIDDLE
        else weighted_quantiles(column, weight=weight, levels=(level,))[0]
        for level, column in zip(levels, apart.T, strict=True)
    )


def _alike(host: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Return weights by which every host has the same in all."""
    _, place, count = np.unique(host, return_inverse=True, return_counts=True)
    weight: npt.NDArray[np.float64] = 1.0 / count[place]
    return weight
