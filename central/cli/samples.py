"""`forewarn-central samples`: what there is to learn from."""

from collections.abc import Sequence
from pathlib import Path

import click

from agent.core.quantity import size_text
from central.cli.options import dir_option, json_option
from central.cli.output import emit, say, table
from central.ports.dataset import Stock
from central.wiring.dataset import compacted, opened_dataset, shelved
from central.wiring.repository import present


@click.group("samples", invoke_without_command=True)
@dir_option
@json_option
@click.pass_context
def samples_group(ctx: click.Context, folder: Path, as_json: bool) -> None:
    """Show how many labelled samples there are, of which tasks and days."""
    if ctx.invoked_subcommand is not None:
        return
    stock = opened_dataset(folder).stock()
    emit(stock, as_json=as_json, text=_text(stock))
    if not stock:
        say("no samples yet: hosts send them where their own policy says so")


@samples_group.command()
@dir_option
@json_option
def shelve(folder: Path, as_json: bool) -> None:
    """Put what hosts have sent into files, as the server does by itself."""
    count = shelved(folder)
    emit({"rows": count}, as_json=as_json, text=f"{count} samples put into files")


@samples_group.command()
@dir_option
@json_option
def compact(folder: Path, as_json: bool) -> None:
    """Make one file of each day that is over, as the server does by itself."""
    count = compacted(folder, now=present())
    emit({"files": count}, as_json=as_json, text=f"{count} files merged into others")


def _text(stock: Sequence[Stock]) -> str:
    header = (
        *("task", "rows", "events", "hosts", "releases"),
        *("days", "first", "last", "files", "size"),
    )
    rows = [
        (
            *(each.task, each.rows, each.events, each.hosts, each.releases),
            *(each.days, each.first, each.last, each.files),
            size_text(each.size_bytes),
        )
        for each in stock
    ]
    return table(header, rows=rows) if rows else ""
