"""The window: the last samples on a grid, and the roll-ups of the days before."""

from collections.abc import Callable

import numpy as np

from agent.core.grid import Grid
from agent.core.rollup import ROLLUP_S, Days, Minutes, RollUp, is_long, reads_maxima
from agent.core.sample import Sample
from agent.core.syntax import Call

UPTIME = "system.uptime"
_BOOTS = 16
# Share of a minute by which an interval of one may be off where it was measured.
_ROUNDING = 1e-3


class Window(Grid):
    """The grid of the samples, and beside it, where they are closer, that of minutes.

    Args:
        interval_s: Distance between two samples, in seconds.
        span_s: How far back samples are kept, in seconds.
        origin_s: Instant of slot 0, Unix seconds.
        keeps: Whether a series, by its canonical spelling, is kept; by default all are.
        days: What is kept for calls that read back further than 6 hours; by default
            roll-ups of all that is kept, as far back as samples. Where samples are a
            minute apart or more, they themselves are kept as long.
        tell: Told of each minute that is over, of all series in it.

    Attributes:
        minutes: The roll-ups; None where samples are a minute apart or more.
        boots_s: When the host booted, as far as its uptime was seen; Unix seconds,
            oldest first, one an actual boot.
    """

    def __init__(
        self,
        *,
        interval_s: float,
        span_s: float,
        origin_s: float = 0.0,
        keeps: Callable[[str], bool] = bool,
        days: Days | None = None,
        tell: Callable[[RollUp], object] | None = None,
    ) -> None:
        kept = days or Days(span_s=span_s, means=keeps, maxima=keeps)
        is_coarse = interval_s > ROLLUP_S * (1 - _ROUNDING)
        super().__init__(
            interval_s=interval_s,
            span_s=max(span_s, kept.span_s) if is_coarse else span_s,
            origin_s=origin_s,
            keeps=keeps,
        )
        self.boots_s: list[float] = []
        self.minutes = (
            None
            if is_coarse
            else Minutes(interval_s=interval_s, origin_s=origin_s, days=kept, tell=tell)
        )

    def append(self, sample: Sample) -> None:
        """Take in a sample; slots between it and the one before become gaps.

        A second sample for the newest slot takes the place of the first, in its minute
        too unless that is over. A sample older than the newest slot (the clock went
        back) empties the window, days and all.
        """
        super().append(sample)
        if self.minutes is not None:
            self.minutes.take(sample, slot=self.slot_of(sample.at))

    def advance(self, slot: int) -> None:
        """Make `slot` the newest, all rows since the last one being gaps."""
        super().advance(slot)
        if self.minutes is not None:
            self.minutes.advance(slot)

    def clear(self) -> None:
        """Forget all rows; the columns stay."""
        super().clear()
        if self.minutes is not None:
            self.minutes.clear()

    def grid_of(self, call: Call) -> Grid:
        """Return the grid whose points a call reads."""
        if self.minutes is None or not is_long(call):
            return self
        return self.minutes.maxima if reads_maxima(call) else self.minutes.means

    def note_boot(self, sample: Sample) -> None:
        """Learn from a sample's uptime when the host booted, before taking it in."""
        if UPTIME in sample.layout:
            uptime_s = float(sample.values[sample.layout.index(UPTIME)])
            boot_s = sample.at.timestamp() - uptime_s
            # A clock that is set, or a float32 of years, moves the same boot a little.
            if not np.isnan(uptime_s) and (
                not self.boots_s or boot_s > self.boots_s[-1] + self.interval_s / 2
            ):
                self.boots_s = [*self.boots_s[-_BOOTS:], boot_s]
