"""Reports that were carried here come in: each as if its host had sent it itself."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import msgspec

from agent.core.carriage import (
    MANIFEST,
    SCHEMA,
    Load,
    Manifest,
    Receipt,
    Received,
    digest,
)
from agent.errors import ReportError, UnavailableError
from central.core.answer import Answer, Verdict
from central.flows.ingest import read_report, store
from central.ports.fleet import Arrival, Enrolment, Reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """A report that was turned away, and why."""

    file: str
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """What came of an archive.

    Attributes:
        receipt: For the host: what central has for good.
        new: How many of these it did not have before.
        turned: What it did not take.
    """

    receipt: Receipt
    new: int
    turned: tuple[Turned, ...]


def receive(
    files: Iterable[tuple[str, bytes]],
    *,
    reports: Reports,
    enrolment: Enrolment,
    max_unpacked: int,
    now: datetime,
) -> Receiving:
    """Take in what a host wrote for central, and return what to tell it.

    Whoever brings the file answers for where it is from: no token is in it. A host that
    was revoked is not let in this way either.

    Args:
        files: Names and contents, the manifest first.
        reports: Where they are stored.
        enrolment: Who may not report.
        max_unpacked: Longest report that is looked at, in bytes.
        now: The present.

    Raises:
        ReportError: There is no manifest, it is not understood, or its host is revoked;
            nothing was stored.
        UnavailableError: The database cannot be had now; what was stored is stored, and
            the same archive may be taken in again.
    """
    rest = iter(files)
    manifest = _manifest(rest)
    if enrolment.is_revoked(manifest.host_id):
        raise ReportError(f"host {manifest.host_id} was revoked; expected another one")
    read = partial(
        read_report, host_id=manifest.host_id, max_unpacked=max_unpacked, now=now
    )
    found = [
        (load, _taken(load, body, read=read, reports=reports))
        for load, body in _listed(rest, manifest)
    ]
    received = tuple(
        Received(sequence=load.sequence, sha256=load.sha256)
        for load, answer in found
        if not answer.is_refusal
    )
    return Receiving(
        receipt=Receipt(host_id=manifest.host_id, received=received),
        new=sum(answer.verdict is Verdict.TAKEN for _, answer in found),
        turned=tuple(
            Turned(file=load.file, answer=answer)
            for load, answer in found
            if answer.is_refusal
        ),
    )


def _manifest(files: Iterator[tuple[str, bytes]]) -> Manifest:
    name, document = next(files, ("nothing", b""))
    if name != MANIFEST:
        raise ReportError(f"expected {MANIFEST} first, got {name}")
    try:
        manifest = msgspec.json.decode(document, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportError(f"{MANIFEST}: {error}") from error
    if manifest.schema != SCHEMA:
        raise ReportError(
            f"{MANIFEST}: expected schema {SCHEMA}, got {manifest.schema}"
        )
    return manifest


def _listed(
    files: Iterator[tuple[str, bytes]], manifest: Manifest
) -> Iterator[tuple[Load, bytes]]:
    """Yield the files that the manifest lists; what else is there is nobody's."""
    listed = {each.file: each for each in manifest.reports}
    for name, body in files:
        if name in listed:
            yield listed.pop(name), body


def _taken(
    load: Load,
    body: bytes,
    *,
    read: Callable[[bytes], Arrival | Answer],
    reports: Reports,
) -> Answer:
    if digest(body) != load.sha256:
        return _unlike(f"digest {load.sha256[:12]}", got=digest(body)[:12])
    arrival = read(body)
    if isinstance(arrival, Answer):
        return arrival
    if arrival.envelope.sequence != load.sequence:
        return _unlike(f"report {load.sequence}", got=str(arrival.envelope.sequence))
    (answer,) = store([arrival], reports=reports)
    if answer.verdict is Verdict.BUSY:
        raise UnavailableError(answer.reason)
    return answer


def _unlike(expected: str, *, got: str) -> Answer:
    words = f"expected {expected}, as {MANIFEST} says, got {got}"
    return Answer(verdict=Verdict.MALFORMED, reason=words)
