"""`python -m central.cli.starters OUT_DIR [--data DIR]`: the shipped models, anew."""

import sys
from pathlib import Path
from typing import Final

import click

from agent.errors import ForewarnError
from central.wiring.starters import starters

_DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data"


@click.command()
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=_DATA,
    help="Folder of recorded hosts, with smd/*.parquet; "
    "without it ../shared/data beside the project.",
)
def main(out_dir: Path, data: Path) -> None:
    """Train the starter releases and write one folder a task to OUT_DIR."""
    try:
        for starter in starters(recorded=data / "smd", out=out_dir):
            size = len(starter.files["model.onnx"])
            click.echo(f"{starter.task} {size} bytes")
            for name, found in starter.figures.items():
                click.echo(f"  {name}: {found.document()}")
    except ForewarnError as error:
        click.echo(f"starters: {error}", err=True)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
