"""`forewarn outcomes`: what came of the predictions."""

from pathlib import Path

import click

from agent.cli.filters import Filters, filtered
from agent.cli.moments import document, moments, scores_of
from agent.cli.options import config_option, json_option, settings, state_dir_option
from agent.cli.output import emit, table
from agent.core.moment import Role
from agent.core.quantity import duration_text
from agent.wiring.reading import archive_at


@click.command("outcomes")
@config_option
@state_dir_option
@filtered
@json_option
def outcomes(
    config_path: Path | None, state_dir: Path | None, filters: Filters, as_json: bool
) -> None:
    """List what came of predictions, the newest first; void ones with the reason."""
    config = settings(config_path, state_dir=state_dir).config
    with archive_at(config.agent.state_dir) as archive:
        found = moments(archive, filters, only_resolved=True)
    rows = [
        (
            moment.id,
            moment.at,
            moment.task,
            moment.entity or None,
            scores_of(moment, Role.ACTIVE),
            scores_of(moment, Role.BASELINE),
            outcome.kind,
            outcome.void or outcome.value,
            None
            if outcome.happened_at is None
            else duration_text((outcome.happened_at - moment.at).total_seconds()),
        )
        for moment, outcome in found
        if outcome is not None
    ]
    header = (
        "id",
        "at",
        "task",
        "entity",
        "active",
        "baseline",
        "outcome",
        "what",
        "after",
    )
    emit(
        [document(moment, outcome) for moment, outcome in found],
        as_json=as_json,
        text=table(header, rows=rows) if rows else "no outcome yet",
    )
