"""`forewarn tasks`: what is predicted here, how, and by which release."""

from datetime import datetime
from pathlib import Path

import click
import msgspec

from agent.cli.options import config_option, json_option, state_dir_option
from agent.cli.output import emit, listing, say
from agent.cli.state import opened
from agent.config import Tasks
from agent.core.lineup import LineUp
from agent.core.manifest import EventText, Manifest, parse_manifest
from agent.core.quantity import duration_text
from agent.flows.task import Memory
from agent.wiring.reading import Archive
from agent.wiring.scoring import allows

# The longest comes last: where it breaks, nothing beside it does.
_HEADER = (
    "task",
    "version",
    "active",
    "of each",
    "every",
    "last predicted",
    "predicts",
)
_OF_EACH = '{{{}="$entity"}}'  # which the column "of each" says as well


class TaskAtWork(msgspec.Struct, frozen=True, kw_only=True):
    """One task of this host.

    Attributes:
        task: Its name; `title` says it in words.
        entity: What it speaks of: `host`, `mountpoint`, ...
        predicts: The target in words.
        horizon_s: How far ahead; `score_every_s` how often.
        version: Of the leading release.
        active: Digest of the release that is acted upon; None: the baseline speaks.
        standby: Digest of the one to go back to.
        shadow: Digest of the one that scores beside it.
        last_scored_at: When it last predicted, as far as is committed.
        skipped: Entities that were not predicted when it was time, by reason.
    """

    task: str
    title: str
    entity: str
    predicts: str
    horizon_s: float
    score_every_s: float
    version: int
    active: str | None
    standby: str | None
    shadow: str | None
    last_scored_at: datetime | None
    skipped: dict[str, int]

    def lineup(self) -> LineUp:
        """Return the releases at work for it."""
        return LineUp(
            task=self.task,
            active=self.active,
            standby=self.standby,
            shadow=self.shadow,
        )


@click.command("tasks")
@config_option
@state_dir_option
@json_option
def tasks(config_path: Path | None, state_dir: Path | None, as_json: bool) -> None:
    """Show what is predicted on this host, how often, and by which release."""
    with opened(config_path, state_dir) as (config, archive):
        found = at_work(archive, config.tasks)
    if not found:
        say("no task yet: no release was taken in")
    emit(found, as_json=as_json, text=tasks_text(found))


def at_work(archive: Archive, policy: Tasks) -> list[TaskAtWork]:
    """Return every task with a line-up that the site lets run, by name."""
    memories = archive.memories()
    return [
        _task(lineup, manifest, memories.get(lineup.task))
        for lineup in archive.lineups()
        if allows(policy, lineup.task) and (manifest := _leading(archive, lineup))
    ]


def tasks_text(found: list[TaskAtWork]) -> str:
    """Return the tasks as a table; nothing for none."""
    rows = [
        (
            each.task,
            each.version,
            (each.active or "baseline")[:12],
            each.entity,
            duration_text(each.score_every_s),
            each.last_scored_at or _not_yet(each),
            each.predicts.replace(_OF_EACH.format(each.entity), ""),
        )
        for each in found
    ]
    return listing(_HEADER, rows=rows)


def _not_yet(task: TaskAtWork) -> str | None:
    """Return why a task has predicted nothing so far, as far as is committed."""
    if not task.skipped:
        return None
    return f"not yet: {max(task.skipped, key=lambda reason: task.skipped[reason])}"


def predicts(manifest: Manifest) -> str:
    """Return what a task predicts, in a few words."""
    target = manifest.target_text
    if isinstance(target, EventText):
        lasts = f" for {duration_text(target.sustained)}" if target.sustained else ""
        within = duration_text(target.within)
        return f"{target.series} {target.condition}{lasts} within {within}"
    return f"{target.as_} of {target.expression.text} in {duration_text(target.ahead)}"


def _leading(archive: Archive, lineup: LineUp) -> Manifest | None:
    """Return what says what the task is: of a release at work, or of the last one."""
    for _, digest in lineup.roles():
        return parse_manifest(archive.manifest_of(digest))
    last = archive.definition(lineup.task)
    return None if last is None else parse_manifest(archive.manifest_of(last))


def _task(lineup: LineUp, manifest: Manifest, memory: bytes | None) -> TaskAtWork:
    known = Memory() if memory is None else msgspec.json.decode(memory, type=Memory)
    return TaskAtWork(
        task=lineup.task,
        title=manifest.title,
        entity=manifest.entity,
        predicts=predicts(manifest),
        horizon_s=manifest.target.horizon_s,
        score_every_s=manifest.score_every,
        version=manifest.version,
        active=lineup.active,
        standby=lineup.standby,
        shadow=lineup.shadow,
        last_scored_at=known.scored_at,
        skipped=known.skipped,
    )
