"""Answers: what every forecaster said at the same moments of one recorded host."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Vector: TypeAlias = npt.NDArray[np.float64]
_OF_ROWS = {"at_s", "outcome", "happened_s", "origin", "limit", "entity", "reference"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """The resolved moments of one task on one host, n of them, and who said what.

    Attributes:
        host: What the recording is called.
        days: For how long the host was watched, in days.
        at_s: When it was predicted, Unix seconds; shape (n,), ascending.
        outcome: 1 where an event happened, else 0; the value that came, for a value
            task; shape (n,).
        happened_s: When the event happened; NaN where it did not; shape (n,).
        origin: The target's value at the moment; shape (n,).
        limit: What it was compared with; NaN for a value task; shape (n,).
        entity: A number for each entity of the host; shape (n,).
        reference: What anybody can say without a forecaster: of an event, how often it
            happened on this host before; of a value, that it stays. Shape (n,).
        said: By forecaster. Of an event, probabilities or scores of which the higher is
            the sooner an alarm, shape (n,). Of a value, quantiles, shape (n, levels).
    """

    host: str
    days: float
    at_s: Vector
    outcome: Vector
    happened_s: Vector
    origin: Vector
    limit: Vector
    entity: npt.NDArray[np.int64]
    reference: Vector
    said: Mapping[str, Vector]

    def __len__(self) -> int:
        return len(self.outcome)

    def at(self, mask: npt.NDArray[np.bool_], *, days: float) -> "Answers":
        """Return the answers where `mask`, shape (n,), holds, of so many days."""
        kept: dict[str, Any] = {
            each.name: getattr(self, each.name)[mask]
            for each in fields(self)
            if each.name in _OF_ROWS
        }
        said = {name: values[mask] for name, values in self.said.items()}
        return Answers(host=self.host, days=days, said=said, **kept)


def climatology(outcome: Vector, at_s: Vector, *, horizon_s: float) -> Vector:
    """Return how often the event had happened before each moment; shape (n,).

    Of the outcomes that were known by then: the share, with half an outcome of either
    kind added, so that the first moment gets 1/2 and no outcome ever makes 0 or 1.

    Args:
        outcome: 1 or 0; shape (n,).
        at_s: Unix seconds, ascending; shape (n,).
        horizon_s: After which an outcome is known.

    Source:
        Krichevsky and Trofimov, "The performance of universal encoding", IEEE
        Transactions on Information Theory 27 (1981).
    """
    known = np.searchsorted(at_s, at_s - horizon_s, side="right")
    happened = np.concatenate([[0.0], np.cumsum(outcome)])[known]
    rates: Vector = (happened + 0.5) / (known + 1.0)
    return rates
