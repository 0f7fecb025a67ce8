"""`python -m central.cli.starters OUT_DIR [--data DIR]`: the shipped models, anew."""

import sys
from pathlib import Path
from typing import Final

import click

from agent.errors import ForewarnError
from central.wiring.starters import TASKS, starters

_DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data"


@click.command()
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=_DATA,
    help="Folder of recorded hosts, with smd/*.parquet and azure/*.parquet; "
    "without it ../shared/data beside the project.",
)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    type=click.Choice(TASKS),
    help="Only this task; may be repeated.",
)
def main(out_dir: Path, data: Path, tasks: tuple[str, ...]) -> None:
    """Train the starter releases and write one folder a task to OUT_DIR."""
    only = frozenset(tasks) or None
    try:
        for starter in starters(recorded=data, out=out_dir, step=_told, only=only):
            _told("")
            size = len(starter.files["model.onnx"])
            click.echo(f"{starter.task} {size} bytes")
            for name, found in starter.figures.items():
                click.echo(f"  {name}: {found.document()}")
    except ForewarnError as error:
        click.echo(f"starters: {error}", err=True)
        sys.exit(error.exit_status)


def _told(words: str) -> None:
    """Say on a terminal what is being done, in one line that the next one replaces."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{words}", nl=False, err=True)


if __name__ == "__main__":
    main()
