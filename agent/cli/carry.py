"""`forewarn export`: what waits for central, in a file; and the receipt for it."""

from pathlib import Path

import click

from agent.cli.options import (
    check_folder,
    config_option,
    json_option,
    settings,
    state_dir_option,
)
from agent.cli.output import emit, say
from agent.wiring.courier import CourierSettings, courier_settings
from agent.wiring.reporting import clock, exported, receipt_taken

# Some 100 bytes a report, of which some thousands may wait.
_MOST_BYTES = 10_000_000


@click.command("export")
@click.argument("place", type=click.Path(path_type=Path), metavar="FILE|DIR")
@config_option
@state_dir_option
@json_option
def export(
    place: Path, config_path: Path | None, state_dir: Path | None, as_json: bool
) -> None:
    """Write what this host has to tell to an archive, to be carried to central.

    The reports in it wait on until `forewarn import RECEIPT` has brought back what
    `forewarn-central hosts receive` gave for them. The file is written whole or not at
    all; in a folder it gets a name of its own.
    """
    given = _given(config_path, state_dir)
    done = exported(given, now=clock().now(), to=place.absolute())
    if done.path is None:
        say("nothing waits for central, so nothing was written")
    text = f"{len(done.sequences)} reports in {done.path}" if done.path else ""
    emit(done, as_json=as_json, text=text)


def receipt_in(path: Path) -> bytes | None:
    """Return a receipt of central's; None: a file or folder holds something else."""
    try:
        with path.open("rb") as file:
            begin = file.read(_MOST_BYTES + 1)
    except OSError:
        return None
    is_document = begin.lstrip()[:1] == b"{" and len(begin) <= _MOST_BYTES
    return begin if is_document else None


def take_receipt(
    receipt: bytes, config_path: Path | None, state_dir: Path | None, *, as_json: bool
) -> None:
    """Delete what a receipt acknowledges, and say what that was.

    Raises:
        ReportError: It is no receipt for what waits here; nothing was deleted.
    """
    given = _given(config_path, state_dir)
    done = receipt_taken(given, now=clock().now(), receipt=receipt)
    text = f"{len(done.acknowledged)} reports acknowledged, {done.waiting} wait"
    emit(done, as_json=as_json, text=text)


def _given(config_path: Path | None, state_dir: Path | None) -> CourierSettings:
    check_folder(settings(config_path, state_dir=state_dir))
    return courier_settings(
        config_path=config_path,
        state_dir=state_dir,
        is_standalone=False,
        needs_source=False,
    )
