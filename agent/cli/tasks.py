"""`forewarn tasks`: what is predicted here, how, and by which release."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, partial
from itertools import compress
from pathlib import Path

import click
import msgspec

from agent.cli.options import config_option, json_option, state_dir_option
from agent.cli.output import Cell, emit, listing, say
from agent.cli.state import opened
from agent.config import Tasks
from agent.core.lineup import LineUp
from agent.core.manifest import EventText, Manifest, parse_manifest
from agent.core.quantity import duration_text
from agent.core.wait import Wait, wait
from agent.flows.memory import Memory
from agent.wiring.reading import Archive
from agent.wiring.scoring import allows

# The longest comes last: where it breaks, nothing beside it does.
_HEADER = (
    "task",
    "version",
    "active",
    "voice",
    "standby",
    "shadow",
    "of each",
    "every",
    "last predicted",
    "predicts",
)
_IF_ANY = {"standby", "shadow"}  # most hosts have neither
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
        is_heard: Whether it was shown to be as good as the baseline, which speaks until
            then; None: there is no model to hear.
        is_pinned: Whether an operator wants it to stay, whatever the evidence says.
        standby: Digest of the one to go back to.
        standby_version: Its version.
        shadow: Digest of the one that scores beside it.
        shadow_version: Its version.
        last_scored_at: When it last predicted, as far as is committed.
        skipped: Entities that were not predicted when it was time, by reason.
        waits_for: The history without which it predicts nothing; None if it is there.
    """

    task: str
    title: str
    entity: str
    predicts: str
    horizon_s: float
    score_every_s: float
    version: int
    active: str | None
    is_heard: bool | None
    is_pinned: bool
    standby: str | None
    standby_version: int | None
    shadow: str | None
    shadow_version: int | None
    last_scored_at: datetime | None
    skipped: dict[str, int]
    waits_for: Wait | None = None

    def lineup(self) -> LineUp:
        """Return the releases at work for it."""
        return LineUp(
            task=self.task,
            active=self.active,
            standby=self.standby,
            shadow=self.shadow,
            is_pinned=self.is_pinned,
        )

    @property
    def voice(self) -> str | None:
        """How far the active release is acted upon; None: there is none to hear."""
        if self.is_heard is None:
            return None
        return f"{'heard' if self.is_heard else 'silent'}{', pinned' * self.is_pinned}"


@click.command("tasks")
@config_option
@state_dir_option
@json_option
def tasks(config_path: Path | None, state_dir: Path | None, as_json: bool) -> None:
    """Show what is predicted on this host, how often, and by which release.

    \b
    Of the column "voice":
      heard   the active release was shown to be as good as the baseline
      silent  not yet shown to be as good as the baseline, which speaks instead
      pinned  an operator wants it to stay, whatever the evidence says

    "standby" is the version to go back to, "shadow" the one that scores beside it.
    A limit of the host's own past is known once enough of that past is there: what a
    new host still waits for is told below the table.
    """  # noqa: D301 - click keeps the lines after a real backspace
    with opened(config_path, state_dir) as (config, archive):
        found = at_work(archive, config.tasks, interval_s=config.agent.interval)
    if not found:
        say("no task yet: no release was taken in")
    emit(found, as_json=as_json, text=tasks_text(found))


def at_work(
    archive: Archive, policy: Tasks, *, interval_s: float | None = None
) -> list[TaskAtWork]:
    """Return every task with a line-up that the site lets run, by name.

    Args:
        archive: The ledger.
        policy: What the site lets run.
        interval_s: Distance between the host's samples; None: what they wait for is
            not asked.
    """
    waiting = _waiting(archive, interval_s=interval_s)
    memories = archive.memories()
    versions = {each.digest: each.version for each in archive.releases()}
    return [
        _task(
            lineup,
            manifest,
            memories.get(lineup.task),
            versions=versions,
            waits_for=waiting(manifest),
        )
        for lineup in archive.lineups()
        if allows(policy, lineup.task) and (manifest := _leading(archive, lineup))
    ]


def tasks_text(found: list[TaskAtWork]) -> str:
    """Return the tasks as a table; nothing for none."""
    rows: list[tuple[Cell, ...]] = [
        (
            each.task,
            each.version,
            (each.active or "baseline")[:12],
            each.voice,
            each.standby_version,
            each.shadow_version,
            each.entity,
            duration_text(each.score_every_s),
            each.last_scored_at or _not_yet(each),
            each.predicts.replace(_OF_EACH.format(each.entity), ""),
        )
        for each in found
    ]
    is_shown = [
        name not in _IF_ANY or any(row[place] is not None for row in rows)
        for place, name in enumerate(_HEADER)
    ]
    header = tuple(compress(_HEADER, is_shown))
    table = listing(header, rows=[tuple(compress(row, is_shown)) for row in rows])
    return "\n".join([table, *filter(None, map(_wait_text, found))])


def _wait_text(task: TaskAtWork) -> str | None:
    """Return what a task waits for, as one line."""
    if task.waits_for is None:
        return None
    wait = task.waits_for
    has = duration_text(wait.has_s) if wait.has_s else "none"
    return (
        f"{task.task} waits for history: needs {duration_text(wait.needs_s)} of "
        f"{wait.series}, has {has}"
    )


def _not_yet(task: TaskAtWork) -> str | None:
    """Return why a task has predicted nothing so far, as far as is committed."""
    if task.waits_for is not None:
        return "not yet: waits for history"
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


def _waiting(
    archive: Archive, *, interval_s: float | None
) -> Callable[[Manifest], Wait | None]:
    """Return what tells what a task waits for; nothing before the first sample."""
    newest = archive.last_sample()
    if newest is None or interval_s is None:
        return lambda _: None
    # Most tasks read back alike, and to count the points of a week takes a while.
    present = cache(archive.present)
    return partial(wait, interval_s=interval_s, until=newest.at, present=present)


def _leading(archive: Archive, lineup: LineUp) -> Manifest | None:
    """Return what says what the task is: of a release at work, or of the last one."""
    for _, digest in lineup.roles():
        return parse_manifest(archive.manifest_of(digest))
    last = archive.definition(lineup.task)
    return None if last is None else parse_manifest(archive.manifest_of(last))


def _task(
    lineup: LineUp,
    manifest: Manifest,
    memory: bytes | None,
    *,
    versions: Mapping[str, int],
    waits_for: Wait | None,
) -> TaskAtWork:
    known = Memory() if memory is None else msgspec.json.decode(memory, type=Memory)
    has_voice = lineup.active is not None and manifest.model is not None
    return TaskAtWork(
        task=lineup.task,
        title=manifest.title,
        entity=manifest.entity,
        predicts=predicts(manifest),
        horizon_s=manifest.target.horizon_s,
        score_every_s=manifest.score_every,
        version=manifest.version,
        active=lineup.active,
        is_heard=lineup.active in known.court.heard if has_voice else None,
        is_pinned=lineup.is_pinned,
        standby=lineup.standby,
        standby_version=versions.get(lineup.standby or ""),
        shadow=lineup.shadow,
        shadow_version=versions.get(lineup.shadow or ""),
        last_scored_at=known.scored_at,
        skipped=known.skipped,
        waits_for=waits_for,
    )
