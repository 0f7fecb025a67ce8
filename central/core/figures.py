"""Figures: how good a model was on the moments of a test, beside the baseline."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from central.core.skill import (
    alarm_rates,
    average_precision,
    calibration_error,
    skill,
    skill_interval,
    squared_errors,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The moments of a test with what was said about them; arrays of length n.

    Attributes:
        probability: What the model said.
        baseline: What the agent's baseline said at the same moments.
        happened: What came.
        event: Number of the event that came; without meaning where none did.
        block: Number of the host and day.
    """

    probability: npt.NDArray[np.float64]
    baseline: npt.NDArray[np.float64]
    happened: npt.NDArray[np.bool_]
    event: npt.NDArray[np.intp]
    block: npt.NDArray[np.intp]

    def at(self, mask: npt.NDArray[np.bool_]) -> "Trial":
        """Return the moments at which `mask` holds."""
        return Trial(
            probability=self.probability[mask],
            baseline=self.baseline[mask],
            happened=self.happened[mask],
            event=self.event[mask],
            block=self.block[mask],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a trial came to; None where nothing happened and nothing can be said.

    Attributes:
        rows: Moments, all of them onset moments.
        happened: Of those, how many came true.
        events: How many different onsets that were.
        brier_skill: Against the rate of the very moments tested.
        gain: Brier skill against the baseline; `gain_low` and `gain_high` bound it with
            95 % confidence over hosts and days.
        calibration_error: Expected, over ten bins.
        precision: Of the alarms at the threshold; `recall` alike.
    """

    rows: int
    happened: int
    events: int
    auprc: float | None
    baseline_auprc: float | None
    brier_skill: float | None
    baseline_brier_skill: float | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    calibration_error: float | None
    baseline_calibration_error: float | None
    precision: float | None
    recall: float | None

    @property
    def is_better(self) -> bool:
        """Whether the model was shown to be better than the baseline."""
        return self.gain_low is not None and self.gain_low > 0

    @property
    def is_worse(self) -> bool:
        """Whether the model was shown to be worse than the baseline."""
        return self.gain_high is not None and self.gain_high < 0

    def document(self) -> dict[str, object]:
        """Return the figures as they stand in a manifest."""
        return {
            "rows": self.rows,
            "happened": self.happened,
            "events": self.events,
            "auprc": self.auprc,
            "baseline_auprc": self.baseline_auprc,
            "brier_skill": self.brier_skill,
            "baseline_brier_skill": self.baseline_brier_skill,
            "skill_against_baseline": self.gain,
            "skill_against_baseline_95": [self.gain_low, self.gain_high],
            "ece": self.calibration_error,
            "baseline_ece": self.baseline_calibration_error,
            "precision": self.precision,
            "recall": self.recall,
        }


def figures(trial: Trial, *, threshold: float, rng: np.random.Generator) -> Figures:
    """Return what a trial came to.

    Args:
        trial: The moments.
        threshold: From which probability on the model would have raised an alarm.
        rng: Draws the blocks for the bounds of the gain.
    """
    happened = trial.happened
    rows, count = len(happened), int(happened.sum())
    if not count:
        return _silence(rows)
    mine = squared_errors(trial.probability, happened)
    theirs = squared_errors(trial.baseline, happened)
    rate = squared_errors(count / rows, happened)
    _, block = np.unique(trial.block, return_inverse=True)
    low, high = skill_interval(mine, reference=theirs, blocks=block, rng=rng)
    precision, recall = alarm_rates(trial.probability, happened, threshold=threshold)
    return Figures(
        rows=rows,
        happened=count,
        events=len(np.unique(trial.event[happened])),
        auprc=_rounded(average_precision(trial.probability, happened)),
        baseline_auprc=_rounded(average_precision(trial.baseline, happened)),
        brier_skill=_rounded(skill(mine, reference=rate)),
        baseline_brier_skill=_rounded(skill(theirs, reference=rate)),
        gain=_rounded(skill(mine, reference=theirs)),
        gain_low=_rounded(low),
        gain_high=_rounded(high),
        calibration_error=_rounded(calibration_error(trial.probability, happened)),
        baseline_calibration_error=_rounded(
            calibration_error(trial.baseline, happened)
        ),
        precision=_rounded(precision),
        recall=_rounded(recall),
    )


def _silence(rows: int) -> Figures:
    return Figures(
        rows=rows,
        happened=0,
        events=0,
        auprc=None,
        baseline_auprc=None,
        brier_skill=None,
        baseline_brier_skill=None,
        gain=None,
        gain_low=None,
        gain_high=None,
        calibration_error=None,
        baseline_calibration_error=None,
        precision=None,
        recall=None,
    )


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
