"""The choice: which entities are predicted at an instant, and why others are not."""

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from agent.core.manifest import Manifest
from agent.core.situation import Situation
from agent.core.target import EventTarget

_Matrix: TypeAlias = npt.NDArray[np.float32]


class Choice:
    """Chooses rows, one an entity.

    Attributes:
        skipped: Entities that were not predicted when it was time, by reason.
    """

    def __init__(self, manifest: Manifest, *, skipped: Mapping[str, int]) -> None:
        self.skipped = dict(skipped)
        target = manifest.target
        self._is_event = isinstance(target, EventTarget)
        self._is_onset = isinstance(target, EventTarget) and target.onset
        self._takes_gaps = manifest.missing == "nan"

    def candidates(self, situation: Situation) -> list[int]:
        """Return the rows of the entities to predict; count the others."""
        found: list[int] = []
        limits = situation.limits.tolist()
        for row, value in enumerate(situation.values.tolist()):
            if math.isnan(value) or (self._is_event and math.isnan(limits[row])):
                self._skip("unknown now")
            elif self._is_onset and situation.holds[row]:
                self._skip("holds already")
            else:
                found.append(row)
        return found

    def without_gaps(self, rows: Sequence[int], features: _Matrix) -> list[int]:
        """Return those of the rows that the model takes; count the others."""
        if self._takes_gaps:
            return list(rows)
        found = [row for row in rows if not np.isnan(features[row]).any()]
        for _ in range(len(rows) - len(found)):
            self._skip("a feature is a gap")
        return found

    def _skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1
