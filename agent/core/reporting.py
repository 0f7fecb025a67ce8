"""What a host remembers of its reports, and the rules of what leaves and what goes.

A report tells what came since the last one. What was told is remembered by numbers:
those of events, moments and blocks rise, and of a scorecard its fingerprint tells
whether it has changed.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from agent.core.envelope import CardReport, LabelledRow, Resources
from agent.core.event import Field
from agent.core.packing import unpacked
from agent.core.trial_rows import TrialState
from agent.errors import StateError

CARD_DAYS: Final = 31
# Below "samples" no counts are told in which fewer outcomes than these are new.
LEAST_NEW: Final = 20
_SINGLE: Final = frozenset({"moment", "label"})
_DAY_S: Final = 86_400.0
_FINGERPRINT_BYTES: Final = 8
# A weight and the commas around it.
_BESIDE_A_ROW: Final = 8


class Sharing(StrEnum):
    """What may leave this host, from least to most."""

    NOTHING = "nothing"
    SUMMARIES = "summaries"
    SAMPLES = "samples"


class WhenFull(StrEnum):
    """What a full spool gives up."""

    DROP_OLDEST = "drop-oldest"
    DROP_NEWEST = "drop-newest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who reports, and what its site lets out.

    Attributes:
        agent: Version of the program.
        labels: Say what this host is for.
        host_name: None: it does not leave.
        sharing: What may leave.
        labelled_bytes_per_day: Of samples, before they are packed.
        max_bytes: Of reports that wait.
        max_age: Of the oldest that waits.
        when_full: What goes when they are too many.
        resources: What the daemon has cost; None where none runs.
    """

    host_id: str
    agent: str
    labels: Mapping[str, str] = field(default_factory=dict)
    host_name: str | None = None
    sharing: Sharing = Sharing.SUMMARIES
    labelled_bytes_per_day: int = 2_000_000
    max_bytes: int = 64_000_000
    max_age: timedelta = timedelta(days=30)
    when_full: WhenFull = WhenFull.DROP_OLDEST
    resources: Resources | None = None


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """How many bytes of samples may leave: so many a day, saved up for one at most.

    Attributes:
        left: Bytes; below 0, the last rows were longer than they were taken to be.
        at: When that was.
    """

    left: float
    at: datetime

    def filled(self, *, per_day: int, now: datetime) -> "Allowance":
        """Return what may leave by now; a clock that went back adds nothing."""
        elapsed_s = max(0.0, (now - self.at).total_seconds())
        left = min(float(per_day), self.left + per_day * elapsed_s / _DAY_S)
        return Allowance(left=left, at=now)

    def spent(self, used: int) -> "Allowance":
        """Return what may leave once `used` bytes have."""
        return Allowance(left=self.left - used, at=self.at)


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """What was told of a task.

    Attributes:
        through: Its moments up to this number were looked at for samples and drift.
        leader: The release that led then; None: none did.
    """

    through: int
    leader: str | None = None


class ReportState(msgspec.Struct, frozen=True, kw_only=True):
    """What was reported so far.

    Attributes:
        next_sequence: The next report's number.
        end: Up to when the last one told; None: there was none.
        event: Number of the last event that was told.
        tasks: What was told of each task, by name.
        trials: What was told of each release on trial, by digest.
        cards: Fingerprints of the scorecards that were told as they are now.
        outcomes: How many each scorecard had when it was told, by `name_of`.
        lost: How many reports were given up or set aside, ever.
        allowance: How many bytes of samples may leave; None: none ever might.
    """

    next_sequence: int = 1
    end: datetime | None = None
    event: int = 0
    tasks: dict[str, TaskState] = msgspec.field(default_factory=dict)
    trials: dict[str, TrialState] = msgspec.field(default_factory=dict)
    cards: frozenset[str] = frozenset()
    outcomes: dict[str, int] = msgspec.field(default_factory=dict)
    lost: int = 0
    allowance: Allowance | None = None

    def may_tell(self, card: CardReport, *, sharing: Sharing, today: date) -> bool:
        """Return whether a card lets out no more than the site does.

        What one outcome adds to a card is the prediction itself.
        """
        if sharing is Sharing.SAMPLES or card.day < today:
            return True
        new = card.counts.resolved - self.outcomes.get(name_of(card), 0)
        return new >= LEAST_NEW or fingerprint(card) in self.cards


def read_state(document: bytes | None) -> ReportState:
    """Return the state that was written; before any report the first one.

    Raises:
        StateError: It is damaged.
    """
    if document is None:
        return ReportState()
    try:
        return msgspec.json.decode(document, type=ReportState)
    except msgspec.DecodeError as error:
        raise StateError(
            f"what is known of reporting: damaged: {error}; remove the row `report` "
            "from the table `documents`, and all is reported anew"
        ) from error


def write_state(state: ReportState) -> bytes:
    """Return the state as it is kept; the same state is the same bytes."""
    return msgspec.json.encode(state, order="sorted")


def numbered_from(document: bytes | None, next_sequence: int) -> bytes:
    """Return the state with another number for the next report."""
    state = read_state(document)
    return write_state(msgspec.structs.replace(state, next_sequence=next_sequence))


def fingerprint(card: CardReport) -> str:
    """Return 16 digits that change with the card; which card it is, is part of it."""
    text = msgspec.json.encode(card, order="sorted")
    return hashlib.blake2b(text, digest_size=_FINGERPRINT_BYTES).hexdigest()


def name_of(card: CardReport) -> str:
    """Return 16 digits that tell which card it is, whatever is on it."""
    text = f"{card.task} {card.digest} {card.role} {card.day}".encode()
    return hashlib.blake2b(text, digest_size=_FINGERPRINT_BYTES).hexdigest()


def let_out(fields: Mapping[str, Field], *, sharing: Sharing) -> dict[str, Field]:
    """Return what may be told of an event's fields.

    That somebody wanted it stays, for it was then not the guard; who, does not.
    """
    if sharing is Sharing.SAMPLES:
        return dict(fields)
    kept = {key: value for key, value in fields.items() if key not in _SINGLE}
    return kept | ({"by": "operator"} if "by" in kept else {})


class _Held(msgspec.Struct):
    host_name: str | None = None
    labelled: dict[str, msgspec.Raw] | None = None


def holds_more(body: bytes, *, host: Sender) -> bool:
    """Return whether a packed report holds more than the site lets out by now.

    One that cannot be read is not known to hold less.
    """
    try:
        held = msgspec.json.decode(unpacked(body), type=_Held)
    except (ValueError, msgspec.DecodeError):
        return True
    is_sampled = held.labelled is not None
    is_named = held.host_name is not None
    return (is_sampled and host.sharing is not Sharing.SAMPLES) or (
        is_named and host.host_name is None
    )


def cost(row: LabelledRow) -> int:
    """Return the bytes that a labelled row takes in the report, before it is packed."""
    return len(msgspec.json.encode(row)) + _BESIDE_A_ROW


def shares(left: float, *, needs: Mapping[str, float]) -> dict[str, float]:
    """Return the bytes that each task may send, by name.

    As many for each; what one does not need goes to the others.

    Args:
        left: Bytes for all together.
        needs: How many each would take if there were no limit.
    """
    given: dict[str, float] = {}
    rest = max(0.0, left)
    for number, task in enumerate(sorted(needs, key=lambda each: needs[each])):
        given[task] = min(needs[task], rest / (len(needs) - number))
        rest -= given[task]
    return given


def surplus(
    sizes: Sequence[tuple[int, datetime, int]],
    *,
    max_bytes: int,
    max_age: timedelta,
    when_full: WhenFull,
    now: datetime,
) -> list[int]:
    """Return the numbers of the reports that are given up, rising.

    First what is too old, then from one end as many as are too much.

    Args:
        sizes: Number, time and bytes of each that waits, by number.
        max_bytes: What may wait in all.
        max_age: How old a report may be.
        when_full: From which end.
        now: The present.
    """
    old = [number for number, at, _ in sizes if now - at > max_age]
    young = [(number, length) for number, at, length in sizes if now - at <= max_age]
    if when_full is WhenFull.DROP_NEWEST:
        young.reverse()
    over = sum(length for _, length in young) - max_bytes
    return sorted([*old, *_first(young, over)])


def _first(sizes: Iterable[tuple[int, int]], over: int) -> Iterable[int]:
    """Yield as many numbers as it takes to be rid of `over` bytes."""
    for number, length in sizes:
        if over <= 0:
            return
        yield number
        over -= length
