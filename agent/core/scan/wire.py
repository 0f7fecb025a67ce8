"""Protocol buffers as they stand on the wire, read in place and within bounds."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from agent.core.scan.rule import FindingError, Rule

# The number of a field; then of a whole number its value and -1, of all else where its
# bytes begin and end.
Field: TypeAlias = tuple[int, int, int]
Span: TypeAlias = tuple[int, int]

WHOLE: Final = 0
EIGHT_BYTES: Final = 1
LENGTH: Final = 2
FOUR_BYTES: Final = 5

# A few seconds, and a forest of more than a million splits.
MAX_FIELDS: Final = 1_500_000
MAX_NAME_BYTES: Final = 512
# Names are kept, and so bound the memory.
MAX_NAMES: Final = 500_000

_FIXED_BYTES: Final = {EIGHT_BYTES: 8, FOUR_BYTES: 4}
_CONTINUED: Final = 0x80
_VARINT_BYTES: Final = 10
_SIGN: Final = 2**63
_CHUNK_BYTES: Final = 65_536
_ALL_BUT_LAST: Final = bytes(range(_CONTINUED, 256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a message of the format may hold, by tag: number and wire type of a field.

    Attributes:
        name: What it is called in a finding.
        tags: Every field; a bit of its own where it may stand only once, else 0.
        words: Those whose bytes only people read.
        runs: Repeated numbers that nobody looks at: how a row of them reads.
    """

    name: str
    tags: Mapping[int, int]
    words: frozenset[int]
    runs: Mapping[int, re.Pattern[bytes]]


def message(
    name: str,
    *,
    once: Mapping[int, int],
    many: Mapping[int, tuple[int, ...]],
    words: tuple[int, ...] = (),
    runs: tuple[int, ...] = (),
) -> Message:
    """Return a message by the numbers of its fields.

    Args:
        name: What it is called in a finding.
        once: Wire type of each field that may stand once.
        many: Wire types of each field that may be repeated; packed numbers have two.
        words: Those whose bytes only people read.
        runs: Those whose values nobody looks at.
    """
    tags = {number << 3 | kind: 1 << number for number, kind in once.items()}
    tags |= {n << 3 | kind: 0 for n, kinds in many.items() for kind in kinds}
    return Message(
        name=name,
        tags=tags,
        words=frozenset(tag for tag in tags if tag >> 3 in words),
        runs={t: _run(t) for t in tags if t >> 3 in runs and t & 7 != LENGTH},
    )


def _run(tag: int) -> re.Pattern[bytes]:
    value = rb"[\x80-\xff]{0,9}+[\x00-\x7f]" if tag & 7 == WHOLE else rb"[\s\S]{4}"
    return re.compile(rb"(?:" + re.escape(bytes([tag])) + value + rb")*+")


class Wire:
    """The bytes of one model, with what was met in them so far.

    Args:
        document: The model; never copied as a whole.

    Attributes:
        words_bytes: How many bytes only people read.
    """

    def __init__(self, document: bytes | memoryview) -> None:
        self._document = document
        self._fields_left = MAX_FIELDS
        self._names_left = MAX_NAMES
        self.words_bytes = 0

    def fields(self, span: Span, *, of: Message) -> Iterator[Field]:
        """Yield the fields of a message in order; words and runs are passed over.

        Raises:
            FindingError: They are not those of such a message.
        """
        at, end = span
        seen = 0
        while at < end:
            tag, start = self._varint(at, end)
            if tag in of.runs and (past := self._past_run(at, end, of.runs[tag])) > at:
                at = past
                continue
            seen = self._once(tag, seen, of=of)
            if tag & 7 == WHOLE:
                value, at = self._varint(start, end)
                yield tag >> 3, value, -1
                continue
            start, at = self._bounds(tag & 7, start, end)
            if tag in of.words:
                self.words_bytes += at - start
            else:
                yield tag >> 3, start, at

    def name(self, start: int, end: int) -> str:
        """Return the name that stands in these bytes.

        Raises:
            FindingError: It is none that can be shown to people.
        """
        self._names_left -= 1
        if self._names_left < 0:
            raise FindingError(
                Rule.NOT_A_MODEL, f"expected at most {MAX_NAMES} names, got more"
            )
        if end - start > MAX_NAME_BYTES:
            raise FindingError(
                Rule.BAD_NAME,
                f"expected at most {MAX_NAME_BYTES} bytes, got {end - start}",
            )
        try:
            name = str(self._document[start:end], "utf-8")
        except UnicodeDecodeError:
            raise FindingError(
                Rule.BAD_NAME, f"the name at byte {start} is no UTF-8"
            ) from None
        if not name.isprintable():
            raise FindingError(
                Rule.BAD_NAME, f"{name!a} has characters that do not print"
            )
        return name

    def whole_numbers(self, first: int, end: int, *, limit: int) -> list[int]:
        """Return the signed whole numbers of a field, packed or not; at most `limit`.

        Raises:
            FindingError: A number is cut.
        """
        if end < 0:
            return [signed(first)]
        numbers: list[int] = []
        while first < end and len(numbers) < limit:
            value, first = self._varint(first, end)
            numbers.append(signed(value))
        return numbers

    def count(self, first: int, end: int) -> int:
        """Return how many whole numbers a field has, packed or not."""
        if end < 0:
            return 1
        return sum(
            len(
                bytes(self._document[at : min(at + _CHUNK_BYTES, end)]).translate(
                    None, _ALL_BUT_LAST
                )
            )
            for at in range(first, end, _CHUNK_BYTES)
        )

    def _once(self, tag: int, seen: int, *, of: Message) -> int:
        """Return what was seen of a message once this field is, too."""
        self._fields_left -= 1
        if self._fields_left < 0:
            raise FindingError(
                Rule.NOT_A_MODEL, f"expected at most {MAX_FIELDS} fields, got more"
            )
        bit = of.tags.get(tag)
        if bit is None:
            raise FindingError(
                Rule.NOT_A_MODEL,
                f"field {tag >> 3} of wire type {tag & 7} is none of a {of.name}",
            )
        if bit & seen:
            raise FindingError(
                Rule.TRAILING_DATA, f"field {tag >> 3} of a {of.name} stands twice"
            )
        return seen | bit

    def _past_run(self, at: int, end: int, run: re.Pattern[bytes]) -> int:
        found = run.match(self._document, at, end)
        return found.end() if found else at

    def _bounds(self, kind: int, start: int, end: int) -> Span:
        """Return where the bytes of a field begin and end."""
        if kind == LENGTH:
            length, start = self._varint(start, end)
        else:
            length = _FIXED_BYTES[kind]
        if length > end - start:
            raise FindingError(
                Rule.NOT_A_MODEL,
                f"expected {length} bytes from byte {start} on, got {end - start}",
            )
        return start, start + length

    def _varint(self, at: int, end: int) -> Span:
        """Return the number of variable length at a place, and where it ends."""
        document = self._document
        # Almost every number is one byte, and this is called for every field.
        if at < end and document[at] < _CONTINUED:
            return document[at], at + 1
        value = 0
        for place in range(at, min(at + _VARINT_BYTES, end)):
            byte = document[place]
            value |= byte % _CONTINUED << 7 * (place - at)
            if byte < _CONTINUED:
                return value % (2 * _SIGN), place + 1
        raise FindingError(Rule.NOT_A_MODEL, f"the number at byte {at} is cut")


def signed(value: int) -> int:
    """Return a 64-bit number as it is meant: from 2^63 on it is below 0."""
    return value - 2 * _SIGN if value >= _SIGN else value
