"""Labelled samples of one task, as central trains on them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Resolved moments that hosts have sent; arrays of length n, by time.

    Attributes:
        features: float32, shape (n, n_features); NaN marks a gap.
        label: 1 or 0 for an event, else the value that came.
        weight: For how many resolved moments of its host each row stands.
        baseline: What the baseline said, shape (n, outputs).
        active: What the active release said; NaN where there was none.
        at: Seconds since 1970 (UTC) at which each was predicted.
        host: Who sent it.
        entity: What it speaks of; empty for the host itself.
        release: Digest of the manifest whose features these are.
    """

    features: npt.NDArray[np.float32]
    label: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]
    baseline: npt.NDArray[np.float64]
    active: npt.NDArray[np.float64]
    at: npt.NDArray[np.float64]
    host: npt.NDArray[np.str_]
    entity: npt.NDArray[np.str_]
    release: npt.NDArray[np.str_]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.label)

    def where(self, mask: npt.NDArray[Any]) -> "Samples":
        """Return the rows at which `mask` holds, or which it numbers."""
        return replace(
            self, **{name: getattr(self, name)[mask] for name in self.__slots__}
        )
