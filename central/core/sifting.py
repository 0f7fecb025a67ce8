"""Sifting: what no host can have seen teaches nothing, and no row counts for too much.

One host is to spoil nobody else's release, whether it is broken or lies.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from central.core.samples import Samples

# Of all weights: what is above the quantile is cut to it.
_USUAL: Final = 0.99
_MOST: Final = float(np.finfo(np.float32).max)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """What is left of samples.

    Attributes:
        samples: That can be, by time.
        dropped: How many could not.
        lightened: Of those that are left, how many had their weight cut.
        heaviest: To which; 0 if there are none.
    """

    samples: Samples
    dropped: int
    lightened: int
    heaviest: float


def sifted(samples: Samples, *, is_event: bool) -> Sifted:
    """Return the samples that can be, none with a weight out of all proportion.

    Of an event, a label is 0 or 1 and an answer a probability; of a value, both are
    numbers that a float32 holds. A weight above the 99 % quantile of all weights is cut
    to it, at least the largest: a few too heavy rows would decide alone.

    Args:
        samples: Of one task.
        is_event: Whether it says that something happens, or which value comes.

    Source:
        Ionides, "Truncated importance sampling", J. Comp. Graph. Stat. 17 (2008).
    """
    kept = samples.where(_can_be(samples, is_event=is_event))
    heaviest = 0.0
    if len(kept):
        heaviest = float(np.quantile(kept.weight, _USUAL, method="lower"))
    return Sifted(
        samples=replace(kept, weight=np.minimum(kept.weight, heaviest)),
        dropped=len(samples) - len(kept),
        lightened=int(np.sum(kept.weight > heaviest)),
        heaviest=heaviest,
    )


def _can_be(samples: Samples, *, is_event: bool) -> Mask:
    low, high = (0.0, 1.0) if is_event else (-_MOST, _MOST)
    label, weight = samples.label, samples.weight
    is_label = np.isin(label, (0.0, 1.0)) if is_event else np.abs(label) <= _MOST
    found: Mask = (
        is_label & np.isfinite(weight) & (weight > 0) & np.isfinite(samples.at)
    )
    found &= _within(samples.features, low=-_MOST, high=_MOST)
    found &= _within(samples.baseline, low=low, high=high)
    found &= _within(samples.active, low=low, high=high)
    return found


def _within(rows: npt.NDArray[Any], *, low: float, high: float) -> Mask:
    """Return of which rows each number is within bounds, or a gap."""
    found: Mask = (np.isnan(rows) | ((rows >= low) & (rows <= high))).all(axis=1)
    return found
