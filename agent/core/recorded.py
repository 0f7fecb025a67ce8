"""A recorded host, as what judges forecasters on it needs it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from agent.core.sample import Sample

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recorded:
    """A recorded host.

    Attributes:
        name: What it is called.
        instants_s: float64, Unix seconds, ascending, shape (n,).
        layout: The canonical spelling of each series.
        values: float32, shape (n, len(layout)); NaN marks a gap.
        interval_s: The usual distance between two rows.
        normalised: The series whose unit is lost.
    """

    name: str
    instants_s: npt.NDArray[np.float64]
    layout: tuple[str, ...]
    values: npt.NDArray[np.float32]
    interval_s: float
    normalised: frozenset[str] = frozenset()

    @property
    def origin_s(self) -> float:
        """Instant of the grid's slot 0: that of the first row."""
        return float(self.instants_s[0])

    @property
    def days(self) -> float:
        """For how long the host was recorded, in days."""
        lived_s = self.instants_s[-1] - self.instants_s[0] + self.interval_s
        return float(lived_s) / _DAY_S

    def samples(self) -> Iterator[Sample]:
        """Yield its rows as the samples that they were."""
        for at_s, row in zip(self.instants_s.tolist(), self.values, strict=True):
            at = datetime.fromtimestamp(at_s, UTC)
            yield Sample(at=at, layout=self.layout, values=row)

    def slots(self, at_s: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        """Return the slots of instants on the host's own grid; shape as `at_s`."""
        steps = (at_s - self.origin_s) / self.interval_s
        return np.floor(steps + 0.5).astype(np.intp)

    def on_grid(self, series: str) -> npt.NDArray[np.float32]:
        """Return one series, a point a slot from the first to the last; NaN for a gap.

        Raises:
            ValueError: The host does not have it.
        """
        slots = self.slots(self.instants_s)
        points = np.full(slots[-1] + 1, np.nan, dtype=np.float32)
        points[slots] = self.values[:, self.layout.index(series)]
        return points
