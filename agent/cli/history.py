"""`forewarn history`: what became of releases, why, and who wanted it."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import click

from agent.adapters.store.answers import Admitted, Recorded
from agent.cli.filters import Since
from agent.cli.naming import check_task
from agent.cli.options import config_option, json_option, state_dir_option
from agent.cli.output import Cell, emit, listing, say
from agent.cli.state import opened
from agent.core.event import AUDIT

# The reason is the longest: where it breaks, nothing beside it does.
_HEADER = ("at", "event", "task", "version", "by", "why")


@click.command("history")
@config_option
@state_dir_option
@click.option("--task", metavar="TASK", help="Only this task.")
@click.option(
    "--since",
    type=Since(),
    metavar="WHEN",
    help="From then on: 2d ago as 2d, or an instant, UTC if it names no zone.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=1_000_000),
    default=50,
    show_default=True,
    help="At most so many, the newest.",
)
@json_option
def history(
    config_path: Path | None,
    state_dir: Path | None,
    task: str | None,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List what became of releases, the newest first; kept for ever.

    "by" is who wanted it: the name of an operator, or nobody where the guard or an
    update acted on its own. --json has every fact.
    """
    with opened(config_path, state_dir) as (_, archive):
        if task is not None:
            check_task(archive, task)
        found = archive.history(names=AUDIT, task=task, since=since, limit=limit)
        releases = {each.digest[:12]: each for each in archive.releases()}
    if not found:
        is_any = task is not None or since is not None
        say("nothing that these filters let through" if is_any else "no history yet")
    rows = [_row(each, releases) for each in found]
    emit(found, as_json=as_json, text=listing(_HEADER, rows=rows))


def _row(each: Recorded, releases: Mapping[str, Admitted]) -> tuple[Cell, ...]:
    """Return an event as a table's row; what it is about by the digest if need be."""
    about = releases.get(str(each.fields.get("digest")))
    known = {"task": about.task, "version": about.version} if about else {}
    facts = {**known, **each.fields}
    # Not every event says why, and an older program's may say it otherwise.
    shown = ("task", "version", "by", "reason")
    return (each.at, each.name, *(_cell(facts.get(name)) for name in shown))


def _cell(value: object) -> Cell:
    return value if isinstance(value, int | float | None) else str(value) or None
