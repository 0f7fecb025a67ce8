"""`forewarn predictions`: what was predicted, moment by moment."""

from pathlib import Path

import click

from agent.cli.filters import Filters, filtered
from agent.cli.moments import document, moments, scores_of
from agent.cli.options import config_option, json_option, settings, state_dir_option
from agent.cli.output import emit, table
from agent.core.moment import Role
from agent.wiring.reading import archive_at


@click.command("predictions")
@config_option
@state_dir_option
@filtered
@json_option
def predictions(
    config_path: Path | None, state_dir: Path | None, filters: Filters, as_json: bool
) -> None:
    """List predictions, the newest first, with every live release's score."""
    config = settings(config_path, state_dir=state_dir).config
    with archive_at(config.agent.state_dir) as archive:
        found = moments(archive, filters)
    rows = [
        (
            moment.id,
            moment.at,
            moment.task,
            moment.entity or None,
            scores_of(moment, Role.ACTIVE),
            scores_of(moment, Role.BASELINE),
            moment.due_at,
            outcome.kind if outcome else "open",
        )
        for moment, outcome in found
    ]
    header = ("id", "at", "task", "entity", "active", "baseline", "due", "outcome")
    emit(
        [document(moment, outcome) for moment, outcome in found],
        as_json=as_json,
        text=table(header, rows=rows) if rows else "no prediction yet",
    )
