"""`forewarn-central verify`: a published repository, as an agent finds it."""

from datetime import datetime
from pathlib import Path

import click
import msgspec

from agent.core.trust import SignedRole
from central.cli.instant import Instant
from central.cli.options import dir_option, json_option
from central.cli.output import FINDINGS, emit, say, table
from central.core.inspection import TaskStanding
from central.wiring.releases import inspected
from central.wiring.repository import present

_DAY_S = 86_400


@click.command("verify")
@click.argument(
    "mirror",
    metavar="[FOLDER]",
    required=False,
    type=click.Path(file_okay=False, path_type=Path),
)
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The root that agents trust; by default the repository's own first one.",
)
@click.option(
    "--now",
    type=Instant(),
    metavar="TIME",
    help="Look as of then, instead of the present; ISO 8601.",
)
@dir_option
@json_option
@click.pass_context
def verify(
    ctx: click.Context,
    *,
    mirror: Path | None,
    folder: Path,
    root: Path | None,
    now: datetime | None,
    as_json: bool,
) -> None:
    """Walk through a whole published repository as an agent would.

    FOLDER is a mirror of what central serves; without it, central's own. Every role
    is verified, every signed file read to its last byte, every approval followed to
    its model.

    Exit status 3: an agent would refuse something; it is named on stderr.
    """
    at = now or present()
    found = inspected(mirror or folder, root=root, now=at)
    for finding in found.findings:
        say(finding)
    for warning in found.warnings:
        say(f"warning: {warning}")
    text = "\n\n".join(filter(None, [_roles(found.roles, at), _tasks(found.tasks)]))
    emit(msgspec.to_builtins(found), as_json=as_json, text=text)
    if found.findings:
        ctx.exit(FINDINGS)


def _roles(roles: tuple[SignedRole, ...], now: datetime) -> str:
    header = ("role", "version", "expires", "days left", "keys", "threshold")
    rows = [
        (
            role.name,
            role.version,
            role.expires,
            int((role.expires - now).total_seconds() // _DAY_S),
            len(role.keyids),
            role.threshold,
        )
        for role in roles
    ]
    return table(header, rows=rows) if rows else ""


def _tasks(tasks: tuple[TaskStanding, ...]) -> str:
    header = ("task", "version", "percent", "state", "published")
    rows = [
        (
            task.task,
            task.version,
            task.percent,
            task.state,
            " ".join(map(str, task.published)) or None,
        )
        for task in tasks
    ]
    return table(header, rows=rows) if rows else ""
