"""`forewarn-central hosts [join-token | revoke | receive]`."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click

from agent.core.quantity import duration_s
from central.cli.options import dir_option, json_option
from central.cli.output import (
    FINDINGS,
    emit,
    instant_text,
    printable,
    say,
    table,
)
from central.wiring.hosts import (
    KnownHost,
    known_hosts,
    new_join_token,
    received,
    revoke,
)

_HEADER = ("host", "name", "labels", "agent", "last report", "number", "holes", "is")
_FILE = click.Path(dir_okay=False, path_type=Path)


class Span(click.ParamType[timedelta]):
    """A number and a unit, as in `1d`."""

    name = "span"

    def convert(
        self,
        value: str | timedelta,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> timedelta:
        """Return how long that is."""
        if isinstance(value, timedelta):
            return value
        try:
            return timedelta(seconds=duration_s(value))
        except ValueError as error:
            self.fail(str(error))


@click.group("hosts", invoke_without_command=True)
@dir_option
@json_option
@click.pass_context
def hosts_group(ctx: click.Context, folder: Path, as_json: bool) -> None:
    """Show which hosts report, and say which may."""
    if ctx.invoked_subcommand is None:
        found = known_hosts(folder)
        emit(found, as_json=as_json, text=_text(found))


@hosts_group.command("join-token")
@click.option(
    "--uses",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="So many hosts may enrol with it.",
)
@click.option(
    "--expires",
    "lasts",
    type=Span(),
    default="1d",
    show_default=True,
    help="After this it lets nobody in.",
)
@click.option("--name", default="", help="What it is for, to tell it from others.")
@click.option(
    "--host",
    "host_id",
    metavar="ID",
    help="Lets only this host enrol, also one that is enrolled already or revoked.",
)
@dir_option
@json_option
def join_token(
    *,
    uses: int,
    lasts: timedelta,
    name: str,
    host_id: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Make a token with which hosts enrol: `forewarn enroll` asks for it.

    It is shown this once; only its hash is kept. Whoever has it can enrol as any host
    that is not enrolled yet, so give it few uses and a short life. Without --host it
    lets in nobody who is enrolled, unless that host shows the token that it has; and
    nobody who was revoked.
    """
    made = new_join_token(folder, name=name, uses=uses, lasts=lasts, host_id=host_id)
    emit(made, as_json=as_json, text=made.token)
    whom = f"{uses} host(s)" if host_id is None else f"host {host_id}"
    say(f"lets {whom} enrol until {instant_text(made.expires_at)}")


@hosts_group.command("revoke")
@click.argument("host_id")
@dir_option
@json_option
def revoke_command(host_id: str, folder: Path, as_json: bool) -> None:
    """Let a host in no more, by token or certificate; what it reported stays."""
    was_known = revoke(folder, host_id)
    emit({"revoked": host_id}, as_json=as_json, text=f"revoked {host_id}")
    if not was_known:
        say(f"no host {host_id} ever enrolled or reported here; is its id right?")


@hosts_group.command("receive")
@click.argument("archive", type=_FILE, metavar="FILE")
@click.option(
    "--receipt",
    type=_FILE,
    help="Where the receipt goes.  [default: FILE.receipt.json]",
)
@dir_option
@json_option
@click.pass_context
def receive_command(
    ctx: click.Context, archive: Path, receipt: Path | None, folder: Path, as_json: bool
) -> None:
    """Take in reports that `forewarn export` wrote on a host without a network.

    The receipt goes back to that host: `forewarn import RECEIPT` lets it delete what is
    here for good. No token is in the file: who brings it answers for it.
    """
    place = receipt or archive.with_name(archive.name + ".receipt.json")
    done = received(folder, archive, receipt=place)
    count = len(done.receipt.received)
    text = f"{count} reports of {done.receipt.host_id}, {done.new} of them new"
    emit(done, as_json=as_json, text=text)
    say(f"the receipt for the host is {place}")
    for each in done.turned:
        say(printable(f"{each.file}: {each.answer.verdict}: {each.answer.reason}"))
    if done.turned:
        ctx.exit(FINDINGS)


def _text(found: Sequence[KnownHost]) -> str:
    if not found:
        return "no host has enrolled or reported yet"
    return table(_HEADER, rows=map(_cells, found))


def _cells(host: KnownHost) -> tuple[object, ...]:
    row = host.row
    labels = ",".join(f"{name}={value}" for name, value in sorted(row.labels.items()))
    holes = ",".join(
        str(first) if first == last else f"{first}-{last}" for first, last in row.holes
    )
    return (
        row.host_id,
        row.host_name,
        labels or None,
        row.agent or None,
        row.reported_at,
        row.received_through or None,
        holes or None,
        host.standing,
    )
