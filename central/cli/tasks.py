"""`forewarn-central tasks`."""

from pathlib import Path

import click

from central.cli.options import dir_option, json_option
from central.cli.output import emit, table
from central.flows import overview
from central.wiring.archive import archive
from central.wiring.repository import present


@click.command("tasks")
@dir_option
@json_option
def tasks(folder: Path, as_json: bool) -> None:
    """Show what is predicted, which release is approved, and for how many hosts."""
    with archive(folder) as everything:
        found = overview.tasks(everything, now=present())
    header = ("task", "version", "percent", "state", "published", "autopilot", "title")
    rows = [
        (
            row.task,
            row.version,
            row.percent,
            row.state,
            " ".join(map(str, row.published)) or None,
            row.stage,
            row.title or None,
        )
        for row in found
    ]
    emit(found, as_json=as_json, text=table(header, rows=rows))
