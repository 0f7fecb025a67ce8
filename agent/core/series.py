"""A series: a metric's name with its attributes, `system.disk.io{device="sda"}`."""

import re
from dataclasses import dataclass

from agent.errors import ExpressionError

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.]*")
_ATTRIBUTE = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_.]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*')
ENTITY = "$entity"


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """One metric with its attributes, sorted by key.

    Attributes:
        name: The metric's name in the catalogue.
        attributes: Pairs of key and value; a value of `$entity` is a placeholder.
    """

    name: str
    attributes: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        if not self.attributes:
            return self.name
        inside = ",".join(
            f'{key}="{_escaped(value)}"' for key, value in self.attributes
        )
        return f"{self.name}{{{inside}}}"

    @property
    def is_template(self) -> bool:
        """Whether `$entity` must be filled in before the series names a column."""
        return any(value == ENTITY for _, value in self.attributes)

    def bound(self, entity: str) -> "Series":
        """Return the series of one entity."""
        return Series(
            self.name,
            tuple((k, entity if v == ENTITY else v) for k, v in self.attributes),
        )

    def stands_for(self, column: "Series") -> bool:
        """Return whether a column is this series, or that of one of its entities."""
        return self == column or self.entity_in(column) is not None

    def entity_in(self, other: "Series") -> str | None:
        """Return the entity for which this template is `other`, or None."""
        if self.name != other.name or len(self.attributes) != len(other.attributes):
            return None
        entity: str | None = None
        for (key, value), (key_there, value_there) in zip(
            self.attributes, other.attributes, strict=True
        ):
            if key != key_there:
                return None
            if value == ENTITY:
                entity = value_there
            elif value != value_there:
                return None
        return entity


def series(name: str, /, **attributes: str) -> Series:
    """Return a series with its attributes in canonical order."""
    return Series(name, tuple(sorted(attributes.items())))


def parse_series(text: str) -> Series:
    """Return the series that `text` spells, attributes in any order.

    Raises:
        ExpressionError: Says at which column what was expected.
    """
    found, end = read_series(text, 0)
    if end != len(text):
        raise ExpressionError(
            f'column {end + 1} of "{text}": expected the end, got "{text[end:]}"'
        )
    return found


def read_series(text: str, start: int) -> tuple[Series, int]:
    """Return the series at `start` of a longer text and where it ends.

    Raises:
        ExpressionError: Says at which column what was expected.
    """
    name = _NAME.match(text, start)
    if name is None:
        raise _unexpected(text, start, "a metric's name")
    at = name.end()
    if not text.startswith("{", at):
        return Series(name[0]), at
    attributes: dict[str, str] = {}
    at += 1
    while not text.startswith("}", at):
        pair = _ATTRIBUTE.match(text, at)
        if pair is None:
            raise _unexpected(text, at, 'an attribute such as device="sda"')
        attributes[pair[1]] = re.sub(r"\\(.)", r"\1", pair[2])
        at = pair.end()
        if text.startswith(",", at):
            at += 1
        elif not text.startswith("}", at):
            raise _unexpected(text, at, '"," or "}"')
    return series(name[0], **attributes), at + 1


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _unexpected(text: str, at: int, expected: str) -> ExpressionError:
    got = f'"{text[at : at + 20]}"' if at < len(text) else "the end"
    shown = text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - a line
    return ExpressionError(
        f'column {at + 1} of "{shown}": expected {expected}, got {got}'
    )
