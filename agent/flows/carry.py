"""Carrying: what waits is written to a file, and central's receipt is taken in."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from agent.core.carriage import (
    MANIFEST,
    SCHEMA,
    Manifest,
    acknowledged,
    load,
    parse_receipt,
)
from agent.core.event import Event, EventName, Field
from agent.ports.reporting import Parcel, Spool

# Writes an archive of these files under a name that it may choose; returns its path.
Write = Callable[[str, Iterable[tuple[str, bytes]]], str]
_EVERYTHING: Final = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written for central.

    Attributes:
        path: The archive; None: nothing waits, and none was written.
        sequences: The reports in it.
    """

    path: str | None
    sequences: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """What came of a receipt.

    Attributes:
        acknowledged: The reports that were deleted.
        waiting: How many still wait.
    """

    acknowledged: tuple[int, ...]
    waiting: int


def export(
    spool: Spool, write: Write, *, host_id: str, agent: str, now: datetime
) -> Exported:
    """Write all that waits to one archive; it waits on until a receipt has come.

    Raises:
        StateError: The archive or the spool cannot be written; no half file is left.
    """
    parcels = spool.waiting(limit=_EVERYTHING)
    if not parcels:
        return Exported(path=None)
    sequences = tuple(each.sequence for each in parcels)
    name = f"forewarn-reports-{host_id}-{sequences[0]}-{sequences[-1]}.tar"
    path = write(name, _files(parcels, host_id=host_id, agent=agent, now=now))
    told: dict[str, Field] = {"count": len(parcels), "path": path}
    spool.record(Event(at=now, name=EventName.REPORTS_EXPORTED, fields=told))
    return Exported(path=path, sequences=sequences)


def receive(spool: Spool, receipt: bytes, *, host_id: str, now: datetime) -> Receiving:
    """Delete what a receipt says that central has.

    Raises:
        ReportError: It is no receipt, another host's, or for other reports; nothing
            was deleted.
        StateError: The spool cannot be written; nothing was deleted.
    """
    waiting = [load(e.sequence, e.body) for e in spool.waiting(limit=_EVERYTHING)]
    numbers = acknowledged(parse_receipt(receipt), waiting, host_id=host_id)
    left = len(waiting) - len(numbers)
    with spool.transaction():
        for number in numbers:
            spool.acknowledge(number)
        if numbers:
            told: dict[str, Field] = {"receipt": len(numbers), "waiting": left}
            spool.record(Event(at=now, name=EventName.REPORT_SENT, fields=told))
    return Receiving(acknowledged=tuple(numbers), waiting=left)


def _files(
    parcels: Iterable[Parcel], *, host_id: str, agent: str, now: datetime
) -> Iterable[tuple[str, bytes]]:
    """Yield names and contents, the manifest first."""
    loads = {each.sequence: load(each.sequence, each.body) for each in parcels}
    manifest = Manifest(
        schema=SCHEMA,
        host_id=host_id,
        agent=agent,
        at=now,
        reports=tuple(loads.values()),
    )
    yield MANIFEST, msgspec.json.encode(manifest)
    for parcel in parcels:
        yield loads[parcel.sequence].file, parcel.body
