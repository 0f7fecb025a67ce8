"""The command `forewarn`: which commands there are, and how a failure ends."""

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
    "demo": Row("agent.cli.demo:demo", "Live through the whole loop, here and now."),
    "run": Row("agent.cli.run:run", "Run the agent in the foreground."),
    "status": Row(
        "agent.cli.status:status", "Show what is not well, and how the forecasts do."
    ),
    "tasks": Row("agent.cli.tasks:tasks", "Show what is predicted, and by which."),
    "releases": Row("agent.cli.releases:releases", "Show the releases of this host."),
    "predictions": Row("agent.cli.predictions:predictions", "List predictions."),
    "outcomes": Row("agent.cli.outcomes:outcomes", "List what came of predictions."),
    "explain": Row("agent.cli.explain:explain", "Show why a prediction is what it is."),
    "history": Row("agent.cli.history:history", "List what became of releases."),
    "rollback": Row(
        "agent.cli.requests:rollback", "Take the active release of a task off."
    ),
    "pin": Row("agent.cli.requests:pin", "Have a version acted upon, come what may."),
    "unpin": Row("agent.cli.requests:unpin", "Let the evidence decide again."),
    "label": Row("agent.cli.requests:label_", "Say what came of a prediction."),
    "quarantine": Row(
        "agent.cli.quarantine:quarantine", "Show what must not run here, or clear it."
    ),
    "metrics": Row("agent.cli.metrics:metrics", "List the metrics and their values."),
    "replay": Row("agent.cli.replay:replay_command", "Run over recorded metrics."),
    "backtest": Row("agent.cli.backtest:backtest", "Judge releases on recorded hosts."),
    "record": Row("agent.cli.record:record_command", "Write metrics to a trace."),
    "update": Row("agent.cli.update:update", "Look for a new release now."),
    "report": Row("agent.cli.reports:report", "Tell central now, or show what it is."),
    "qualify": Row("agent.cli.qualify:qualify", "Try a model as an update would."),
    "import": Row(
        "agent.cli.update:import_", "Take in what was carried here from central."
    ),
    "export": Row("agent.cli.carry:export", "Write reports to a file, for central."),
    "enroll": Row("agent.cli.enroll:enroll", "Make this host one of a central's."),
    "config": Row("agent.cli.config:config_group", "Check or show the configuration."),
}

# Not for people: found by its name, listed nowhere.
_HIDDEN: Mapping[str, Row] = {
    "tuf-conformance": Row(
        "agent.cli.conformance:tuf_conformance", "Answer the public suite of TUF."
    ),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not to be listed.

    numpy and ONNX Runtime take longer to import than most commands take to run.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module; None: there is no such command."""
        row = COMMANDS.get(cmd_name) or _HIDDEN.get(cmd_name)
        if row is None:
            return None
        module, _, attribute = row.target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the table, importing none of it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row.summary) for name, row in COMMANDS.items()])


@click.group(
    "forewarn", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def forewarn() -> None:
    """Predict trouble on this host from its own metrics, and keep score."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status as in docs/reference/commands.md.

    A command ends well by returning, otherwise by raising a `ForewarnError` or by
    `Context.exit`. A reader who left early (`| head`) is no failure to speak of. What
    nobody foresaw is told in one line, too, with the place to look at.
    """
    try:
        result: Any = forewarn.main(
            args=None if arguments is None else list(arguments),
            prog_name="forewarn",
            standalone_mode=False,
        )
    except Exception as error:  # noqa: BLE001 - the top of the job
        return _failed(error)
    return result if isinstance(result, int) else 0


def _failed(error: Exception) -> int:
    """Tell on stderr what went wrong, and return the exit status."""
    status = ForewarnError.exit_status
    match error:
        case ForewarnError():
            words, status = str(error), error.exit_status
        case click.Abort():
            return _INTERRUPTED
        case click.ClickException():
            error.show()
            return error.exit_code
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            words = f"{where}{error.strerror or error}"
        case _:
            words = _unforeseen(error)
    click.echo(f"forewarn: {words}", err=True)
    return status


def _unforeseen(error: Exception) -> str:
    """Return what a person can report: the error and the last of our own lines."""
    ours = [f for f in extract_tb(error.__traceback__) if _FOLDER in f.filename]
    at = f" at {ours[-1].name} in {ours[-1].filename}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}: {error}{at}; this is a bug, please report it"
