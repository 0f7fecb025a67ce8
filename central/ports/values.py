"""What the training of a value's model needs of the world."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from agent.core.answers import Answers
from central.ports.training import TrainedModel


class LearntValue(Protocol):
    """What was learnt of a change, in units of the host's own scale."""

    def quantiles(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the quantiles of features (n, n_features), shape (n, levels)."""
        ...

    def model(self, shifts: Sequence[float]) -> TrainedModel:
        """Return the model that adds a shift to each level and puts back the unit."""
        ...


class ValueTrainer(Protocol):
    """What turns examples of a change into its quantiles."""

    def learn(
        self,
        features: npt.NDArray[np.float32],
        change: npt.NDArray[np.float64],
        *,
        levels: Sequence[float],
    ) -> LearntValue:
        """Return what the examples teach.

        Args:
            features: Shape (n, n_features); the last is the host's own scale.
            change: In units of that scale, shape (n,).
            levels: Of the quantiles, ascending.
        """
        ...


class BandSketch(Protocol):
    """Where a value's card gets its picture from."""

    def picture(self, hosts: Sequence[Answers], *, release: str) -> bytes:
        """Return a PNG file: a day of one host, and how often the band held on each.

        Args:
            hosts: What was said on each; at least one of them has a moment.
            release: The name under which the model said its quantiles.
        """
        ...
