"""`forewarn-central approve` and `withdraw`: which release of a task may run."""

from datetime import datetime
from pathlib import Path

import click

from agent.core.pointer import EVERY_HOST
from central.cli.instant import Instant
from central.cli.options import dir_option, json_option
from central.cli.output import emit, end, instant_text, say
from central.core.approval import Wish, share
from central.flows.channel import Approval
from central.wiring import releases

_VERSION = click.IntRange(min=1)


@click.command("approve")
@click.argument("task")
@click.argument("version", type=_VERSION)
@click.option(
    "--percent",
    type=click.IntRange(0, EVERY_HOST),
    help="Share of the fleet; by default what this release has, a new one all of it.",
)
@click.option(
    "--salt", help="Another one draws other hosts; every release has its own."
)
@click.option(
    "--not-before", type=Instant(), metavar="TIME", help="When it begins; ISO 8601."
)
@click.option("--floor", type=_VERSION, help="No version below it may run.")
@click.option(
    "--revoke",
    multiple=True,
    metavar="VERSION|DIGEST",
    help="Another release that may not run any more, for ever; repeatable.",
)
@dir_option
@json_option
@click.pass_context
def approve(
    ctx: click.Context,
    *,
    task: str,
    version: int,
    percent: int | None,
    salt: str | None,
    not_before: datetime | None,
    floor: int | None,
    revoke: tuple[str, ...],
    folder: Path,
    as_json: bool,
) -> None:
    """Let a published release run: VERSION of TASK, on a share of the fleet.

    What is not asked for stays as it was. A version below the one that was approved
    sends hosts back to it.

    Exit status 3: the approval still lacks signatures, and who can give them.
    """
    wish = Wish(percent=percent, salt=salt, not_before=not_before, floor=floor)
    found = releases.approved(
        folder, task=task, version=version, wish=wish, revoke=revoke
    )
    _tell(ctx, found, as_json=as_json)


@click.command("withdraw")
@click.argument("task")
@click.argument("version", type=_VERSION)
@click.option(
    "--to",
    type=_VERSION,
    help="Where hosts go; by default to the newest older one that was approved once.",
)
@dir_option
@json_option
@click.pass_context
def withdraw(
    ctx: click.Context,
    *,
    task: str,
    version: int,
    to: int | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Revoke VERSION of TASK for ever, and send the hosts that run it back.

    Where nothing is left that was approved once, hosts fall to the baseline.

    Exit status 3: it still lacks signatures, and who can give them.
    """
    found = releases.withdrawn(folder, task=task, version=version, to=to)
    _tell(ctx, found, as_json=as_json)


def _tell(ctx: click.Context, found: Approval, *, as_json: bool) -> None:
    for remark in found.remarks:
        say(remark)
    emit(found, as_json=as_json, text=_text(found))
    end(ctx, waiting=found.waiting)


def _text(found: Approval) -> str:
    """Return what holds, in words."""
    pointer = found.pointer
    state = "lacks signatures" if found.waiting else "signed"
    words = f"{share(pointer)} % of hosts"
    if pointer.sha256 in pointer.revoked:
        words = "revoked"
    elif pointer.not_before is not None:
        words += f" from {instant_text(pointer.not_before)} on"
    news = "" if found.is_new else ", as it was"
    return (
        f"{pointer.task} version {pointer.version}: {words}, floor "
        f"{pointer.floor_version}, {len(pointer.revoked)} revoked; serial "
        f"{pointer.serial} {state}{news}"
    )
