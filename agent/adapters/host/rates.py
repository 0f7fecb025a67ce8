"""From counters to rates: what a counter grew by, over the time it took."""

from collections.abc import Collection, Sequence

from agent.adapters.host.collector import GAP


class Rates:
    """The last reading of some groups of counters, one group a device.

    Time is the host's uptime, not the clock: a clock that is set forward or back
    changes no rate.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, Sequence[float]]] = {}

    def per_second(
        self, counters: Sequence[float], *, uptime_s: float, group: str = ""
    ) -> list[float]:
        """Return by how much each counter grew a second since the call before.

        NaN for all at the first call and if no time has passed; NaN for a counter
        that went backwards (it was reset, or wrapped).
        """
        before = self._last.get(group)
        self._last[group] = (uptime_s, counters)
        if before is None or not uptime_s > before[0]:
            return [GAP] * len(counters)
        elapsed_s = uptime_s - before[0]
        return [
            (new - old) / elapsed_s if new >= old else GAP
            for new, old in zip(counters, before[1], strict=True)
        ]

    def keep_only(self, groups: Collection[str]) -> None:
        """Forget every other group: a device that comes back starts anew."""
        for gone in self._last.keys() - set(groups):
            del self._last[gone]


def ratio(value: float) -> float:
    """Return a ratio that the kernel's rounding carried above 1 as 1; NaN stays."""
    return min(value, 1.0)  # in this order: min(1.0, nan) is 1.0
