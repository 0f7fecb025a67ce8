"""A report comes in: unpacked, understood, its sender's own, stored, answered.

Whatever is refused on the way leaves nothing behind, and the next report unaffected.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from agent.core.envelope import Envelope, parse_envelope
from agent.core.quantity import size_text
from agent.errors import ConflictError, ReportError, StateError, UnavailableError
from central.core.answer import Answer, Verdict
from central.core.unpacking import check_keys, check_values, unpacked
from central.ports.fleet import Arrival, Reports, Stored

RETRY_AFTER_S = 30
_LATER: Final = "expected to be asked again later: central can store nothing now"
# Hosts tell of 4 MB of samples at most; all gaps and zeros, these are 1.9 million.
_BYTES_A_VALUE: Final = 4


def read_report(
    body: bytes, *, host_id: str, max_unpacked: int, now: datetime
) -> Arrival | Answer:
    """Return what a host's report says, ready to be stored; or why it is not taken.

    Args:
        body: As it came, packed by gzip.
        host_id: Who sent it, as it has shown.
        max_unpacked: Longest document that is looked at, in bytes.
        now: When it came.
    """
    document = opened(body, max_unpacked=max_unpacked)
    if isinstance(document, Answer):
        return document
    return understood(document, length=len(body), host_id=host_id, now=now)


def opened(body: bytes, *, max_unpacked: int) -> bytes | Answer:
    """Return a report's document; or why it is not looked at.

    Args:
        body: As it came, packed by gzip.
        max_unpacked: Longest document, in bytes; it may hold a value for each four.
    """
    try:
        document = unpacked(body, limit=max_unpacked)
        if document is None:
            return _too_long(max_unpacked)
        check_values(document, limit=max_unpacked // _BYTES_A_VALUE)
    except ReportError as error:
        return Answer(verdict=Verdict.MALFORMED, reason=str(error))
    return document


def understood(
    document: bytes, *, length: int, host_id: str, now: datetime
) -> Arrival | Answer:
    """Return what a host's report says, ready to be stored; or why it is not taken.

    It takes up to sixteen times the memory that its document does.

    Args:
        document: Unpacked.
        length: In bytes, as it came.
        host_id: Who sent it, as it has shown.
        now: When it came.
    """
    try:
        # First: what it takes is free again before the rest takes its own.
        check_keys(document)
        envelope = parse_envelope(document)
    except ReportError as error:
        return Answer(verdict=Verdict.MALFORMED, reason=str(error))
    if envelope.host_id != host_id:
        return _foreign(envelope, host_id=host_id)
    return Arrival(
        envelope=envelope,
        sha256=sha256(document).hexdigest(),
        length=length,
        at=now,
    )


def store(arrivals: Sequence[Arrival], *, reports: Reports) -> list[Answer]:
    """Store reports together; return the answer to each, in their order.

    What one of them is refused for is no other's fault; what the database cannot do
    now, it can do for none of them.
    """
    try:
        outcomes = reports.store_many(arrivals)
    except (UnavailableError, StateError) as error:
        return [busy(str(error))] * len(arrivals)
    return [_answer(outcome) for outcome in outcomes]


def busy(reason: str) -> Answer:
    """Return the answer to what central can take in later, but not now.

    Args:
        reason: For whoever runs central; others are not told what its database is.
    """
    return Answer(
        verdict=Verdict.BUSY, reason=reason, told=_LATER, retry_after_s=RETRY_AFTER_S
    )


def _answer(outcome: Stored | ReportError) -> Answer:
    match outcome:
        case Stored():
            verdict = Verdict.TAKEN if outcome.is_new else Verdict.REPEATED
            return Answer(verdict=verdict, received_through=outcome.received_through)
        case ConflictError():
            return Answer(
                verdict=Verdict.NUMBER_TAKEN,
                reason=str(outcome),
                received_through=outcome.received_through,
            )
        case ReportError():
            return Answer(verdict=Verdict.MALFORMED, reason=str(outcome))


def _too_long(max_unpacked: int) -> Answer:
    words = f"report: expected at most {size_text(max_unpacked)} unpacked, got more"
    return Answer(verdict=Verdict.TOO_LONG, reason=words)


def _foreign(envelope: Envelope, *, host_id: str) -> Answer:
    words = (
        f"report {envelope.sequence}: expected the sender's own, host_id {host_id}, "
        f"got {envelope.host_id}"
    )
    return Answer(verdict=Verdict.FOREIGN, reason=words)
