"""`forewarn update` and `forewarn import`: one run of the courier, now."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from agent.cli.options import config_option, json_option, state_dir_option
from agent.cli.output import emit, say
from agent.errors import UnavailableError
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
@click.argument("source", type=click.Path(path_type=Path), metavar="DIR|TAR")
@config_option
@state_dir_option
@json_option
def import_(
    source: Path, config_path: Path | None, state_dir: Path | None, as_json: bool
) -> int:
    """Take releases from a repository that was carried here, as from central.

    It is copied first, and verified against central.trust_root like everything that
    comes over the network. Exit status 3 if an offer was refused.
    """
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
    done = subprocess.run(  # noqa: S603 - our own program
        command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if not done.stdout:
        raise _died(done)
    answer = json.loads(done.stdout)
    result = answer.get("result")
    if result is None:
        say(f"forewarn: {answer['error']}")
        emit(answer, as_json=as_json, text="")
        return done.returncode
    for each in result["refused"]:
        say(f"{each['task']} refused: {each['reason']}")
    for each in result["withdrawn"]:
        say(f"{each['task']} version {each['version']} withdrawn: {each['reason']}")
    emit(answer, as_json=as_json, text=_text(result))
    return _REFUSED if result["refused"] else done.returncode


def _died(done: "subprocess.CompletedProcess[str]") -> UnavailableError:
    """Return what to say of a courier that gave no answer: its own last words."""
    words = (done.stderr.strip() or "it said nothing").splitlines()[-1]
    return UnavailableError(f"the courier died with status {done.returncode}: {words}")


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
