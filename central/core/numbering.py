"""Which of a host's reports have come: the highest number, and the holes below it."""

from dataclasses import dataclass
from typing import Final

Hole = tuple[int, int]
# A host that leaves more has lost them for good: they take room, and are read.
MAX_HOLES: Final = 1_000
# No host skips as many. One that took the highest number there is could say no more.
MAX_SKIP: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """The numbers of a host's reports.

    Attributes:
        through: The highest that has come; 0 before the first.
        holes: Ranges of numbers below that have not come, first and last, ascending.
    """

    through: int = 0
    holes: tuple[Hole, ...] = ()

    def is_open(self, sequence: int) -> bool:
        """Return whether a report of this number is still to come."""
        return sequence > self.through or self._place(sequence) is not None

    def is_too_far(self, sequence: int) -> bool:
        """Return whether no report of this host can have come to this number."""
        return sequence > self.highest

    @property
    def highest(self) -> int:
        """The highest number that its next report may have."""
        return self.through + MAX_SKIP

    def taken(self, sequence: int) -> "Numbering":
        """Return what is left once an open number has come.

        Of more than `MAX_HOLES` holes the oldest is closed: what comes for it later is
        refused, as if it had been there before.
        """
        if sequence > self.through:
            return self._raised(sequence)
        place = self._place(sequence)
        if place is None:
            return self
        rest = _split(self.holes[place], sequence)
        holes = (*self.holes[:place], *rest, *self.holes[place + 1 :])
        return Numbering(through=self.through, holes=holes[-MAX_HOLES:])

    def _raised(self, sequence: int) -> "Numbering":
        skipped = _range(self.through + 1, sequence - 1)
        holes = (*self.holes, *skipped)
        return Numbering(through=sequence, holes=holes[-MAX_HOLES:])

    def _place(self, sequence: int) -> int | None:
        for place, (first, last) in enumerate(self.holes):
            if first <= sequence <= last:
                return place
        return None


def _split(hole: Hole, sequence: int) -> tuple[Hole, ...]:
    first, last = hole
    return (*_range(first, sequence - 1), *_range(sequence + 1, last))


def _range(first: int, last: int) -> tuple[Hole, ...]:
    return ((first, last),) if first <= last else ()
