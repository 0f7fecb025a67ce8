"""What central knows of its fleet: who reports, what they said, where it is kept."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from agent.core.envelope import (
    Drift,
    Envelope,
    Health,
    LineUpReport,
    ToldEvent,
    TrialReport,
)
from agent.core.evidence import Evidence
from agent.core.moment import Role
from agent.core.scorecard import Scorecard
from agent.errors import ReportError
from central.core.answer import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRow:
    """A host as central knows it.

    Attributes:
        agent: Version of its program; empty: it is enrolled and never reported.
        labels: As it reported them.
        host_name: Where its site lets it out.
        enrolled_at: None: let in by its certificate alone.
        revoked_at: Since when it is not let in any more.
        reported_at: When its newest report was taken in.
        received_through: Highest number of a report.
        holes: Numbers below it that never came, as ranges, first and last.
    """

    host_id: str
    agent: str
    labels: Mapping[str, str]
    host_name: str | None
    enrolled_at: datetime | None
    revoked_at: datetime | None
    reported_at: datetime | None
    received_through: int
    holes: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """A host's scorecard of one release in one role, over some days."""

    host_id: str
    task: str
    digest: str
    role: Role
    card: Scorecard


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalRow:
    """The fleet's scorecard of one release in one role, over some days."""

    task: str
    digest: str
    role: Role
    card: Scorecard


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What came of storing a report.

    Attributes:
        received_through: Highest number that is stored of this host.
        is_new: False: it was stored before, byte for byte.
    """

    received_through: int
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A report that is to be stored.

    Attributes:
        envelope: As it was understood.
        sha256: Of its unpacked bytes.
        length: Of the packed ones.
        at: When it came.
    """

    envelope: Envelope
    sha256: str
    length: int
    at: datetime


class Reports(Protocol):
    """Where reports are stored: each exactly once, all of it or nothing."""

    def store(
        self, envelope: Envelope, *, sha256: str, length: int, now: datetime
    ) -> Stored:
        """Store a report; durable when this returns, its samples among it.

        Args:
            envelope: As it was understood.
            sha256: Of its unpacked bytes.
            length: Of the packed ones.
            now: When it came.

        Raises:
            ReportError: Its number is far above what this host can have come to.
            ConflictError: Another report of this host has this number.
            UnavailableError: The database cannot be had now; nothing is stored.
            StateError: It is damaged, full or closed to this user; nothing is stored.
        """
        ...

    def store_many(
        self, arrivals: Sequence[Arrival]
    ) -> tuple[Stored | ReportError, ...]:
        """Store reports in one transaction; durable when this returns.

        One that is refused leaves nothing behind and does not hinder the others.

        Returns:
            What came of each, in their order; an error is why it was refused, a
            `ConflictError` that its number is another report's.

        Raises:
            UnavailableError: The database cannot be had now; none is stored.
            StateError: It is damaged, full or closed to this user; none is stored.
        """
        ...

    def trim(self, *, now: datetime, keep: timedelta) -> int:
        """Forget old reports and what they told; return how many reports went.

        What goes: numbers and hashes of reports, events, trials, scorecards, evidence,
        drift and sample counts from before. What stays: hosts, what their newest
        report says, and samples that are in no file yet. A report that comes again
        after its hash is forgotten is refused like another one with its number.

        Args:
            now: When.
            keep: Longer than any host keeps what it has not sent.
        """
        ...


class Enrolment(Protocol):
    """Who may report; tokens are kept as their SHA-256 only."""

    def add_join_token(
        self,
        sha256: str,
        *,
        name: str,
        expires_at: datetime,
        uses: int,
        host_id: str | None = None,
    ) -> None:
        """Let hosts enrol with a token, so many times.

        Args:
            sha256: Of the token.
            name: What it is for.
            expires_at: From when on it lets nobody in.
            uses: So many times.
            host_id: Whom alone it lets in, enrolled already or revoked as it may be;
                None: any host that holds no token and was not revoked.
        """
        ...

    def enrol(
        self,
        host_id: str,
        *,
        join: str,
        token: str,
        now: datetime,
        present: str | None = None,
    ) -> Answer | None:
        """Give a host its token, in place of the one that it has.

        Args:
            host_id: Who.
            join: SHA-256 of the join token.
            token: SHA-256 of the host's own token from now on.
            now: When.
            present: SHA-256 of the token that it shows to be this host; None: none.

        Returns:
            Why it may not; None: it may.
        """
        ...

    def host_of(self, token: str) -> str | None:
        """Return whose token has this SHA-256; None: nobody's, or it is revoked."""
        ...

    def is_revoked(self, host_id: str) -> bool:
        """Return whether a host is not to be let in, whatever it shows."""
        ...

    def revoke(self, host_id: str, *, now: datetime) -> bool:
        """Let a host in no more, known or not; return whether it was known."""
        ...


class Fleet(Protocol):
    """What the hosts said, as central looks at it."""

    def hosts(self) -> tuple[HostRow, ...]:
        """Return every host, by id."""
        ...

    def line_ups(
        self, task: str | None = None
    ) -> Mapping[str, tuple[LineUpReport, ...]]:
        """Return the newest line-ups of each host, by host id."""
        ...

    def health(self) -> Mapping[str, Health]:
        """Return how the daemon of each host does, by host id."""
        ...

    def cards(
        self, *, task: str | None = None, since: date | None = None
    ) -> tuple[CardRow, ...]:
        """Return scorecards, days merged, by host, task, digest and role."""
        ...

    def totals(
        self, *, task: str | None = None, since: date | None = None
    ) -> tuple[TotalRow, ...]:
        """Return the same, hosts merged; cheap however many hosts there are."""
        ...

    def trials(self, task: str, *, digest: str, after: int) -> tuple[TrialReport, ...]:
        """Return what fleet blocks above a number showed of a release."""
        ...

    def drift(self, task: str) -> Mapping[str, Drift]:
        """Return the newest drift of a task on each host that told of it."""
        ...

    def evidence(self, task: str) -> Mapping[str, tuple[Evidence, ...]]:
        """Return the newest evidence on each of the guard's questions, by host."""
        ...

    def events(
        self,
        *,
        host_id: str | None = None,
        names: Sequence[str] = (),
        since: datetime | None = None,
    ) -> tuple[tuple[str, ToldEvent], ...]:
        """Return what hosts told of, oldest first, each with the host's id.

        `since` is compared with when the report came: a host's clock may be wrong.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCount:
    """How many labelled moments of a task came since an instant."""

    rows: int
    events: int


class Counting(Protocol):
    """How many labelled samples there are; counted as they come in."""

    def count(self, task: str, *, since: datetime) -> SampleCount:
        """Return how many came since, to the minute."""
        ...


class Plans(Protocol):
    """What the autopilot remembers of each task."""

    def transaction(self) -> AbstractContextManager[object]:
        """Return a context whose writes all happen, or none."""
        ...

    def plan(self, task: str) -> bytes | None:
        """Return what is remembered of a task; None: nothing yet."""
        ...

    def set_plan(self, task: str, document: bytes) -> None:
        """Remember it."""
        ...
