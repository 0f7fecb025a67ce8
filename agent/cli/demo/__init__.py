"""`forewarn demo`: the whole loop on this host in a few minutes, nothing staged."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from agent.cli.options import json_option
from agent.cli.output import emit
from agent.errors import ConfigError

# What central and the picture need beside the agent.
_NEEDED: Final = ("rich", "sqlalchemy", "starlette", "uvicorn", "lightgbm", "pyarrow")


@click.command("demo")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep everything in this folder, to look into afterwards.",
)
@click.option("--plain", is_flag=True, help="Lines instead of a live picture.")
@json_option
def demo(keep: Path | None, plain: bool, as_json: bool) -> int:
    """Live through the whole loop here, in three to four minutes.

    A central on loopback, a first release learnt from this host's own outcomes, a bad
    one that is signed and approved and taken back by the guard, a report, a retraining,
    and a better one that earns its place. Every number is read from the ledger. Nothing
    is left running; without --keep nothing is left at all.

    So that there is something to predict, a process opens 50 connections on loopback
    for half a second every two. Horizons, blocks and the times of trial are
    of seconds; the stated chances of error are those of every host.
    """
    _check_installed()
    _check_empty(keep)
    from agent.cli.demo.stage import Stage, ended_by_sigterm  # noqa: PLC0415 - rich is optional
    from agent.cli.demo.story import Story  # noqa: PLC0415
    from agent.cli.demo.view import LiveShow, PlainShow, summary  # noqa: PLC0415

    is_live = sys.stderr.isatty() and not (plain or as_json)
    show: LiveShow | PlainShow = LiveShow() if is_live else PlainShow()
    with ended_by_sigterm(), Stage(keep=keep) as stage, show:
        story = Story(stage, show)
        story.tell()
    rows = [(proof.step, proof.shown, proof.took_s) for proof in story.proofs]
    where = (
        f"everything is in {keep}" if keep else "nothing is left; --keep DIR keeps it"
    )
    emit(story.proofs, as_json=as_json, text="\n".join([*summary(rows), "", where]))
    return 0


def _check_installed() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"demo: needs what central needs, missing here: {', '.join(missing)}; "
            'install "forewarn[central]", or in a clone: make demo'
        )


def _check_empty(keep: Path | None) -> None:
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise ConfigError(f"{keep}: expected an empty folder, or none yet")
