"""`forewarn update`: one run of the courier, now."""

import json
import subprocess
from pathlib import Path
from typing import Any

import click

from agent.cli.options import config_option, json_option, state_dir_option
from agent.cli.output import emit
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
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE)  # noqa: S603
    if not done.stdout:
        return done.returncode
    answer = json.loads(done.stdout)
    result = answer.get("result")
    emit(answer, as_json=as_json, text=_text(result))
    return _REFUSED if result and result["refused"] else done.returncode


def _text(result: dict[str, Any] | None) -> str:
    """Return what came of it in words; nothing for a failure, which was told."""
    if result is None:
        return ""
    lines = [
        f"{each['task']} version {each['version']} taken in as "
        f"{'active' if each['is_active'] else 'shadow'} ({each['digest'][:12]})"
        for each in result["admitted"]
    ]
    lines += [f"{each['task']} refused: {each['reason']}" for each in result["refused"]]
    return "\n".join(lines) or f"nothing new; {len(result['checked'])} tasks on offer"
