"""`forewarn tuf-conformance`: speaks what the public conformance suite speaks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from agent.errors import ForewarnError
from agent.wiring import conformance
from agent.wiring.conformance import Request

_FOLDER = click.Path(path_type=Path)


@click.group("tuf-conformance")
@click.option("--metadata-dir", type=_FOLDER, required=True)
@click.option("--metadata-url", default="")
@click.option("--target-name", "names", multiple=True)
@click.option("--target-dir", type=_FOLDER, default=".")
@click.option("--target-base-url", "targets_url", default="")
@click.pass_context
def tuf_conformance(
    ctx: click.Context,
    metadata_dir: Path,
    metadata_url: str,
    names: tuple[str, ...],
    target_dir: Path,
    targets_url: str,
) -> None:
    """Run this agent's client of The Update Framework alone."""
    ctx.obj = Request(
        metadata_dir=metadata_dir,
        metadata_url=metadata_url,
        targets_url=targets_url,
        names=names,
        target_dir=target_dir,
    )


@tuf_conformance.command()
@click.argument("root", type=_FOLDER)
@click.pass_obj
def init(request: Request, root: Path) -> None:
    """Begin with a trusted root."""
    conformance.init(request, root)


@tuf_conformance.command()
@click.pass_obj
def refresh(request: Request) -> None:
    """Bring the metadata up to date."""
    with _all_or_nothing():
        conformance.refresh(request)


@tuf_conformance.command()
@click.pass_obj
def download(request: Request) -> None:
    """Download targets in order; the first that fails ends it."""
    with _all_or_nothing():
        conformance.download(request)


@contextmanager
def _all_or_nothing() -> Iterator[None]:
    """Let every failure end with status 1: the suite knows no other."""
    try:
        yield
    except ForewarnError as error:
        raise click.ClickException(str(error)) from error
