"""`forewarn rollback`, `pin`, `unpin`, `label`: what an operator wants of the guard."""

from pathlib import Path
from typing import Any

import click

from agent.cli.naming import NUMBER, check_moment, check_task, check_version
from agent.cli.options import config_option, json_option, state_dir_option
from agent.cli.output import emit, say
from agent.cli.state import opened
from agent.config import Config
from agent.core.request import Label, Request, Verb
from agent.wiring.asking import Asked, asked, operator
from agent.wiring.scoring import clock

_TURNED_DOWN = 1
_NOT_YET = 75


@click.command("rollback")
@click.argument("task", metavar="TASK")
@config_option
@state_dir_option
@json_option
def rollback(
    task: str, config_path: Path | None, state_dir: Path | None, as_json: bool
) -> int:
    """Take the active release of TASK off this host for good.

    The standby is acted upon at once; where there is none, the baseline is. The release
    that left is in quarantine: `forewarn quarantine clear` lets it back in.

    Exit status 1 if it is turned down, 75 if the daemon has not answered in time.
    """
    with opened(config_path, state_dir) as (config, archive):
        check_task(archive, task)
    return carried_out(wish(Verb.ROLLBACK, task=task), config, as_json=as_json)


@click.command("pin")
@click.argument("task", metavar="TASK")
@click.argument("version", type=NUMBER, metavar="VERSION")
@config_option
@state_dir_option
@json_option
def pin(
    task: str,
    version: int,
    config_path: Path | None,
    state_dir: Path | None,
    as_json: bool,
) -> int:
    """Have a VERSION of TASK acted upon, whatever the evidence says.

    It must be in the line-up: active, standby or shadow. The guard goes on to judge;
    what it would do stands in `forewarn status` and `forewarn history`.

    Exit status 1 if it is turned down, 75 if the daemon has not answered in time.
    """
    with opened(config_path, state_dir) as (config, archive):
        check_version(archive, task, version=version)
    asked_for = wish(Verb.PIN, task=task, version=version)
    return carried_out(asked_for, config, as_json=as_json)


@click.command("unpin")
@click.argument("task", metavar="TASK")
@config_option
@state_dir_option
@json_option
def unpin(
    task: str, config_path: Path | None, state_dir: Path | None, as_json: bool
) -> int:
    """Let the evidence decide on the releases of TASK again.

    Exit status 1 if it is turned down, 75 if the daemon has not answered in time.
    """
    with opened(config_path, state_dir) as (config, archive):
        check_task(archive, task)
    return carried_out(wish(Verb.UNPIN, task=task), config, as_json=as_json)


@click.command("label")
@click.argument("moment", type=NUMBER, metavar="ID")
@click.argument("label", type=click.Choice([each.value for each in Label]))
@config_option
@state_dir_option
@json_option
def label_(
    moment: int,
    label: str,
    config_path: Path | None,
    state_dir: Path | None,
    as_json: bool,
) -> int:
    """Say what came of prediction ID, where the samples do not tell.

    \b
    averted   somebody acted on it: it counts neither way
    happened  it came true, although it was not seen
    void      it means nothing

    ID is the number that `forewarn predictions` lists.

    Exit status 1 if it is turned down, 75 if the daemon has not answered in time.
    """  # noqa: D301 - click keeps the lines after a real backspace
    with opened(config_path, state_dir) as (config, archive):
        check_moment(archive, moment)
    asked_for = wish(Verb.LABEL, moment=moment, label=Label(label))
    return carried_out(asked_for, config, as_json=as_json)


def wish(verb: Verb, **fields: Any) -> Request:  # noqa: ANN401 - as Request has them
    """Return a request of the user who runs this command, as of now."""
    return Request(at=clock().now(), by=operator(), verb=verb, **fields)


def carried_out(request: Request, config: Config, *, as_json: bool) -> int:
    """Ask the daemon, print what it answers, and return the exit status.

    0: it is done, or kept for a daemon that does not run yet. 1: it was turned down.
    75: the daemon has not answered in time; it still will.
    """
    agent = config.agent
    found = asked(request, state_dir=agent.state_dir, interval_s=agent.interval)
    told = {"request": found.request, "answer": found.answer}
    if found.answer is not None and found.answer.is_done:
        emit(told, as_json=as_json, text=found.answer.words)
        return 0
    say(_words(found))
    emit(told, as_json=as_json, text="")
    if found.answer is not None:
        return _TURNED_DOWN
    return _NOT_YET if found.is_heard else 0


def _words(found: Asked) -> str:
    """Return why a request is not done."""
    if found.answer is not None:
        return found.answer.words
    if found.is_heard:
        return (
            f"request {found.request} is kept, but the daemon has not answered yet: it "
            "is carried out at its next tick; see `forewarn history`"
        )
    return (
        f"request {found.request} is kept; no daemon runs here: it is carried out when "
        "one starts"
    )
