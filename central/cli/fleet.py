"""`forewarn-central fleet`."""

from pathlib import Path

import click

from central.cli.options import dir_option, json_option
from central.cli.output import emit, table
from central.flows import overview
from central.wiring.archive import archive
from central.wiring.repository import present

_HEADER = (
    "task",
    "version",
    "state",
    "hosts",
    "at work",
    "updated",
    "shadow",
    "rolled back",
    "outcomes",
    "skill",
)


@click.command("fleet")
@dir_option
@json_option
def fleet(folder: Path, as_json: bool) -> None:
    """Show which releases run on how many hosts, and how they do.

    A host counts as updated only when it says that the release runs there after its
    probation. Skill is against the baseline on the same moments: above 0 is better.
    """
    with archive(folder) as everything:
        found = overview.fleet(everything, now=present())
    rows = [
        (
            row.task,
            row.version,
            row.state,
            row.hosts,
            row.at_work,
            row.updated,
            row.in_shadow,
            row.rolled_back,
            None if row.score is None else row.score.resolved,
            None
            if row.score is None or row.score.skill is None
            else f"{row.score.skill:.3f}",
        )
        for row in found
    ]
    emit(found, as_json=as_json, text=table(_HEADER, rows=rows))
