"""Reports that are carried by hand: what lies beside them, and what comes back."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from agent.core.manifest_parts import Sha256
from agent.errors import ReportError

SCHEMA: Final = 1
MANIFEST: Final = "manifest.json"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """One report of many.

    Attributes:
        file: Its name beside the manifest.
        sha256: Of that file, packed as it is.
    """

    sequence: int
    file: str
    sha256: Sha256


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is carried, and by whom it was written."""

    schema: int
    host_id: str
    agent: str
    at: datetime
    reports: tuple[Load, ...]


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A report that central has for good."""

    sequence: int
    sha256: Sha256


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What central says that it has of a host."""

    host_id: str
    received: tuple[Received, ...]


def load(sequence: int, body: bytes) -> Load:
    """Return what the manifest says of a packed report."""
    return Load(sequence=sequence, file=f"{sequence}.json.gz", sha256=digest(body))


def digest(body: bytes) -> str:
    """Return by what a packed report is known."""
    return hashlib.sha256(body).hexdigest()


def parse_receipt(document: bytes) -> Receipt:
    """Return the receipt that a JSON document holds.

    Raises:
        ReportError: It is none; names the key.
    """
    try:
        return msgspec.json.decode(document, type=Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReportError(f"receipt: {error}; bring it anew from central") from error


def acknowledged(
    receipt: Receipt, waiting: Sequence[Load], *, host_id: str
) -> list[int]:
    """Return the numbers of the waiting reports that a receipt is for, rising.

    What it names besides has been deleted before.

    Raises:
        ReportError: It is another host's, or for another report of the same number;
            then none of it counts.
    """
    if receipt.host_id != host_id:
        raise ReportError(
            f"receipt: expected one for this host, {host_id}, got {receipt.host_id}"
        )
    digests = {each.sequence: each.sha256 for each in waiting}
    known = [each for each in receipt.received if each.sequence in digests]
    for each in known:
        if each.sha256 != digests[each.sequence]:
            raise ReportError(
                f"receipt: report {each.sequence}: expected digest "
                f"{digests[each.sequence][:12]}, got {each.sha256[:12]}"
            )
    return sorted({each.sequence for each in known})
