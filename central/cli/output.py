"""How every command prints: data on stdout, words on stderr, JSON when asked."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import msgspec

from central.core.roles import Settled, Waiting

FINDINGS: Final = 3


def emit(data: object, *, as_json: bool, text: str) -> None:
    """Print `data` as JSON, or else `text` for people, on stdout."""
    if as_json:
        encoded = msgspec.json.encode(data, enc_hook=str)
        text = msgspec.json.format(encoded, indent=2).decode()
    if text:
        click.echo(text)


def say(words: str) -> None:
    """Print words about the data, or about what goes on, on stderr."""
    click.echo(words, err=True)


def say_waiting(waiting: Iterable[Waiting]) -> None:
    """Print who is missing, a line a role."""
    for each in waiting:
        say(str(each))


def end(ctx: click.Context, *, waiting: Sequence[Waiting]) -> None:
    """Say what still waits, and leave with the status of findings if anything does."""
    say_waiting(waiting)
    if waiting:
        ctx.exit(FINDINGS)


def say_founded(published: Iterable[str], *, folder: Path) -> None:
    """Say what hosts trust, if that was published for the first time."""
    metadata = folder / "repository" / "metadata"
    if "root" in published and not (metadata / "2.root.json").exists():
        say(f"hosts trust {metadata / '1.root.json'}")


def emit_settled(ctx: click.Context, settled: Settled, *, as_json: bool) -> None:
    """Print what a change published, say what waits, and leave with its status."""
    names = "\n".join(f"published {role}" for role in settled.published)
    emit(settled, as_json=as_json, text=names)
    for remark in settled.remarks:
        say(remark)
    end(ctx, waiting=settled.waiting)


def table(header: Sequence[str], *, rows: Iterable[Sequence[object]]) -> str:
    """Return an aligned table without a final newline; None is `-`."""
    lines = [list(header), *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def printable(text: str) -> str:
    """Return a line that moves no cursor: what cannot be printed is spelled out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def instant_text(at: datetime) -> str:
    """Return an instant in UTC, to the second: `2024-05-01T12:00:00Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _cell(cell: object) -> str:
    match cell:
        case None:
            return "-"
        case datetime():
            return instant_text(cell)
        case _:
            return printable(str(cell))
