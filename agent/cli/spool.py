"""How `forewarn status` tells of the reports to central."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from agent.adapters.store.answers import Recorded
from agent.cli.output import instant_text
from agent.config import Config, SharingLevel
from agent.core.event import EventName
from agent.core.quantity import duration_text, size_text
from agent.ports.reporting import SpoolSize

# So many reports overdue are no chance any more.
_LATE = 3
_TOLD = {EventName.REPORT_SENT, EventName.REPORT_FAILED}


class SpoolStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with the reports to central.

    Attributes:
        level: What the site lets out.
        waiting: Reports that wait to be sent; `waiting_bytes` in all.
        oldest_at: When the oldest of them was cut.
        aside: Reports that central refused for good.
        dropped: Reports that were given up, ever.
        acknowledged_at: When central took the last one; None: never, or long ago.
        failure: Why the last try failed; None: it did not.
    """

    level: SharingLevel
    waiting: int
    waiting_bytes: int
    oldest_at: datetime | None
    aside: int
    dropped: int
    acknowledged_at: datetime | None
    failure: str | None


def spool_status(
    config: Config, size: SpoolSize, events: Sequence[Recorded]
) -> SpoolStatus:
    """Return what `status` says of the reports.

    Args:
        config: What the site wants.
        size: How much waits.
        events: The newest first.
    """
    told = [event for event in events if event.name in _TOLD]
    sent = next((each.at for each in told if each.name == EventName.REPORT_SENT), None)
    has_failed = bool(told) and told[0].name == EventName.REPORT_FAILED
    return SpoolStatus(
        level=config.sharing.level,
        waiting=size.waiting,
        waiting_bytes=size.waiting_bytes,
        oldest_at=size.oldest_at,
        aside=size.aside,
        dropped=size.dropped,
        acknowledged_at=sent,
        failure=str(told[0].fields.get("reason")) if has_failed else None,
    )


def spool_problems(
    spool: SpoolStatus, *, config: Config, now: datetime
) -> Iterator[str]:
    """Yield what a person must know of, as one line each."""
    if spool.aside:
        yield (
            f"central refused {spool.aside} reports for good: `forewarn report list` "
            "tells why"
        )
    if spool.failure is None or spool.oldest_at is None:
        return
    waited_s = (now - spool.oldest_at).total_seconds()
    if waited_s > _LATE * config.central.report_every:
        yield (
            f"{spool.waiting} reports do not reach central, the oldest for "
            f"{duration_text(waited_s)}: {spool.failure}"
        )


def spool_text(spool: SpoolStatus) -> str:
    """Return how it stands with the reports, as one line for people."""
    if spool.level is SharingLevel.NOTHING:
        return "reports: nothing is shared"
    parts = [f"reports: {spool.level}, {spool.waiting} wait"]
    if spool.oldest_at is not None:
        parts[0] += f" ({size_text(spool.waiting_bytes)})"
        parts.append(f"the oldest since {instant_text(spool.oldest_at)}")
    if spool.acknowledged_at is not None:
        parts.append(f"last acknowledged at {instant_text(spool.acknowledged_at)}")
    parts += [
        f"{count} {words}"
        for count, words in ((spool.aside, "refused"), (spool.dropped, "given up"))
        if count
    ]
    return "; ".join(parts)
