"""What reporting upstream needs of the world."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from agent.core.event import Event
from agent.core.evidence import Evidence
from agent.core.lineup import LineUp
from agent.core.moment import Moment, Outcome
from agent.core.release import Release
from agent.core.scorecard import Scorecard
from agent.core.trust import Trust
from agent.ports.scoring import CardKey


class Past(Protocol):
    """What the ledger holds, as a report tells of it; read in one snapshot."""

    def lineups(self) -> tuple[LineUp, ...]:
        """Return the line-up of every task, by name."""
        ...

    def releases(self) -> tuple[Release, ...]:
        """Return every release that this program understands, by task and version."""
        ...

    def cards(self, *, since: date) -> dict[CardKey, Scorecard]:
        """Return the scorecards of the UTC days from `since` on."""
        ...

    def events(self, *, after: int, limit: int) -> Sequence[tuple[int, Event]]:
        """Return up to `limit` audit events above a number, oldest first, with theirs.

        Left out is what only a newer program could have told.
        """
        ...

    def evidence(self, *, since: datetime | None) -> Sequence[Evidence]:
        """Return the newest evidence on each question asked since, in its order."""
        ...

    def memories(self) -> dict[str, bytes]:
        """Return what each task remembers besides its open moments, by task."""
        ...

    def oldest_open(self) -> Mapping[str, Moment]:
        """Return the oldest moment without an outcome of each task that has one."""
        ...

    def known_until(self) -> datetime | None:
        """Return the newest committed sample's instant; None before the first."""
        ...

    def first_since(self, at: datetime) -> int:
        """Return the number of the first moment from an instant on, or a higher one."""
        ...

    def resolved(
        self, task: str, *, after: int, before: int | None
    ) -> Iterator[tuple[Moment, Outcome]]:
        """Yield a task's moments with these numbers that have an outcome, oldest first.

        Both bounds are left out; None: no bound.
        """
        ...

    def chosen(self, numbers: Sequence[int]) -> Iterator[tuple[Moment, Outcome]]:
        """Yield the resolved moments of these numbers, in their order."""
        ...

    def missing(self, *, since: datetime | None) -> dict[str, int]:
        """Return in how many samples after an instant each series was a gap, if any."""
        ...

    def trust(self) -> Trust:
        """Return how this host stands with its repository."""
        ...

    def refusals(self) -> dict[str, str]:
        """Return why the last offer of a task was not taken, by task."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One report that waits.

    Attributes:
        sequence: Its number.
        at: When it was written.
        body: The envelope as JSON, packed by gzip: the very bytes that leave.
    """

    sequence: int
    at: datetime
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolSize:
    """How much waits.

    Attributes:
        waiting: Reports that are to be sent.
        waiting_bytes: Their length.
        oldest_at: When the oldest of them was written; None: none waits.
        aside: Reports that central refused for good; kept for a person.
        dropped: Reports that were given up, ever.
    """

    waiting: int
    waiting_bytes: int
    oldest_at: datetime | None
    aside: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A report that central refused for good, and why."""

    parcel: Parcel
    reason: str


class Spool(Protocol):
    """Where reports wait, bounded by bytes and age; written within a transaction."""

    def transaction(self) -> AbstractContextManager[object]:
        """Return a context whose writes all happen, or none."""
        ...

    def state(self) -> bytes | None:
        """Return what is known of reporting so far; None: nothing was ever reported."""
        ...

    def set_state(self, document: bytes) -> None:
        """Remember what is known of reporting so far."""
        ...

    def put(self, parcel: Parcel) -> None:
        """Add a report."""
        ...

    def waiting(self, *, limit: int) -> tuple[Parcel, ...]:
        """Return the oldest reports that are to be sent, by number."""
        ...

    def acknowledge(self, sequence: int) -> None:
        """Delete this report and nothing else: central has it for good."""
        ...

    def set_aside(self, sequence: int, *, reason: str) -> None:
        """Keep a report for a person to look at; it is not sent again."""
        ...

    def aside(self) -> tuple[SetAside, ...]:
        """Return the reports that central refused for good, by number."""
        ...

    def replace(self, parcels: Sequence[Parcel]) -> None:
        """Put these in the place of all reports that are to be sent."""
        ...

    def drop(self, sequences: Sequence[int]) -> None:
        """Give reports up; they are counted."""
        ...

    def size(self) -> SpoolSize:
        """Return how much waits."""
        ...

    def sizes(self) -> Sequence[tuple[int, datetime, int]]:
        """Return number, time and bytes of each report to be sent, by number."""
        ...

    def record(self, event: Event) -> None:
        """Add an event to the journal that is kept."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Central has the report for good, and all that it ever acknowledged up to here."""

    received_through: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Central will never take this report, as it is.

    Attributes:
        status: What it answered, such as 400 or 413.
        reason: In its words.
        received_through: The newest number that it knows of this host, where it says
            that the number is another report's (409); else None.
    """

    status: int
    reason: str
    received_through: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Central cannot be had now, or lets nobody in for a while.

    Attributes:
        reason: What it answered, or what stood in the way.
        after_s: How long it asks to wait; None: it does not say.
    """

    reason: str
    after_s: float | None = None


class Upstream(Protocol):
    """Central's end of the line."""

    def send(self, parcel: Parcel) -> Taken | Refused | Later:
        """Send one report; never raises for what the network or central does.

        Raises:
            ConfigError: Token, certificate or proxy cannot be used.
        """
        ...
