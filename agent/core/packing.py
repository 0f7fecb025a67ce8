"""Packing: a report as it leaves, and how it gets another number on the way."""

import zlib
from typing import Final

import msgspec

# The format alone, not zlib's own. No time and no name go in, so the same document
# always packs to the same bytes.
_GZIP: Final = 16 + zlib.MAX_WBITS


def packed(document: bytes) -> bytes:
    """Return a document packed by gzip."""
    packer = zlib.compressobj(level=9, wbits=_GZIP)
    return packer.compress(document) + packer.flush()


def unpacked(body: bytes) -> bytes:
    """Return what this program has packed before.

    Raises:
        ValueError: It is not that.
    """
    try:
        return zlib.decompress(body, wbits=_GZIP)
    except zlib.error as error:
        raise ValueError(f"expected gzip, got: {error}") from error


def renumbered(body: bytes, *, sequence: int) -> bytes:
    """Return a packed report under another number, all else to the letter.

    Raises:
        ValueError: It is no report.
    """
    parts = msgspec.json.decode(unpacked(body), type=dict[str, msgspec.Raw])
    number = msgspec.Raw(str(sequence).encode())
    return packed(msgspec.json.encode(parts | {"sequence": number}))
