"""`forewarn quarantine`: what this host does not run again, and the way back."""

from datetime import datetime
from pathlib import Path

import click
import msgspec

from agent.adapters.store.answers import Admitted, Recorded
from agent.cli.naming import NUMBER, check_version
from agent.cli.options import config_option, json_option, state_dir_option
from agent.cli.output import emit, listing, say
from agent.cli.requests import carried_out, wish
from agent.cli.state import opened
from agent.core.event import AUDIT, EventName
from agent.core.release import QUARANTINED, ReleaseState
from agent.core.request import Verb
from agent.wiring.reading import Archive

# What failed its trial never had a life; that event is not kept for ever.
_TOLD = AUDIT | {EventName.RELEASE_REFUSED}
_HEADER = ("task", "version", "release", "state", "since", "why")


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """A release that this host does not run again.

    Attributes:
        since: When the newest event about it was; None: none is kept.
        why: What that event says; None as well.
    """

    task: str
    version: int
    digest: str
    state: ReleaseState
    since: datetime | None
    why: str | None


@click.group("quarantine")
def quarantine() -> None:
    """Show what is in quarantine, or let a version out of it."""


@quarantine.command("list", short_help="List what this host does not run again.")
@config_option
@state_dir_option
@json_option
def list_(config_path: Path | None, state_dir: Path | None, as_json: bool) -> None:
    """List the releases that this host does not run again, and why."""
    with opened(config_path, state_dir) as (_, archive):
        found = _quarantined(archive)
    rows = [
        (each.task, each.version, each.digest[:12], each.state, each.since, each.why)
        for each in found
    ]
    if not found:
        say("nothing is in quarantine")
    emit(found, as_json=as_json, text=listing(_HEADER, rows=rows))


@quarantine.command("clear", short_help="Let a version out of quarantine.")
@click.argument("task", metavar="TASK")
@click.argument("version", type=NUMBER, metavar="VERSION")
@config_option
@state_dir_option
@json_option
def clear(
    task: str,
    version: int,
    config_path: Path | None,
    state_dir: Path | None,
    as_json: bool,
) -> int:
    """Let a VERSION of TASK out of quarantine; the next update may take it in again.

    Exit status 1 if it is turned down, 75 if the daemon has not answered in time.
    """
    with opened(config_path, state_dir) as (config, archive):
        check_version(archive, task, version=version)
    asked_for = wish(Verb.CLEAR, task=task, version=version)
    return carried_out(asked_for, config, as_json=as_json)


def _quarantined(archive: Archive) -> list[Quarantined]:
    kept = [each for each in archive.releases() if each.state in QUARANTINED]
    events = archive.history(names=_TOLD) if kept else []
    return [_entry(each, events) for each in kept]


def _entry(each: Admitted, events: list[Recorded]) -> Quarantined:
    told = next((event for event in events if _is_about(event, each)), None)
    return Quarantined(
        task=each.task,
        version=each.version,
        digest=each.digest,
        state=each.state,
        since=None if told is None else told.at,
        why=None if told is None else str(told.fields.get("reason") or told.name),
    )


def _is_about(event: Recorded, release: Admitted) -> bool:
    if event.name == EventName.RELEASE_REFUSED:
        # It names the task alone, and was told in the instant of the trial.
        is_same_instant = event.at == release.admitted_at
        return is_same_instant and event.fields.get("task") == release.task
    return event.fields.get("digest") == release.digest[:12]
