"""Sending: what waits goes upstream, oldest first, and is deleted once central has it.

One report at a time, and what became of it is one transaction: killed at any instant, a
report is still here, or central has it for good.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from agent.core.event import Event, EventName, Field
from agent.core.packing import renumbered
from agent.core.reporting import numbered_from
from agent.errors import ConfigError
from agent.ports.reporting import Later, Parcel, Refused, Spool, Taken, Upstream

_MOST_RENUMBERINGS: Final = 2
_EVERYTHING: Final = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A report that central refused for good, and why."""

    sequence: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """What came of a round.

    Attributes:
        sent: The numbers under which central has them now.
        set_aside: Refused for good.
        renumberings: How often all that waited got other numbers.
        waiting: How many reports still wait.
        later: Why the round was over before its end; None: it was not.
    """

    sent: tuple[int, ...] = ()
    set_aside: tuple[Aside, ...] = ()
    renumberings: int = 0
    waiting: int = 0
    later: Later | None = None


def send(spool: Spool, upstream: Upstream, *, now: datetime, limit: int) -> SendResult:
    """Send the oldest reports that wait and return what became of them.

    Args:
        spool: Where they wait.
        upstream: Central's end of the line.
        now: The present.
        limit: How many requests are made at most.

    Raises:
        ConfigError: Central does not let this host in, or what the configuration names
            cannot be used; what was not acknowledged waits.
        StateError: The spool cannot be written; what was not acknowledged waits.
    """
    result = SendResult()
    with _failure_told(spool, now=now):
        for _ in range(limit):
            oldest = spool.waiting(limit=1)
            if not oldest or result.later is not None:
                break
            answer = _believed(oldest[0], upstream.send(oldest[0]))
            with spool.transaction():
                result = _settled(spool, oldest[0], answer, result, now=now)
    return replace(result, waiting=spool.size().waiting)


def _believed(
    parcel: Parcel, answer: Taken | Refused | Later
) -> Taken | Refused | Later:
    """Return an answer, unless it is none to this report."""
    if isinstance(answer, Taken) and answer.received_through < parcel.sequence:
        return Later(
            reason=f"report {parcel.sequence}: expected to be acknowledged, got "
            f"received_through {answer.received_through}; central's operator must act"
        )
    return answer


def _settled(
    spool: Spool,
    parcel: Parcel,
    answer: Taken | Refused | Later,
    result: SendResult,
    *,
    now: datetime,
) -> SendResult:
    """Do with a report what central's answer asks for."""
    match answer:
        case Taken():
            return _acknowledged(spool, parcel, result, now=now)
        case Refused(received_through=int(through)) if through >= parcel.sequence:
            return _renumbered(spool, result, through=through, now=now)
        case Refused():
            return _put_aside(spool, parcel, answer, result, now=now)
        case Later():
            _record(spool, EventName.REPORT_FAILED, {"reason": answer.reason}, now=now)
            return replace(result, later=answer)


def _acknowledged(
    spool: Spool, parcel: Parcel, result: SendResult, *, now: datetime
) -> SendResult:
    # Only this one: a later number that central has may be another report's.
    spool.acknowledge(parcel.sequence)
    told: dict[str, Field] = {
        "sequence": parcel.sequence,
        "bytes": len(parcel.body),
        "waiting": spool.size().waiting,
    }
    _record(spool, EventName.REPORT_SENT, told, now=now)
    return replace(result, sent=(*result.sent, parcel.sequence))


def _put_aside(
    spool: Spool, parcel: Parcel, answer: Refused, result: SendResult, *, now: datetime
) -> SendResult:
    reason = f"status {answer.status}: {answer.reason}"
    spool.set_aside(parcel.sequence, reason=reason)
    told: dict[str, Field] = {"sequence": parcel.sequence, "reason": reason}
    _record(spool, EventName.REPORT_SET_ASIDE, told, now=now)
    aside = Aside(sequence=parcel.sequence, reason=reason)
    return replace(result, set_aside=(*result.set_aside, aside))


def _renumbered(
    spool: Spool, result: SendResult, *, through: int, now: datetime
) -> SendResult:
    """Give all that waits numbers that central has never heard of.

    It happens to a host whose state folder was lost or restored. Where it goes on, two
    hosts share one id, and would take each other's numbers for ever.
    """
    if result.renumberings == _MOST_RENUMBERINGS:
        words = (
            f"central knows other reports up to {through} of this host, again; "
            "expected that no other host has this one's machine-id"
        )
        _record(spool, EventName.REPORT_FAILED, {"reason": words}, now=now)
        return replace(result, later=Later(reason=words))
    waiting = spool.waiting(limit=_EVERYTHING)
    anew = [
        replace(each, sequence=number, body=renumbered(each.body, sequence=number))
        for number, each in enumerate(waiting, through + 1)
    ]
    spool.replace(anew)
    spool.set_state(numbered_from(spool.state(), through + 1 + len(anew)))
    told: dict[str, Field] = {"count": len(anew), "first": through + 1}
    _record(spool, EventName.REPORTS_RENUMBERED, told, now=now)
    return replace(result, renumberings=result.renumberings + 1)


@contextmanager
def _failure_told(spool: Spool, *, now: datetime) -> Iterator[None]:
    """Record why a person must act, and go on raising."""
    try:
        yield
    except ConfigError as error:
        with spool.transaction():
            told: dict[str, Field] = {"reason": str(error)}
            _record(spool, EventName.REPORT_FAILED, told, now=now)
        raise


def _record(
    spool: Spool, name: EventName, told: dict[str, Field], *, now: datetime
) -> None:
    spool.record(Event(at=now, name=name, fields=told))
