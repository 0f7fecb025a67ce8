"""`forewarn update` and `forewarn import`: one run of the courier, now."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from agent.cli.carry import receipt_in, take_receipt
from agent.cli.couriers import answer_of
from agent.cli.options import config_option, json_option, state_dir_option
from agent.cli.output import emit, say
from agent.wiring.courier import courier_command

_REFUSED = 3


@click.command("update")
@config_option
@state_dir_option
@click.option("--standalone", is_flag=True, help="From this host's own repository.")
@json_option
def update(
    config_path: Path | None, state_dir: Path | None, standalone: bool, as_json: bool
) -> int:
    """Look for new releases now; a running daemon takes them up at its next tick.

    Exit status 3 if an offer was refused, 69 or 75 if the repository is not to be had.
    """
    command = courier_command(
        config_path=config_path, state_dir=state_dir, is_standalone=standalone
    )
    return _ran(command, as_json=as_json)


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path), metavar="DIR|TAR|RECEIPT")
@config_option
@state_dir_option
@json_option
def import_(
    source: Path, config_path: Path | None, state_dir: Path | None, as_json: bool
) -> int:
    """Take in what was carried here from central: a repository, or a receipt.

    A repository is copied first, and verified against central.trust_root like
    everything that comes over the network. Exit status 3 if an offer was refused.

    A receipt is what central gives for a file of `forewarn export`: the reports that it
    names are deleted here. One for another host, or for other reports, is refused.
    """
    receipt = receipt_in(source)
    if receipt is not None:
        take_receipt(receipt, config_path, state_dir, as_json=as_json)
        return 0
    command = courier_command(
        config_path=config_path,
        state_dir=state_dir,
        is_standalone=False,
        job="import",
        source=source.absolute(),
    )
    return _ran(command, as_json=as_json)


def _ran(command: Sequence[str], *, as_json: bool) -> int:
    """Run the courier, print what came of it, and return the exit status."""
    answer = answer_of(command)
    result = answer.result
    if result is None:
        say(f"forewarn: {answer.document['error']}")
        emit(answer.document, as_json=as_json, text="")
        return answer.status
    for each in result["refused"]:
        say(f"{each['task']} refused: {each['reason']}")
    for each in result["withdrawn"]:
        say(f"{each['task']} version {each['version']} withdrawn: {each['reason']}")
    emit(answer.document, as_json=as_json, text=_text(result))
    return _REFUSED if result["refused"] else answer.status


def _text(result: dict[str, Any]) -> str:
    """Return what was taken in, in words."""
    lines = [
        f"{each['task']} version {each['version']} taken in as "
        f"{'active' if each['is_active'] else 'shadow'} ({each['digest'][:12]})"
        for each in result["admitted"]
    ]
    lines += [
        f"{each['task']} version {each['version']} is held back: {each['reason']}"
        for each in result["held_back"]
    ]
    lines += [f"model {digest[:12]} fetched again" for digest in result["restored"]]
    count = len(result["checked"])
    return "\n".join(lines) or f"nothing new; {count} task{'s'[: count != 1]} on offer"
