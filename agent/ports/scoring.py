"""What the tick and the replay need of the world."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from agent.core.event import Event
from agent.core.evidence import Evidence
from agent.core.lineup import LineUp
from agent.core.moment import Moment, Outcome, Resolved, Role
from agent.core.release import Release
from agent.core.request import Answer, Request
from agent.core.rollup import RollUp
from agent.core.sample import Sample
from agent.core.scorecard import Scorecard
from agent.core.turn import Turn


class Clock(Protocol):
    """The only source of the present."""

    def now(self) -> datetime:
        """Return the present; aware, UTC."""
        ...


class Host(Protocol):
    """What is measured: this machine, or a recorded one."""

    def sample(self, now: datetime) -> Sample:
        """Return one reading of all metrics; what cannot be read is a gap."""
        ...


class Model(Protocol):
    """A loaded release that can score.

    Attributes:
        latency_ms: Processor time of the last scoring; 0 where nobody measures it.
    """

    latency_ms: float

    def score(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the scores, shape (n, outputs), of features, shape (n, n_features).

        Raises:
            AnswerError: The model answered what cannot be.
            ModelError: It raised, or was ended.
        """
        ...


class Models(Protocol):
    """Where models are loaded from."""

    def load(self, release: Release) -> Model:
        """Return the release's model, its bytes checked against its digest.

        Raises:
            TamperedError: The bytes are not those that were signed, or are gone.
            ModelError: They cannot be loaded as the manifest says.
        """
        ...

    def set_aside(self, release: Release) -> None:
        """Move a release's file to where nothing is loaded from; kept as evidence.

        Raises:
            StateError: It cannot be moved.
        """
        ...


class Voucher(Protocol):
    """Who can tell, offline, whether releases are signed by whom this host trusts."""

    def doubts(self, digests: Collection[str]) -> Mapping[str, str]:
        """Return why a release must not run, for each that is not vouched for.

        Raises:
            UnavailableError: It could not be asked; trying again is enough.
        """
        ...


class CardKey(NamedTuple):
    """Which scorecard: one release in one role on one UTC day."""

    task: str
    digest: str
    role: Role
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class TickRecord:
    """What one tick adds to the ledger.

    Attributes:
        evidence: What the guard's tests had come to where a block of theirs ended.
        rollups: Of the minutes that were over with it.
    """

    sample: Sample
    moments: Sequence[Moment]
    resolved: Sequence[Resolved]
    events: Sequence[Event]
    evidence: Sequence[Evidence] = ()
    rollups: Sequence[RollUp] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds after a tick, as opposed to what it adds.

    Attributes:
        cards: Every scorecard that changed since the last commit.
        memories: What each task remembers besides its open moments, by task.
        turns: What is to become of releases, in this order; each is handed over once.
        answers: What came of operators' requests; each is handed over once.
        corrections: Outcomes that an operator knows better than what was read.
        events: What is told of the answers; each is handed over once.
    """

    cards: Mapping[CardKey, Scorecard] = field(default_factory=dict)
    memories: Mapping[str, bytes] = field(default_factory=dict)
    turns: Sequence[Turn] = ()
    answers: Sequence[Answer] = ()
    corrections: Sequence[Resolved] = ()
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """What retention dropped, and what is left on disk."""

    samples: int
    moments: int
    bytes_before: int
    bytes_after: int


class Ledger(Protocol):
    """Where the daemon keeps what it saw, said and learnt; whole ticks only."""

    def add(self, record: TickRecord) -> None:
        """Hold a tick back for the next commit."""
        ...

    def commit(self, standing: Standing) -> Sequence[Event]:
        """Write all ticks since the last commit, and what holds now, in one go.

        A turn meets the line-up as it is now, also if another process has changed it.

        Returns:
            What the turns came to, recorded already; a turn whose release has lost
            its place meanwhile comes to nothing.

        Raises:
            StateError: Nothing was written; all of it stays held back.
        """
        ...

    @property
    def dropped_ticks(self) -> int:
        """How many held-back ticks were given up since this process began."""
        ...

    def has_changed(self) -> bool:
        """Return whether another process has written since this was last asked."""
        ...

    def lineups(self) -> tuple[LineUp, ...]:
        """Return the line-up of every task, by name."""
        ...

    def release(self, digest: str) -> Release:
        """Return a release that was taken in.

        Raises:
            StateError: No release has this digest.
            TamperedError: Its manifest was changed since it was taken in.
        """
        ...

    def definition(self, task: str) -> Release | None:
        """Return the last release that was at work for a task and is no more, if any.

        It says what the task is, while the baseline speaks alone.

        Raises:
            TamperedError: Its manifest was changed since it was taken in.
        """
        ...

    def releases(self) -> tuple[Release, ...]:
        """Return every release that this program understands, by task and version."""
        ...

    def requests(self) -> tuple[Request, ...]:
        """Return what operators ask for and nobody has answered yet, oldest first."""
        ...

    def resolved(self, moment: int) -> tuple[Moment, Outcome] | None:
        """Return a committed moment with its outcome; None: gone, open, or never."""
        ...

    def next_moment_id(self) -> int:
        """Return the number that no committed moment has yet."""
        ...

    def open_moments(self) -> list[Moment]:
        """Return the committed moments without an outcome, oldest first."""
        ...

    def samples(self, *, since: datetime) -> Iterator[Sample]:
        """Yield the committed samples from `since` on, oldest first."""
        ...

    def forget_samples(self, *, since: datetime) -> None:
        """Drop the committed samples from `since` on: another clock told their time.

        Raises:
            StateError: Nothing was dropped.
        """
        ...

    def rollups(self, *, since: datetime) -> Iterator[RollUp]:
        """Yield the committed roll-ups from `since` on, oldest first."""
        ...

    def rolled_until(self) -> datetime | None:
        """Return the end of the last minute with a committed roll-up; None: none."""
        ...

    def forget_rollups(self, *, since: datetime) -> None:
        """Drop the committed roll-ups from `since` on: another clock told their time.

        Raises:
            StateError: Nothing was dropped.
        """
        ...

    def cards(self, *, day: date) -> dict[CardKey, Scorecard]:
        """Return the scorecards of one UTC day."""
        ...

    def memories(self) -> dict[str, bytes]:
        """Return what each task remembers besides its open moments, by task."""
        ...

    def trim(self, *, now: datetime, keep_s: float, max_bytes: int) -> Trimmed:
        """Drop what is older than `keep_s`, then the oldest days over `max_bytes`.

        What is dropped is returned to the disk. Moments still open, releases,
        line-ups and scorecards stay.
        """
        ...


class EvidenceFolder(Protocol):
    """Where the evidence of a breach is kept as a file, before anything is changed."""

    def keep(self, name: str, document: bytes) -> None:
        """Write a document that a power failure leaves whole; in place of the same.

        Raises:
            StateError: It cannot be written; no half file has the name.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCost:
    """What a daemon has cost since it started.

    Attributes:
        pid: The process.
        started_at: When it started.
        cpu_s: User and system time, in seconds.
        rss_bytes: Resident memory now.
        written_bytes: What it caused to be written to a device; None if unknown.
        threads: Threads now.
    """

    pid: int
    started_at: datetime
    cpu_s: float
    rss_bytes: int
    written_bytes: int | None
    threads: int
