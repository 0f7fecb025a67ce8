"""Weighing: how much a row counts as it teaches, and what that does to the rate."""

import numpy as np
import numpy.typing as npt

from central.core.samples import Samples
from central.core.settings import Settings
from central.core.shift import shift

Vector = npt.NDArray[np.float64]


def teaching_weight(samples: Samples, *, settings: Settings) -> Vector:
    """Return how much each row counts as it teaches.

    Events weigh 1 on average. Events are few and are sent nearly all, so the others
    weigh much more; the trees' own limits, which are meant for so many events, hold
    whichever share of the others was sent. Rows of a value all weigh 1 on average.
    """
    power: Vector = samples.weight**settings.weighing
    events = samples.label > 0
    of = power[events] if events.any() and not settings.levels else power
    found: Vector = power / of.mean()
    return found


def rate_shift(samples: Samples, *, settings: Settings) -> float:
    """Return what sets log-odds right that were learnt by these weights; 0 of a value.

    It is logit(true rate) - logit(rate by the weights that taught), so 0 where rows
    counted as they weigh.
    """
    if settings.levels:
        return 0.0
    taught = teaching_weight(samples, settings=settings)
    return shift(samples.label, samples.weight) - shift(samples.label, taught)
