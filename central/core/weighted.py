"""Weighted figures: as in `central.core.skill`, a row of weight w counting as w rows.

Source:
    scikit-learn's `metrics` with `sample_weight`.
"""

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_TENTHS = 10


def average_precision(probability: Vector, happened: Flags, *, weight: Vector) -> float:
    """Return the area under the precision-recall curve; NaN if nothing happened."""
    if not happened.any():
        return float("nan")
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    hits = np.cumsum((weight * happened)[order])[last]
    alarms = np.cumsum(weight[order])[last]
    return float(np.sum(np.diff(hits, prepend=0.0) * hits / alarms) / hits[-1])


def calibration_error(probability: Vector, happened: Flags, *, weight: Vector) -> float:
    """Return the mean distance of probability and rate over tenths of the range."""
    tenth = np.minimum((probability * _TENTHS).astype(np.intp), _TENTHS - 1)
    apart = np.bincount(tenth, weight * (probability - happened), _TENTHS)
    return float(np.abs(apart).sum() / weight.sum())
