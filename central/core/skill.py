"""Skill: how good probabilities are, against the truth and against a reference.

All take `probability` float64 and `happened` bool of the same length, one a moment.

Source:
    Average precision and the Brier score as in scikit-learn's `metrics`; Brier skill,
    D. S. Wilks, "Statistical Methods in the Atmospheric Sciences", 8.4.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_TENTHS = 10
# The 97.5 % quantile of Student's t for 1 to 4 degrees of freedom, and then its series
# in 1 / freedom.
_FIRST_STUDENT: Final = (12.7062, 4.3027, 3.1824, 2.7764)
_STUDENT_TERMS: Final = (1.959964, 2.37227, 2.82250, 2.55585, 1.58953)


def average_precision(probability: Vector, happened: Flags) -> float:
    """Return the area under the precision-recall curve; NaN if nothing happened."""
    if not happened.any():
        return float("nan")
    hits, alarms, _ = _alarms(probability, happened)
    recall = hits / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * hits / alarms))


def squared_errors(probability: Vector | float, happened: Flags) -> Vector:
    """Return each moment's Brier loss."""
    apart: Vector = np.asarray(probability - happened.astype(np.float64))
    return apart * apart


def skill(losses: Vector, *, reference: Vector) -> float:
    """Return the share of the reference's loss that is saved; NaN if it has none."""
    total = float(np.sum(reference))
    return 1 - float(np.sum(losses)) / total if total else float("nan")


def skill_interval(
    losses: Vector,
    *,
    reference: Vector,
    blocks: npt.NDArray[np.intp],
    rng: np.random.Generator,
    draws: int = 1000,
) -> tuple[float, float]:
    """Return in what the skill lies with 95 % confidence: whole blocks drawn anew.

    Moments of one host and day hang together; drawing them singly would promise more
    than is known. Of few blocks it is too narrow all the same; see `gain_interval`.

    Args:
        losses: Of what is judged.
        reference: Of what it is compared with, on the same moments.
        blocks: Number of each moment's block, 0..n-1.
        rng: Draws.
        draws: How often.
    """
    mine, theirs = np.bincount(blocks, losses), np.bincount(blocks, reference)
    count = len(mine)
    if count == 1:  # drawn anew it is the same again, which is no certainty
        return float("nan"), float("nan")
    times = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 1 - (times @ mine) / (times @ theirs)
    known = found[np.isfinite(found)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def gain_interval(
    losses: Vector, *, reference: Vector, blocks: npt.NDArray[np.intp]
) -> tuple[float, float]:
    """Return in what the skill lies with 95 % confidence, also of a few blocks.

    Each block is left out once; how far the ratio of the losses moves says how sure it
    is. The bounds are Student's, on its logarithm, for a ratio is skewed and above 0.
    Of gamma-distributed losses of 2, 3, 5, 8 and 20 blocks they miss the truth in some
    5 % of cases; where single blocks have most of the loss, in 5 to 11 %.

    Args:
        losses: Of what is judged, 0 or above.
        reference: Of what it is compared with, on the same moments.
        blocks: Number of each moment's block, 0..n-1.

    Returns:
        The bounds; NaN where one block has all, or the reference has no loss.

    Source:
        Miller, "The jackknife - a review", Biometrika 61 (1974).
    """
    mine, theirs = np.bincount(blocks, losses), np.bincount(blocks, reference)
    count, others = len(mine), theirs.sum() - theirs
    if count < 2 or not others.all():  # noqa: PLR2004 - one left out leaves some
        return float("nan"), float("nan")
    ratio = mine.sum() / theirs.sum()
    without = (mine.sum() - mine) / others
    error = math.sqrt((count - 1) * float(np.var(without)))
    apart = _student(count - 1) * error / ratio if ratio else 0.0
    with np.errstate(over="ignore"):
        low, high = 1 - ratio * np.exp([apart, -apart])
    return float(low), float(high)


def _student(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t, within 0.0005.

    Source:
        Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5, whose
        series is too short for the first few.
    """
    if freedom <= len(_FIRST_STUDENT):
        return _FIRST_STUDENT[freedom - 1]
    return sum(
        term / float(freedom) ** power for power, term in enumerate(_STUDENT_TERMS)
    )


def calibration_error(probability: Vector, happened: Flags) -> float:
    """Return the mean distance of probability and rate over tenths of the range."""
    tenth = np.minimum((probability * _TENTHS).astype(np.intp), _TENTHS - 1)
    said = np.bincount(tenth, probability, _TENTHS)
    came = np.bincount(tenth, happened.astype(np.float64), _TENTHS)
    return float(np.sum(np.abs(said - came)) / len(probability))


def best_threshold(probability: Vector, happened: Flags) -> float:
    """Return the probability from which on alarms have the best F1; 0.5 if none has."""
    if not happened.any():
        return 0.5
    hits, alarms, at = _alarms(probability, happened)
    f1 = 2 * hits / (alarms + hits[-1])
    return float(at[int(np.argmax(f1))])


def alarm_rates(
    probability: Vector, happened: Flags, *, threshold: float
) -> tuple[float, float]:
    """Return precision and recall of the alarms at `threshold`; NaN if undefined."""
    alarm = probability >= threshold
    hits = int(np.sum(alarm & happened))
    alarms, total = int(np.sum(alarm)), int(np.sum(happened))
    nothing = float("nan")
    return hits / alarms if alarms else nothing, hits / total if total else nothing


def _alarms(probability: Vector, happened: Flags) -> tuple[Vector, Vector, Vector]:
    """Return hits, alarms and threshold for each distinct probability, falling."""
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    hits = np.cumsum(happened[order])[last].astype(np.float64)
    return hits, (last + 1).astype(np.float64), ordered[last]
