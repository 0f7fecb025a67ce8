"""A clock that a test turns."""

from datetime import datetime, timedelta


class FakeClock:
    """Tells the time it was set to, and `step` later at each look."""

    def __init__(self, now: datetime, *, step: timedelta = timedelta()) -> None:
        self.present = now
        self._step = step

    def now(self) -> datetime:
        told = self.present
        self.present += self._step
        return told

    def turn(self, by: timedelta) -> None:
        self.present += by
