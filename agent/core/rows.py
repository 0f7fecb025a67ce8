"""Rows: the resolved moments of one task on one recorded host, as arrays."""

from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_Vector: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """The resolved moments of one task on one recorded host; n of them, by time.

    Left out are void ones, and those seen happening beside gaps in which the opposite
    would not have been seen.

    Attributes:
        features: float32, shape (n, n_features); NaN marks a gap.
        outcome: float64, shape (n,): 1 where an event happened, else 0; the value that
            came, for a value task.
        baseline: float64, shape (n, outputs): what the agent's baseline said, having
            seen this host's past only.
        extras: float64, shape (n, n_extras): further expressions at the same moments.
        at_s: float64, shape (n,): when it was predicted, Unix seconds.
        limit: float64, shape (n,): the condition's right side; NaN for a value task.
        origin: float64, shape (n,): the target's value at the moment.
        entity: Of what it was predicted, n names.
        happened_s: float64, shape (n,): when the event happened, Unix seconds; NaN
            where it did not.
    """

    features: npt.NDArray[np.float32]
    outcome: _Vector
    baseline: _Vector
    extras: _Vector
    at_s: _Vector
    limit: _Vector
    origin: _Vector
    entity: tuple[str, ...]
    happened_s: _Vector

    def __len__(self) -> int:
        return len(self.outcome)

    def at(self, mask: npt.NDArray[np.bool_]) -> "Rows":
        """Return the rows at which `mask`, shape (n,), holds."""
        chosen = np.flatnonzero(mask)
        arrays: dict[str, Any] = {
            each.name: getattr(self, each.name)[chosen]
            for each in fields(self)
            if each.name != "entity"
        }
        return Rows(**arrays, entity=tuple(self.entity[row] for row in chosen.tolist()))
