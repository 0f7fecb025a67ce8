"""How every command prints: data on stdout, words on stderr, JSON when asked."""

import math
import operator
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import SupportsFloat, SupportsIndex, TypeAlias

import click
import msgspec

Cell: TypeAlias = str | float | datetime | None
_GUTTER = "  "
_NOTHING = "-"


class Share(float):
    """A ratio that people read in percent; JSON and programs get the ratio."""

    __slots__ = ()


def share(ratio: float | None) -> Share | None:
    """Return a ratio as people read it; None stays unknown."""
    return None if ratio is None else Share(ratio)


def emit(data: object, *, as_json: bool, text: str) -> None:
    """Print `data` as JSON, or else `text` for people, on stdout.

    Args:
        data: Anything of which JSON can be made: structs, dataclasses, mappings, lists,
            enums, paths, instants, numbers also of numpy. A NaN becomes null.
        as_json: What the command's `--json` says.
        text: Printed as it is; nothing is printed if it is empty.
    """
    if as_json:
        encoded = msgspec.json.encode(data, enc_hook=_plain)
        text = msgspec.json.format(encoded, indent=2).decode()
    if text:
        click.echo(text)


def say(words: str) -> None:
    """Print words about the data, or about what goes on, on stderr."""
    click.echo(words, err=True)


def table(header: Sequence[str], *, rows: Sequence[Sequence[Cell]]) -> str:
    """Return an aligned table without a final newline.

    Columns that hold only numbers are set to the right. None and NaN are `-`; what a
    terminal would obey instead of show is escaped.

    Args:
        header: One word or few a column.
        rows: As many cells as the header has.

    Raises:
        ValueError: A row has another length than the header.
    """
    columns = list(zip(header, *rows, strict=True))
    texts = [[cell_text(cell) for cell in column] for column in columns]
    widths = [max(map(len, column)) for column in texts]
    is_right = [_is_numeric(column[1:]) for column in columns]
    return "\n".join(
        _GUTTER.join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, is_right, strict=True)
        ).rstrip()
        for line in zip(*texts, strict=True)
    )


def listing(header: Sequence[str], *, rows: Sequence[Sequence[Cell]]) -> str:
    """Return a table, or nothing where there is no row: not even a header."""
    return table(header, rows=rows) if rows else ""


def cell_text(cell: Cell) -> str:
    """Return a cell as people read it: floats with four significant digits."""
    match cell:
        case None:
            return _NOTHING
        case datetime():
            return instant_text(cell)
        case float():
            return _NOTHING if math.isnan(cell) else _number(cell)
        case _:
            return _printable(str(cell))


def instant_text(at: datetime) -> str:
    """Return an instant in UTC, to the second: `2024-05-01T12:00:00Z`.

    The same wherever it is read, so that lines of many hosts compare.
    """
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _number(number: float) -> str:
    if not isinstance(number, Share):
        return f"{number:.4g}"
    percent = 100 * float(number)
    fine = round(percent, 1) + 0.0  # and so never -0
    is_whole = abs(fine) >= 10 or fine == round(fine)  # noqa: PLR2004
    return f"{fine:.0f} %" if is_whole else f"{fine:.1f} %"


def _is_numeric(cells: Sequence[Cell]) -> bool:
    held = [cell for cell in cells if cell is not None]
    return bool(held) and all(isinstance(cell, int | float) for cell in held)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _plain(value: object) -> object:
    """Return what JSON knows for what msgspec does not know by itself."""
    match value:
        case PurePath():
            return str(value)
        case SupportsIndex():
            return operator.index(value)
        case SupportsFloat():
            return float(value)
        case _:
            raise NotImplementedError(f"no JSON for {type(value).__name__}")
