"""A host that plays a script: no files, no kernel, no waiting."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from agent.core.sample import Sample


class ScriptedHost:
    """Hands out one row of the script a sample, and the last one for ever after.

    A row that names the series of the row before shares its layout, the same object.

    Attributes:
        taken: Samples handed out so far.

    Args:
        rows: Series -> value, one mapping a sample; NaN marks a gap.
        failures: Number of a sample, from 0 -> its failed collectors with the reason.
    """

    def __init__(
        self,
        rows: Sequence[Mapping[str, float]],
        *,
        failures: Mapping[int, Mapping[str, str]] | None = None,
    ) -> None:
        self.taken = 0
        self._rows = rows
        self._failures = failures or {}
        self._layout: tuple[str, ...] = ()

    @classmethod
    def of_columns(cls, columns: Mapping[str, Sequence[float]]) -> "ScriptedHost":
        """Return a host that plays series of equal length side by side."""
        rows = zip(*columns.values(), strict=True)
        return cls([dict(zip(columns, row, strict=True)) for row in rows])

    def sample(self, now: datetime) -> Sample:
        """Return the next row."""
        row = self._rows[min(self.taken, len(self._rows) - 1)]
        failures = self._failures.get(self.taken, {})
        self.taken += 1
        if tuple(row) != self._layout:
            self._layout = tuple(row)
        return Sample(
            at=now,
            layout=self._layout,
            values=np.array(list(row.values()), dtype=np.float32),
            failures=failures,
        )

    def close(self) -> None:
        """Nothing is open."""
