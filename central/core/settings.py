"""Settings: how trees are grown, for every learner alike; and which ones are tried."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How trees are grown.

    Attributes:
        levels: Quantiles that are forecast, of a value task; empty for an event.
        rounds: Trees of a bag.
        leaves: Of a tree, at most.
        rate: What of its own answer each tree adds.
        smallest: Rows that a leaf stands on, at least.
        l2: How strongly the answer of a small leaf is drawn to 0.
        columns: Share of the features that a tree may look at.
        weighing: The power of its weight as which a row teaches: 1 as it weighs, 0 all
            alike. What that does to the rate of events is set right afterwards.
        bags: Ensembles that are averaged, each with a seed of its own.
        seed: Of whatever is drawn.
    """

    levels: tuple[float, ...] = ()
    rounds: int = 90
    leaves: int = 8
    rate: float = 0.05
    smallest: int = 20
    l2: float = 5.0
    columns: float = 0.5
    weighing: float = 1.0
    bags: int = 1
    seed: int = 0

    def document(self) -> dict[str, Any]:
        """Return the settings as they stand in a manifest's provenance."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


_TRIED: Final[dict[str, tuple[float, ...]]] = {
    "rounds": (60, 90, 150, 250),
    "leaves": (4, 6, 8, 12),
    "rate": (0.03, 0.05, 0.1),
    "l2": (1.0, 5.0, 20.0),
    "columns": (0.5, 0.7, 1.0),
    "weighing": (1.0, 1.0, 0.5, 0.0),
}
# Shares of the rows that a leaf stands on, at least.
_SMALLEST: Final = (0.001, 0.005, 0.02)
_FEWEST: Final = 20
# On a few rows the average of some ensembles is steadier than any one of them.
_FEW_ROWS: Final = 20_000
_BAGS: Final = 4


def usual(rows: int, *, levels: tuple[float, ...] = (), seed: int) -> Settings:
    """Return the settings that do well on most data of so many rows."""
    return Settings(
        levels=levels,
        smallest=_smallest(rows, _SMALLEST[0]),
        bags=_BAGS if rows < _FEW_ROWS and not levels else 1,
        seed=seed,
    )


def candidates(
    first: Settings, *, rows: int, rng: np.random.Generator
) -> Iterator[Settings]:
    """Yield what is worth a trial: `first`, then others drawn at random, for ever."""
    yield first
    while True:
        drawn = {name: rng.choice(values).item() for name, values in _TRIED.items()}
        smallest = _smallest(rows, rng.choice(_SMALLEST).item())
        yield replace(first, **drawn, smallest=smallest)


def _smallest(rows: int, share: float) -> int:
    return max(_FEWEST, round(rows * share))
