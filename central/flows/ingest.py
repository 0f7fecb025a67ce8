"""A report comes in: unpacked, understood, its sender's own, stored, answered.

Whatever is refused on the way leaves nothing behind, and the next report unaffected.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from agent.core.envelope import Envelope, parse_envelope
from agent.core.quantity import size_text
from agent.errors import ConflictError, ReportError, StateError, UnavailableError
from central.core.answer import Answer, Verdict
from central.core.unpacking import check_keys, unpacked
from central.ports.fleet import Arrival, Reports, Stored

RETRY_AFTER_S = 30


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
    try:
        document = unpacked(body, limit=max_unpacked)
        if document is None:
            return _too_long(max_unpacked)
        envelope = parse_envelope(document)
        check_keys(document)
    except ReportError as error:
        return Answer(verdict=Verdict.MALFORMED, reason=str(error))
    if envelope.host_id != host_id:
        return _foreign(envelope, host_id=host_id)
    return Arrival(
        envelope=envelope,
        sha256=sha256(document).hexdigest(),
        length=len(body),
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
    """Return the answer to what central can take in later, but not now."""
    return Answer(verdict=Verdict.BUSY, reason=reason, retry_after_s=RETRY_AFTER_S)


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
