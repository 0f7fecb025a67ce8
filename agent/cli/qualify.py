"""`forewarn qualify`: what an update would say of a model file."""

from pathlib import Path

import click

from agent.cli.options import json_option
from agent.cli.output import emit, say
from agent.wiring.qualifying import Qualification, Standing, qualified

_STATUS = {Standing.QUALIFIED: 0, Standing.REFUSED: 3, Standing.UNTRIED: 1}


@click.command("qualify")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What is signed about the model; without it, it is read and not run.",
)
@click.option(
    "--operator",
    "operators",
    multiple=True,
    metavar="NAME",
    help="An ONNX operator that trust.extra_operators allows beside the list.",
)
@json_option
def qualify(
    model: Path, manifest: Path | None, operators: tuple[str, ...], as_json: bool
) -> int:
    """Read and try a model exactly as an update does before a model may run.

    With its manifest the model is run in a child process with limits: golden vectors,
    latency, memory. MODEL may be anything at all; nothing of it runs in this process.

    Exit status 0: it may run. 3: it may not. 1: it could not be tried.
    """
    found = qualified(model, manifest=manifest, extra_operators=operators)
    for reason in found.reasons:
        say(reason)
    emit(found, as_json=as_json, text=_text(found))
    return _STATUS[found.verdict]


def _text(found: Qualification) -> str:
    """Return the verdict in words, with what the model costs."""
    if not found.is_tried:
        return found.verdict if found.reasons else f"{found.verdict}, as far as read"
    figures = {"ms a scoring": found.latency_ms, "MB of memory": found.memory_mb}
    costs = [f"{v:.3g} {unit}" for unit, v in figures.items() if v is not None]
    return ", ".join([found.verdict, *costs])
