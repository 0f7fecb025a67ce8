"""Learning: what the product's learner makes of rows, and how good it is on others."""

import os
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

# A process grows one tree at a time, on one core; the traces need both.
os.environ["OMP_THREAD_LIMIT"] = "1"
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import numpy.typing as npt
from sampling.rows import Rows

from central.adapters.trees import TreeLearner
from central.core.platt import probability
from central.core.samples import Samples
from central.core.settings import Settings, usual
from central.core.skill import average_precision, calibration_error
from central.core.weighing import rate_shift
from central.ports.learning import Learnt, Lesson

Vector = npt.NDArray[np.float64]

_LESSON: Final = Lesson(
    task="", releases=frozenset(), hosts=frozenset(), until=float("inf")
)


class Quality(NamedTuple):
    """How good probabilities are on rows that did not teach.

    Attributes:
        precision: Average precision.
        error: Calibration error.
        raw_error: The same, had the rate not been set right.
    """

    precision: float
    error: float
    raw_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What rows taught.

    Attributes:
        learnt: Trees; their log-odds are at the rate at which they were taught.
        shift: Sets that rate right.
    """

    learnt: Learnt
    shift: float

    def said(self, rows: Rows) -> Vector:
        """Return the probabilities."""
        return probability(self.learnt.raw(rows.features) + self.shift)

    def quality(self, rows: Rows) -> Quality:
        """Return how good it is on these rows."""
        raw = self.learnt.raw(rows.features)
        said = probability(raw + self.shift)
        return Quality(
            precision=average_precision(said, rows.happened),
            error=calibration_error(said, rows.happened),
            raw_error=calibration_error(probability(raw), rows.happened),
        )


def usual_settings(count: int, *, weighing: float, seed: int) -> Settings:
    """Return the settings that a retraining begins with; it goes on to search.

    Args:
        count: Rows that teach.
        weighing: To which power a row's weight counts: 1 as it is, 0 not at all.
        seed: Of whatever is drawn.
    """
    return replace(usual(count, seed=seed), weighing=weighing)


def learnt(rows: Rows, *, weight: Vector, settings: Settings) -> Model:
    """Return what rows teach, each standing for `weight` moments."""
    samples = _samples(rows, weight)
    signs = [0] * rows.features.shape[1]
    trees = TreeLearner().learn(samples, lesson=_LESSON, signs=signs, settings=settings)
    return Model(learnt=trees, shift=rate_shift(samples, settings=settings))


def _samples(rows: Rows, weight: Vector) -> Samples:
    count = len(rows)
    nothing = np.full((count, 1), np.nan)
    unnamed = np.full(count, "")
    return Samples(
        features=rows.features,
        label=rows.happened.astype(np.float64),
        weight=weight,
        baseline=nothing,
        active=nothing,
        at=rows.row.astype(np.float64),
        host=rows.host.astype(np.str_),
        entity=unnamed,
        release=unnamed,
    )
