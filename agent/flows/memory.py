"""What a task remembers across restarts besides its open moments."""

from datetime import datetime

import msgspec

from agent.core.recalibration import Learnt
from agent.core.syntax import text
from agent.core.target import EventTarget, Target
from agent.flows.seats import CourtRecord


class Memory(msgspec.Struct):
    """What a task remembers.

    Attributes:
        question: What was predicted. Under another one neither the baseline's record
            nor an open moment means anything.
        baseline: The baseline's record.
        scored_at: When it last predicted; None if never.
        skipped: Entities that were not predicted when it was time, by reason.
        court: The guard's tests, and who is heard.
        learnt: What outcomes have taught of the releases at work, by digest; of those
            that are calibrated here.
    """

    question: str = ""
    baseline: msgspec.Raw = msgspec.Raw(b"null")
    scored_at: datetime | None = None
    skipped: dict[str, int] = {}
    court: CourtRecord = CourtRecord()
    learnt: dict[str, Learnt] = {}


def recalled(record: bytes | None, *, question: str) -> Memory | None:
    """Return the memory that was kept of this question; None if there is none."""
    if record is None:
        return None
    kept = msgspec.json.decode(record, type=Memory)
    return kept if kept.question == question else None


def question(target: Target) -> str:
    """Return what a target asks, in one line.

    An event's limit is left out: each moment keeps its own.
    """
    if isinstance(target, EventTarget):
        symbol, sustained_s = target.condition.symbol, target.sustained_s
        return f"{target.series} {symbol} for {sustained_s:g}s in {target.within_s:g}s"
    asked, levels = text(target.expression), target.quantiles
    return f"{target.meaning} of {asked} in {target.ahead_s:g}s at {levels}"
