"""The command `forewarn-central`: which commands there are, and how a failure ends."""

import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from typing import Any, NamedTuple

import click

from agent import __version__
from agent.errors import ForewarnError

_INTERRUPTED = 130  # 128 and SIGINT, as shells have it
_FOLDER = str(Path(__file__).parents[1])


class Row(NamedTuple):
    """One command: where it lives, and its line in the help."""

    target: str
    summary: str


COMMANDS: Mapping[str, Row] = {
    "init": Row("central.cli.init:init", "Found a signed repository."),
    "task": Row("central.cli.task:task_group", "Add what is predicted."),
    "keys": Row("central.cli.keys:keys_group", "Make, list and change keys."),
    "publish": Row("central.cli.publish:publish", "Try and sign a release."),
    "samples": Row("central.cli.samples:samples_group", "Show what to learn from."),
    "retrain": Row("central.cli.retrain:retrain", "Make a better release."),
    "approve": Row("central.cli.approve:approve", "Let a release run."),
    "withdraw": Row("central.cli.approve:withdraw", "Take a release back for ever."),
    "verify": Row("central.cli.verify:verify", "Look at it all as an agent does."),
    "sign": Row("central.cli.sign:sign", "Sign what is pending."),
    "refresh": Row("central.cli.refresh:refresh", "Sign anew what soon expires."),
    "log": Row("central.cli.log:log", "Show who did what, and on what evidence."),
    "tasks": Row("central.cli.tasks:tasks", "Show what is predicted."),
    "fleet": Row("central.cli.fleet:fleet", "Show which releases run where."),
    "inspect": Row("central.cli.inspect:inspect", "Show where a release is from."),
    "autopilot": Row("central.cli.autopilot:autopilot_group", "Retrain, roll out."),
    "rollout": Row("central.cli.autopilot:rollout", "Roll a release out in rings."),
    "serve": Row("central.cli.serve:serve", "Serve files, take reports in."),
    "hosts": Row("central.cli.hosts:hosts_group", "Show, enrol and revoke hosts."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not to be listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module; None: there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the table, importing none of it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row.summary) for name, row in COMMANDS.items()])


@click.group(
    "forewarn-central",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def forewarn_central() -> None:
    """Publish signed models to a fleet."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status as in docs/reference/commands.md.

    As the agent's: a command ends well by returning, otherwise by raising a
    `ForewarnError` or by `Context.exit`. What nobody foresaw is told in one line, too.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result: Any = forewarn_central.main(
            args=given, prog_name="forewarn-central", standalone_mode=False
        )
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the top of the job
        return _failed(error, as_json="--json" in given)
    return result if isinstance(result, int) else 0


def _failed(error: Exception, *, as_json: bool) -> int:
    """Tell on stderr what went wrong, on stdout as JSON if asked; return the status."""
    words, status = _told(error)
    if isinstance(error, click.ClickException):
        error.show()
    else:
        click.echo(f"forewarn-central: {words}", err=True)
    if as_json:
        click.echo(json.dumps({"error": words, "status": status}, ensure_ascii=False))
    return status


def _told(error: Exception) -> tuple[str, int]:
    """Return what went wrong, and the exit status."""
    match error:
        case ForewarnError():
            return str(error), error.exit_status
        case click.ClickException():
            return error.format_message(), error.exit_code
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return f"{where}{error.strerror or error}", ForewarnError.exit_status
        case _:
            return _unforeseen(error), ForewarnError.exit_status


def _unforeseen(error: Exception) -> str:
    """Return what a person can report: the error and the last of our own lines."""
    ours = [f for f in extract_tb(error.__traceback__) if _FOLDER in f.filename]
    at = f" at {ours[-1].name} in {ours[-1].filename}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}: {error}{at}; this is a bug, please report it"
