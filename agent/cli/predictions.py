"""`forewarn predictions`: what was predicted, moment by moment."""

from pathlib import Path

import click

from agent.cli.filters import Filters, filtered
from agent.cli.moments import document, moments, outcome_text, scores_of
from agent.cli.options import config_option, json_option, state_dir_option
from agent.cli.output import emit, listing
from agent.cli.state import opened
from agent.core.moment import Role


@click.command("predictions")
@config_option
@state_dir_option
@filtered
@json_option
def predictions(
    config_path: Path | None, state_dir: Path | None, filters: Filters, as_json: bool
) -> None:
    """List predictions, the newest first, with every live release's score.

    JSON holds the scores of standby and shadow, too.
    """
    with opened(config_path, state_dir) as (_, archive):
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
            outcome_text(moment, outcome),
        )
        for moment, outcome in found
    ]
    header = ("id", "at", "task", "entity", "active", "baseline", "due", "outcome")
    emit(
        [document(moment, outcome) for moment, outcome in found],
        as_json=as_json,
        text=listing(header, rows=rows),
    )
