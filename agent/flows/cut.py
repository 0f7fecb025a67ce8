"""The cut: all that came since the last report becomes one report, which waits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from agent.core.envelope import Envelope
from agent.core.event import Event, EventName, Field
from agent.core.packing import packed
from agent.core.reporting import (
    ReportState,
    Sender,
    Sharing,
    holds_more,
    read_state,
    surplus,
    write_state,
)
from agent.flows.telling import told
from agent.ports.reporting import Parcel, Past, Spool

_EVERYTHING: Final = 2**31


def cut(past: Past, spool: Spool, *, host: Sender, now: datetime) -> Parcel | None:
    """Put a report of all that came since the last one into the spool.

    Report and state are written in one transaction, so each is told once. What is then
    too much or too old is given up, and counted.

    Args:
        past: The ledger.
        spool: Where reports wait; nobody else cuts meanwhile.
        host: Who reports, by which policy.
        now: The present.

    Returns:
        What waits now; None: nothing may leave this host, or the spool is so full that
        the report was given up at once.

    Raises:
        StateError: Ledger or spool cannot be used; nothing was written.
    """
    if host.sharing is Sharing.NOTHING:
        return None
    envelope, state = _told(past, spool, host=host, now=now)
    body = packed(msgspec.json.encode(envelope))
    parcel = Parcel(sequence=envelope.sequence, at=now, body=body)
    with spool.transaction():
        spool.put(parcel)
        spool.set_state(write_state(state))
        dropped = _kept_within(spool, host=host, now=now)
    return None if parcel.sequence in dropped else parcel


def preview(
    past: Past, spool: Spool, *, host: Sender, now: datetime
) -> Envelope | None:
    """Return what `cut` would put into the spool now; nothing is written.

    None: nothing may leave this host.
    """
    if host.sharing is Sharing.NOTHING:
        return None
    return _told(past, spool, host=host, now=now)[0]


def withhold(
    spool: Spool, *, host: Sender, limit: int | None = None, now: datetime
) -> None:
    """Give up what waits and holds more than the site lets out by now.

    It is not rewritten: scorecards an hour apart tell single predictions, and what
    central has, though its answer was lost, would be told again under another number.

    Args:
        spool: Where reports wait; nobody else cuts or sends meanwhile.
        host: Who reports, by which policy.
        limit: How many leave next; the others are looked at once they are next, or
            one of these holds too much. None: all.
        now: The present.

    Raises:
        StateError: The spool cannot be used; nothing was given up.
    """
    if host.sharing is Sharing.NOTHING:
        return
    if not _beyond(spool, host=host, limit=limit or _EVERYTHING):
        return
    gone = _beyond(spool, host=host, limit=_EVERYTHING)
    with spool.transaction():
        _drop(spool, gone, policy="sharing", now=now)


def _beyond(spool: Spool, *, host: Sender, limit: int) -> list[int]:
    """Return the numbers, among the next ones, of what holds too much."""
    waiting = spool.waiting(limit=limit)
    return [each.sequence for each in waiting if holds_more(each.body, host=host)]


def _told(
    past: Past, spool: Spool, *, host: Sender, now: datetime
) -> tuple[Envelope, ReportState]:
    state, size = read_state(spool.state()), spool.size()
    return told(past, state, size=size, host=host, now=now)


def _kept_within(spool: Spool, *, host: Sender, now: datetime) -> list[int]:
    """Give up what is too much; return its numbers."""
    dropped = surplus(
        spool.sizes(),
        max_bytes=host.max_bytes,
        max_age=host.max_age,
        when_full=host.when_full,
        now=now,
    )
    if dropped:
        _drop(spool, dropped, policy=str(host.when_full), now=now)
    return dropped


def _drop(spool: Spool, numbers: Sequence[int], *, policy: str, now: datetime) -> None:
    """Give reports up, and tell it."""
    spool.drop(numbers)
    told: dict[str, Field] = {
        "count": len(numbers),
        "first": numbers[0],
        "last": numbers[-1],
        "policy": policy,
    }
    spool.record(Event(at=now, name=EventName.REPORTS_DROPPED, fields=told))
