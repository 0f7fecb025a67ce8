"""Measures: how far off answers are, of events and of values alike.

What is said has shape (n, outputs); `label` and `weight` shape (n,). A row of weight w
counts as w moments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from central.core.quantiles import weighted_quantiles
from central.core.weighted import average_precision, calibration_error

Answers = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]


class Measure(Protocol):
    """How answers of one kind are judged."""

    @property
    def loss_name(self) -> str:
        """What the loss is called."""
        ...

    def losses(self, said: Answers, *, label: Vector) -> Vector:
        """Return each moment's loss."""
        ...

    def climate(self, label: Vector, *, weight: Vector) -> Answers:
        """Return what one would always say who knows the moments' sum only: (1, o)."""
        ...

    def calibration_error(
        self, said: Answers, *, label: Vector, weight: Vector
    ) -> float:
        """Return the mean distance of what was promised and what came."""
        ...

    def average_precision(
        self, said: Answers, *, label: Vector, weight: Vector
    ) -> float | None:
        """Return the area under the precision-recall curve; None of a value."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMeasure:
    """Probabilities, judged by the squared error (Brier)."""

    loss_name: str = "squared error (Brier)"

    def losses(self, said: Answers, *, label: Vector) -> Vector:
        """Return the Brier losses."""
        apart: Vector = said[:, 0] - label
        return apart * apart

    def climate(self, label: Vector, *, weight: Vector) -> Answers:
        """Return the rate."""
        return np.array([[np.average(label, weights=weight)]])

    def calibration_error(
        self, said: Answers, *, label: Vector, weight: Vector
    ) -> float:
        """Return the distance of probability and rate over tenths of the range."""
        return calibration_error(said[:, 0], label > 0, weight=weight)

    def average_precision(
        self, said: Answers, *, label: Vector, weight: Vector
    ) -> float | None:
        """Return the area under the precision-recall curve."""
        return average_precision(said[:, 0], label > 0, weight=weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMeasure:
    """Quantiles, judged by the mean pinball loss of their levels.

    Attributes:
        levels: Ascending, each between 0 and 1.
    """

    levels: Sequence[float]
    loss_name: str = "pinball loss"

    def losses(self, said: Answers, *, label: Vector) -> Vector:
        """Return the mean pinball losses.

        Source:
            Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978).
        """
        level = np.asarray(self.levels)
        apart = label[:, None] - said
        found: Vector = np.maximum(level * apart, (level - 1) * apart).mean(axis=1)
        return found

    def climate(self, label: Vector, *, weight: Vector) -> Answers:
        """Return the quantiles of all that came."""
        return np.array([weighted_quantiles(label, weight=weight, levels=self.levels)])

    def calibration_error(
        self, said: Answers, *, label: Vector, weight: Vector
    ) -> float:
        """Return the mean distance of each level and the share that came below."""
        below = np.average(label[:, None] <= said, axis=0, weights=weight)
        return float(np.abs(below - np.asarray(self.levels)).mean())

    def average_precision(
        self, said: Answers, *, label: Vector, weight: Vector
    ) -> float | None:
        """Return None: a value neither happens nor not."""
        return None
