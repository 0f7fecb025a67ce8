"""`forewarn report`: what goes upstream, now; and what would, to the letter."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from agent.cli.couriers import answer_of
from agent.cli.options import (
    check_folder,
    config_option,
    json_option,
    settings,
    state_dir_option,
)
from agent.cli.output import Cell, emit, listing, say
from agent.config import Config
from agent.core.envelope import Envelope
from agent.core.packing import packed
from agent.core.quantity import size_text
from agent.core.reporting import cost
from agent.ports.reporting import Parcel, SetAside
from agent.wiring.courier import courier_command
from agent.wiring.cutting import opened_spool, previewed, sender
from agent.wiring.reading import spool_at
from agent.wiring.scoring import clock

_REFUSED = 3
_EVERYTHING = 2**31
_HEADER = ("report", "written", "bytes", "state", "why")


@click.group("report", invoke_without_command=True)
@config_option
@state_dir_option
@json_option
@click.pass_context
def report(
    context: click.Context,
    config_path: Path | None,
    state_dir: Path | None,
    as_json: bool,
) -> int | None:
    """Report to central now, all that waits, and say what became of it.

    The daemon reports by itself each central.report_every. Exit status 3 if central
    refused a report for good, 69 or 75 if it is not to be had, 78 if it does not let
    this host in; what was not acknowledged waits.
    """
    if context.invoked_subcommand is not None:
        return None
    command = courier_command(
        config_path=config_path,
        state_dir=state_dir,
        is_standalone=False,
        job="report",
        is_asked=True,
    )
    answer = answer_of(command)
    if answer.result is None:
        say(f"forewarn: {answer.document['error']}")
        emit(answer.document, as_json=as_json, text="")
        return answer.status
    sent = answer.result["sent"] or {}
    for each in sent.get("set_aside", ()):
        say(f"report {each['sequence']} refused for good: {each['reason']}")
    if sent.get("later"):
        say(f"forewarn: {_later_text(sent['later'])}")
    emit(answer.document, as_json=as_json, text=_text(answer.result))
    return answer.status or (_REFUSED if sent.get("set_aside") else 0)


@report.command("preview", short_help="Show the very bytes that would leave.")
@config_option
@state_dir_option
@json_option
def preview(config_path: Path | None, state_dir: Path | None, as_json: bool) -> None:
    """Show what a report would say if it were cut now; nothing is written or sent.

    With --json these are the very bytes, before they are packed; without, the same on
    many lines.
    """
    with _opened(config_path, state_dir) as config:
        state = config.agent.state_dir
        with opened_spool(state) as spool:
            envelope = previewed(state, spool, host=sender(config), now=clock().now())
    if envelope is None:
        say('sharing.level is "nothing": no report leaves this host')
        return
    document = msgspec.json.encode(envelope)
    for words in _words(envelope, document, level=config.sharing.level):
        say(words)
    shown = document if as_json else msgspec.json.format(document, indent=2)
    click.echo(shown.decode())


@report.command("list", short_help="List the reports that wait, or were refused.")
@config_option
@state_dir_option
@json_option
def list_(config_path: Path | None, state_dir: Path | None, as_json: bool) -> None:
    """List the reports that wait for central, and those that it refused for good."""
    with (
        _opened(config_path, state_dir) as config,
        spool_at(config.agent.state_dir) as spool,
    ):
        found = [
            *[_row(each) for each in spool.waiting(limit=_EVERYTHING)],
            *[_row(each.parcel, aside=each) for each in spool.aside()],
        ]
    if not found:
        say("no report waits, and none was refused")
    keys = ("sequence", "at", "bytes", "state", "reason")
    data = [dict(zip(keys, row, strict=True)) for row in found]
    emit(data, as_json=as_json, text=listing(_HEADER, rows=found))


@contextmanager
def _opened(config_path: Path | None, state_dir: Path | None) -> Iterator[Config]:
    loaded = settings(config_path, state_dir=state_dir)
    check_folder(loaded)
    yield loaded.config


def _row(parcel: Parcel, *, aside: SetAside | None = None) -> tuple[Cell, ...]:
    return (
        parcel.sequence,
        parcel.at,
        len(parcel.body),
        "waiting" if aside is None else "refused",
        None if aside is None else aside.reason,
    )


def _words(envelope: Envelope, document: bytes, *, level: str) -> Iterator[str]:
    """Yield what there is to say of a report that would leave."""
    yield (
        f'report {envelope.sequence}, sharing.level "{level}": '
        f"{size_text(len(document))}, packed {size_text(len(packed(document)))}"
    )
    rows = () if envelope.labelled is None else envelope.labelled.rows
    if rows:
        each = sum(map(cost, rows)) / len(rows)
        yield f"{len(rows)} labelled rows, {size_text(each)} each before packing"


def _text(result: dict[str, Any]) -> str:
    """Return what became of the reports, in words."""
    sent, waits = result["sent"] or {}, result["waiting"]
    numbers = ", ".join(map(str, sent.get("sent", ()))) or "none"
    waiting = (
        f"{waits['waiting']} wait, {size_text(waits['waiting_bytes'])}"
        if waits["waiting"]
        else "none waits"
    )
    return f"sent: {numbers}; {waiting}"


def _later_text(later: dict[str, Any]) -> str:
    after_s = later["after_s"]
    asked = "" if after_s is None else f"; it asks for {after_s:g} s of rest"
    return f"{later['reason']}{asked}"
