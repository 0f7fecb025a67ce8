"""What the autopilot remembers of a task, what it is told, and what it may do."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from agent.core.fleet import FleetGuard
from agent.core.pointer import Pointer

SCHEMA: Final = 1


class Stage(StrEnum):
    """How far a task has come; the last four of the table in `RESTING` are quiet."""

    WATCHING = "watching"
    DUE = "due"
    RETRAINING = "retraining"
    REFUSED = "refused"
    AWAITING = "awaiting approval"
    OPENING = "opening a ring"
    RING = "in a ring"
    HALTING = "halting"
    HALTED = "halted"
    DONE = "done"


# Nothing is under way: a retraining or a rollout may begin.
RESTING: Final = frozenset({Stage.WATCHING, Stage.REFUSED, Stage.HALTED, Stage.DONE})


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Course(_Part, frozen=True):
    """One rollout of one release.

    Attributes:
        digest: SHA-256 of the manifest.
        before: What the channel named when it began; empty: nothing.
        rings: Shares of the fleet in percent, ascending.
        ring: Place of the present one.
        margin: How much worse than its reference the release may be.
        has_events: Whether it forecasts events; a value has no episodes.
        began_at: When its first ring was asked for; None: it waits for approval.
        opened_at: Since when the present ring holds; None: it does not hold yet.
        episodes_before: Episodes that were counted before the present ring.
        guard: The pooled evidence; None: no host has told of any outcome.
        block_s: Length of a fleet block in seconds; 0 while there is no guard.
        strays: At most so many hosts told of it at once at another pace than the
            manifest's: left out.
        is_named: Whether the channel was seen to name it.
    """

    version: int
    digest: str
    before: str
    rings: tuple[int, ...]
    ring: int = 0
    margin: float = 0.1
    has_events: bool = True
    began_at: datetime | None = None
    opened_at: datetime | None = None
    episodes_before: int = 0
    guard: FleetGuard | None = None
    block_s: float = 0.0
    strays: int = 0
    is_named: bool = False

    @property
    def percent(self) -> int:
        """Share of the fleet that the present ring is for."""
        return self.rings[self.ring]

    @property
    def is_last(self) -> bool:
        """Whether no ring comes after the present one."""
        return self.ring == len(self.rings) - 1


class Plan(_Part, frozen=True):
    """All that is remembered of a task.

    Attributes:
        since: When this stage began.
        why: Why it did.
        waits: What it waits for.
        is_paused: A person wants nothing to go forward.
        retrained_at: When the last retraining began.
        base: Newest version that was signed for when it began.
        attempts: How often it was begun anew since; a process may die of it.
        failure: What the last attempt ended with; empty: it could not tell.
        course: The rollout that is under way, or was the last; None: there was none.
    """

    task: str
    since: datetime
    schema: int = SCHEMA
    stage: Stage = Stage.WATCHING
    why: str = ""
    waits: str = ""
    is_paused: bool = False
    retrained_at: datetime | None = None
    base: int = 0
    attempts: int = 0
    failure: str = ""
    course: Course | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the operator wants of the autopilot; see `[autopilot]` of fleet.toml.

    Attributes:
        is_automatic: Whether it retrains this task by itself.
        hold: Whether a person approves each release before its first ring.
        grace: So long after its end a fleet block is counted.
    """

    is_automatic: bool = False
    min_new_events: int = 50
    min_new_rows: int = 1000
    rest: timedelta = timedelta(days=1)
    rings: tuple[int, ...] = (1, 10, 100)
    min_ring: timedelta = timedelta(days=1)
    alpha: float = 0.01
    hold: bool = True
    grace: timedelta = timedelta(hours=2)


class Outcome(StrEnum):
    """What came of a retraining."""

    PUBLISHED = "published"
    NOT_YET = "not yet"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A release that may be rolled out.

    Attributes:
        is_published: All its signatures are there.
    """

    version: int
    digest: str
    margin: float = 0.1
    has_events: bool = True
    is_published: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of a retraining.

    Attributes:
        reasons: Why nothing was published; else what speaks for it.
        candidate: What was signed; None: nothing.
    """

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    candidate: Candidate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """What came in since the last retraining: labelled moments, events among them."""

    rows: int = 0
    events: int = 0
    has_events: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallen:
    """How the approved release stands on the fleet.

    Attributes:
        version: Approved; None: nothing is, or a survey.
        hosts: Where its task is at work.
        fallen: Of those, where it was rolled back, or nothing but the baseline speaks.
    """

    version: int | None = None
    hosts: int = 0
    fallen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Where the release of the course is.

    Attributes:
        members: Hosts that central knows and the present ring is for.
        tried: Hosts that have or had it.
        on_trial: Those where it is in the shadow or on probation.
        updated: Hosts that say it runs there after its probation.
        fallen: Hosts whose own guard took it off.
        due: Hosts where it should run by now: they have the task, tell of themselves,
            and neither took it off nor are pinned to another.
    """

    members: int = 0
    tried: int = 0
    on_trial: frozenset[str] = frozenset()
    updated: int = 0
    fallen: int = 0
    due: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is the case when the autopilot looks.

    Attributes:
        drifted: Which features did, in words; empty: none by more than chance.
        newest: Version that is signed for, published or pending; 0: none.
        made: What came of the retraining that was asked for; None: none was.
        candidate: The release of the course as it is signed for; None: it is not.
        signed: The channel pointer, as pending or else as published.
        published: The channel pointer that hosts see.
        waiting: Who must sign what, in words.
    """

    now: datetime
    fresh: Fresh = Fresh()
    fallen: Fallen = Fallen()
    drifted: str = ""
    newest: int = 0
    made: Made | None = None
    candidate: Candidate | None = None
    signed: Pointer | None = None
    published: Pointer | None = None
    waiting: tuple[str, ...] = ()
    crowd: Crowd = field(default_factory=Crowd)


def parse_plan(document: bytes) -> Plan:
    """Return a plan that was remembered.

    Raises:
        ValueError: It is none of this schema.
    """
    plan = msgspec.json.decode(document, type=Plan)
    if plan.schema != SCHEMA:
        raise ValueError(f"plan: expected schema {SCHEMA}, got {plan.schema}")
    return plan
