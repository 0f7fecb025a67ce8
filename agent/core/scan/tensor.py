"""Whether a tensor is what it says: type, dimensions, and as much data as they ask."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agent.core.scan import layout
from agent.core.scan.rule import Finding, FindingError, Rule
from agent.core.scan.wire import Span, Wire

_TEXT: Final = 8
# Bytes of one element in raw data, by the format's number of the type. Complex numbers
# and those of less than 8 bits or of 8 with a point are out: no forecast needs them.
_ELEMENT_BYTES: Final = {
    1: 4,  # float32
    2: 1,  # uint8
    3: 1,  # int8
    4: 2,  # uint16
    5: 2,  # int16
    6: 4,  # int32
    7: 8,  # int64
    _TEXT: 0,  # raw data cannot hold it
    9: 1,  # bool
    10: 2,  # float16
    11: 8,  # float64
    12: 4,  # uint32
    13: 8,  # uint64
    16: 2,  # bfloat16
}
# Fields whose numbers have a length of their own, and those whose numbers have not.
_FIXED_BYTES: Final = {4: 4, 10: 8}
_VARIABLE: Final = frozenset({5, 7, 11})
_MAX_DIMS: Final = 8
_MAX_ELEMENTS: Final = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """What a tensor says of itself.

    Attributes:
        name: May be empty.
        dims: Its dimensions; of a negative one there is a finding.
        kind: The format's number of its type.
        raw_bytes: Of its data, where they are raw; None where they are not.
        typed: How many elements its data have that are not raw.
        is_external: Its data are elsewhere.
    """

    name: str
    dims: tuple[int, ...]
    kind: int
    raw_bytes: int | None
    typed: int
    is_external: bool

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong with it."""
        name = f'tensor "{self.name}"'
        if self.is_external:
            yield Finding(Rule.EXTERNAL_DATA, f"{name} keeps its data in a file")
        elif self.kind not in _ELEMENT_BYTES:
            yield Finding(Rule.DTYPE, f"{name} has type {self.kind}")
        elif any(dim < 0 for dim in self.dims) or self._elements > _MAX_ELEMENTS:
            yield Finding(Rule.DIMS, f"{name} has dimensions {list(self.dims)}")
        else:
            yield from self._length_findings(name)

    def _length_findings(self, name: str) -> Iterator[Finding]:
        unit, expected, got = "elements", self._elements, self.typed
        if self.raw_bytes is not None:
            unit, expected = "bytes", expected * _ELEMENT_BYTES[self.kind]
            got += self.raw_bytes
        if expected != got or (self.raw_bytes and self.typed):
            yield Finding(
                Rule.RAW_DATA_LENGTH,
                f"{name} of dimensions {list(self.dims)}: expected {expected} {unit}, "
                f"got {got}",
            )

    @property
    def _elements(self) -> int:
        return math.prod(self.dims)


def tensor(wire: Wire, span: Span) -> Tensor:
    """Return what the tensor in these bytes says of itself.

    Raises:
        FindingError: They are no tensor.
    """
    name, dims, kind, typed, is_external = "", list[int](), 0, 0, False
    raw_bytes: int | None = None
    for number, first, end in wire.fields(span, of=layout.TENSOR):
        if number == layout.TENSOR_NAME:
            name = wire.name(first, end)
        elif number == layout.TENSOR_DIMS:
            dims += _dims(wire, first, end, have=len(dims))
        elif number == layout.TENSOR_KIND:
            kind = first
        elif number == layout.TENSOR_RAW:
            raw_bytes = end - first
        elif number in layout.TENSOR_ELSEWHERE:
            # An entry of where the data are, or the mark that they are not here.
            is_external |= end >= 0 or first != 0
        else:
            typed += _count(wire, number, first, end)
    return Tensor(
        name=name,
        dims=tuple(dims),
        kind=kind,
        raw_bytes=raw_bytes,
        typed=typed,
        is_external=is_external,
    )


def _dims(wire: Wire, first: int, end: int, *, have: int) -> list[int]:
    dims = wire.whole_numbers(first, end, limit=_MAX_DIMS + 1)
    if have + len(dims) > _MAX_DIMS:
        raise FindingError(Rule.DIMS, f"a tensor has more than {_MAX_DIMS} dimensions")
    return dims


def _count(wire: Wire, number: int, first: int, end: int) -> int:
    """Return how many elements a field of data holds."""
    if number in _VARIABLE:
        return wire.count(first, end)
    return (end - first) // _FIXED_BYTES[number] if number in _FIXED_BYTES else 1
