"""Attribution: which features drove a score, told by putting each back to its usual.

Each feature in turn takes the value that it usually has on this host, all others stay
as they were; the effect is by how much the score was moved by the feature not being
usual. That asks only what the model itself answers, for one batch of rows. It is no
division of the score: features that move together share an effect, and each of them
may show all of it or none.

Source:
    Replacing one feature by a reference value is the "one at a time" design of
    sensitivity analysis; Saltelli et al., "Global Sensitivity Analysis: The Primer"
    (2008), also on what it cannot show.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float32]

# A median of fewer values says little; the reference of the training says more then.
LEAST_KNOWN: Final = 20
# float32 knows no probability that is nearer to 1.
_CLOSEST: Final = 2.0**-24


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """What one feature did to a score.

    Attributes:
        place: Which feature, in the order of the model's input.
        value: What it was; NaN: a gap.
        usual: What it usually is.
        effect: By how much the score is higher than with the usual value; in log-odds
            for a probability, else in the unit of the score.
    """

    place: int
    value: float
    usual: float
    effect: float


def usual_values(
    known: Matrix, *, reference: Sequence[Sequence[float | None]] = ()
) -> Vector:
    """Return the usual value of each feature: its median; NaN where nothing tells.

    Args:
        known: What the features were lately, shape (n, n_features); NaN marks a gap.
        reference: Quantiles of each feature in training, evenly spaced; taken where
            fewer than 20 values are known. May be empty.
    """
    medians = [_middle(quantiles) for quantiles in reference]
    usual = medians or [math.nan] * known.shape[1]
    for place, column in enumerate(known.T):
        present = column[~np.isnan(column)]
        if len(present) >= LEAST_KNOWN:
            usual[place] = float(np.median(present))
    return np.array(usual, dtype=np.float32)


def substituted(features: Vector, *, usual: Vector) -> Matrix:
    """Return the rows to score, shape (n_features + 1, n_features).

    The first is as it was; each further one has one feature at its usual value, or as
    it was where that is not known.
    """
    rows = np.tile(features, (len(features) + 1, 1))
    each = np.arange(len(features))
    rows[each + 1, each] = np.where(np.isnan(usual), features, usual)
    return rows


def drivers(
    features: Vector,
    *,
    usual: Vector,
    scores: npt.NDArray[np.float32],
    is_probability: bool,
    most: int = 5,
) -> list[Driver]:
    """Return the features that moved a score, the strongest first.

    Args:
        features: What the model was given.
        usual: What each usually is; NaN: not known, so it is left out.
        scores: What it answers for the rows of `substituted`, one number each.
        is_probability: Whether effects are in log-odds, not in the score's unit.
        most: At most so many.
    """
    levels = scores.astype(np.float64)
    if is_probability:
        levels = _log_odds(levels)
    effects = (levels[0] - levels[1:]).tolist()
    moved = [n for n, effect in enumerate(effects) if effect and not np.isnan(usual[n])]
    moved.sort(key=lambda n: -abs(effects[n]))
    return [
        Driver(
            place=n,
            value=float(features[n]),
            usual=float(usual[n]),
            effect=effects[n],
        )
        for n in moved[:most]
    ]


def _middle(quantiles: Sequence[float | None]) -> float:
    """Return the median among evenly spaced quantiles; NaN where there is none."""
    low, high = (len(quantiles) - 1) // 2, len(quantiles) // 2
    both = quantiles[low : high + 1]
    present = [value for value in both if value is not None]
    return sum(present) / len(present) if len(present) == len(both) > 0 else math.nan


def _log_odds(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    inside = p.clip(_CLOSEST, 1 - _CLOSEST)
    odds: npt.NDArray[np.float64] = np.log(inside / (1 - inside))
    return odds
