"""Packed reports: how they are unpacked within limits, and what JSON may not say."""

import json
import zlib
from collections import Counter
from typing import Any, Final

from agent.errors import ReportError

_GZIP: Final = 16 + zlib.MAX_WBITS  # the format alone, not zlib's own


def unpacked(packed: bytes, *, limit: int) -> bytes | None:
    """Return what one gzip member holds; None: it is longer than `limit`.

    No more than `limit` and one byte are ever unpacked, whatever it claims to hold.

    Raises:
        ReportError: It is no gzip, broken off, or something comes after it.
    """
    unpacker = zlib.decompressobj(_GZIP)
    try:
        content = unpacker.decompress(packed, limit + 1)
    except zlib.error as error:
        raise ReportError(f"report: expected gzip, got: {error}") from error
    if len(content) > limit:
        return None
    if not unpacker.eof:
        raise ReportError(
            f"report: expected gzip up to its end, got {len(packed)} bytes, broken off"
        )
    if unpacker.unused_data:
        raise ReportError(
            "report: expected one gzip member, got "
            f"{len(unpacker.unused_data)} bytes after it"
        )
    return content


def check_values(document: bytes, *, limit: int) -> None:
    """Raise ReportError if a JSON document has more values than `limit`, and one.

    By its commas, so before anything is understood: what takes two bytes here takes
    32 once it is a number.
    """
    count = document.count(b",")
    if count > limit:
        raise ReportError(f"report: expected at most {limit} values, got {count}")


def check_keys(document: bytes) -> None:
    """Raise ReportError if it is no JSON, or an object of it has a key twice.

    Which of the two counts would be up to whoever reads it.
    """
    try:
        json.loads(document.decode(), object_pairs_hook=_single)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"report: {error}") from error


def _single(pairs: list[tuple[str, Any]]) -> None:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        [(key, count)] = Counter(keys).most_common(1)
        raise ReportError(f"report: {key}: expected once, got {count} times")
