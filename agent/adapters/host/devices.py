"""A list of devices of one sort, looked through at most once a minute."""

import re
from collections.abc import Callable, Collection
from datetime import datetime

from agent.adapters.host.collector import is_due

LIST_EVERY_S = 60


class Devices:
    """The devices that are measured, by name, and the layout of their series.

    Between two looks a device that is gone is a gap and a new one is not seen yet, so
    that what comes and goes every second does not change the layout every second.

    Attributes:
        names: As the kernel spells them, sorted.
        layout: The series of all of them; the same object while `names` stays.
    """

    def __init__(
        self, exclude: re.Pattern[str], layout_of: Callable[[str], list[str]]
    ) -> None:
        self.names: tuple[str, ...] = ()
        self.layout: tuple[str, ...] = ()
        self._exclude = exclude
        self._layout_of = layout_of
        self._listed_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Return whether it is time for the next look."""
        return is_due(now, last=self._listed_at, every_s=LIST_EVERY_S)

    def look(self, found: Collection[str], now: datetime) -> None:
        """Take over what is there now, without what is excluded."""
        self._listed_at = now
        names = tuple(sorted(n for n in found if not self._exclude.search(n)))
        if names != self.names:
            self.names = names
            self.layout = tuple(s for name in names for s in self._layout_of(name))
