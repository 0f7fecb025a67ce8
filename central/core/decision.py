"""The decision: from which probability on an alarm is worth its cost."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

_CLEAR: Final = 0.7
_LEAST: Final = 1e-6
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """When an alarm is raised, and when it is over.

    Attributes:
        threshold: Probability from which on it is raised.
        clear: Below which it is over; lower, so that it does not flicker.
        words: How it was chosen, for people.
    """

    threshold: float
    clear: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """What alarms at a threshold come to; None where nothing can be said.

    Attributes:
        precision: Share of the alarms that came true.
        recall: Share of what happened that was told of.
    """

    precision: float | None
    recall: float | None


def threshold_of_cost(false_alarms: float) -> Threshold:
    """Return the threshold at which so many false alarms cost as much as a miss.

    Of a calibrated probability it is 1 / (1 + false_alarms), and no test is needed to
    find it: there, to alarm and not to alarm cost the same on average.

    Source:
        Elkan, "The foundations of cost-sensitive learning", IJCAI 2001.
    """
    words = f"{false_alarms:g} false alarms cost as much as a miss"
    return _threshold(1 / (1 + false_alarms), words)


def threshold_of_f1(
    probability: Vector, happened: npt.NDArray[np.bool_], *, weight: Vector
) -> Threshold:
    """Return the threshold with the best F1, a row counting as often as it weighs.

    Nobody needs to say what a miss costs; hits and alarms are traded evenly.
    """
    words = "the best F1 on moments that neither taught nor judged"
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    hits = np.cumsum((weight * happened)[order])[last]
    alarms = np.cumsum(weight[order])[last]
    best = int(np.argmax(2 * hits / (alarms + hits[-1])))
    return _threshold(float(ordered[last][best]), words)


def alarms(
    probability: Vector,
    happened: npt.NDArray[np.bool_],
    *,
    weight: Vector,
    threshold: float,
) -> Alarms:
    """Return precision and recall of the alarms at a threshold."""
    alarm = probability >= threshold
    hits = float(weight[alarm & happened].sum())
    raised, came = float(weight[alarm].sum()), float(weight[happened].sum())
    return Alarms(precision=_share(hits, raised), recall=_share(hits, came))


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, _DIGITS) if whole else None


def _threshold(at: float, words: str) -> Threshold:
    # Never upwards: what was chosen to be an alarm stays one.
    shown = max(min(at, _neat(at)), _LEAST)
    return Threshold(threshold=shown, clear=_neat(_CLEAR * shown), words=words)


def _neat(value: float) -> float:
    return float(f"{value:.6g}")
