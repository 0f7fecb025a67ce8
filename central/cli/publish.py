"""`forewarn-central publish`: a release is tried and signed for."""

from pathlib import Path

import click

from central.cli.options import dir_option, json_option
from central.cli.output import FINDINGS, emit, end, say
from central.flows.publish import Publication, Unfit
from central.wiring.releases import published


@click.command("publish")
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option(
    "--manifest",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What is to be signed about the model, JSON; `model.sha256`, `length`, "
    "`opset`, `ir` and `golden` are filled in.",
)
@click.option(
    "--signature",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A bundle of OpenSSF Model Signing, published beside the model.",
)
@dir_option
@json_option
@click.pass_context
def publish(
    ctx: click.Context,
    *,
    model: Path | None,
    manifest: Path,
    signature: Path | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Publish MODEL as the next release of the task that its manifest names.

    It is read and tried exactly as an agent does; without MODEL it is a survey. No
    host runs it before it is approved.

    Exit status 3: no agent would take it, with every reason, and nothing was signed;
    or it still lacks signatures, and who can give them.
    """
    if signature is not None and model is None:
        raise click.UsageError("--signature is of a model, and none is given")
    found = published(folder, manifest=manifest, model=model, signature=signature)
    if isinstance(found, Unfit):
        for reason in found.reasons:
            say(reason)
        emit(found, as_json=as_json, text="not published: no agent would take it")
        ctx.exit(FINDINGS)
    emit(found, as_json=as_json, text=_text(found))
    end(ctx, waiting=found.waiting)


def _text(found: Publication) -> str:
    """Return what was published, in words."""
    state = "lacks signatures" if found.waiting else "published"
    lines = [
        f"{found.task} version {found.version}: {state}",
        f"release {found.digest}",
    ]
    if found.model is not None:
        lines.append(f"model   {found.model}")
    if found.latency_ms is not None and found.memory_mb is not None:
        lines.append(
            f"trial   {found.latency_ms:.3g} ms a scoring, {found.memory_mb:.3g} MB of "
            "memory"
        )
    if found.golden_made:
        lines.append(
            f"golden  {found.golden_made} vectors made from the model's answers"
        )
    return "\n".join(lines)
