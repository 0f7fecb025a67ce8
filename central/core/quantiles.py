"""Weighted quantiles: what a feature looked like in all that the samples stand for."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

_DIGITS: Final = 6
LEVELS: Final = tuple(np.linspace(0, 1, 11).tolist())


def weighted_quantiles(
    values: npt.NDArray[np.float64],
    *,
    weight: npt.NDArray[np.float64],
    levels: Sequence[float],
) -> list[float]:
    """Return the values below which shares of the weight lie; NaN if there are none.

    Equal weights give numpy's `linear` quantiles. Gaps are passed over.
    """
    there = ~np.isnan(values)
    if not there.any():
        return [float("nan")] * len(levels)
    order = np.argsort(values[there], kind="stable")
    ordered, mass = values[there][order], weight[there][order]
    # The first value stands at 0 and the last at 1, each between its neighbours.
    place = np.concatenate([[0.0], np.cumsum((mass[1:] + mass[:-1]) / 2)])
    share = place / place[-1] if place[-1] else place
    return [float(np.interp(level, share, ordered)) for level in levels]


def reference(
    features: npt.NDArray[np.float32], *, weight: npt.NDArray[np.float64]
) -> list[list[float | None]]:
    """Return each feature's quantiles as a manifest has them; None for no value."""
    columns = features.astype(np.float64).T
    return [
        [_neat(v) for v in weighted_quantiles(c, weight=weight, levels=LEVELS)]
        for c in columns
    ]


def _neat(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None
