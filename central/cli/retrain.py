"""`forewarn-central retrain`: labelled samples become a better release."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from agent.core.quantity import duration_s
from agent.errors import UnavailableError
from central.cli.options import dir_option, json_option
from central.cli.output import FINDINGS, emit, say, say_waiting
from central.flows.retrain import SEED, TRIALS, GateRefused, NotYet, Outcome, Retrained
from central.wiring.retrain import order_of, retrained


@click.command("retrain")
@click.argument("task")
@dir_option
@click.option(
    "--budget",
    metavar="DURATION",
    default="2m",
    show_default=True,
    help="After so long no further settings are tried.",
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=TRIALS,
    show_default=True,
    help="How many settings are tried at most.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=SEED,
    help="The same samples, trials and seed make the same model.",
)
@click.option(
    "--gate",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TOML with the keys of `[gate]`, in place of those of fleet.toml.",
)
@click.option(
    "--false-alarms",
    type=click.FloatRange(0, min_open=True),
    metavar="K",
    help="How many false alarms cost as much as a miss; without it the threshold has "
    "the best F1.",
)
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Grow the trees on this Dask cluster, such as tcp://scheduler:8786.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where model, manifest, card and pictures are written; without it "
    "releases/TASK/VERSION in the repository's folder.",
)
@click.option("--dry-run", "is_dry", is_flag=True, help="Sign nothing.")
@json_option
@click.pass_context
def retrain(
    ctx: click.Context,
    *,
    task: str,
    folder: Path,
    budget: str,
    trials: int,
    seed: int,
    gate: Path | None,
    false_alarms: float | None,
    dask: str | None,
    out: Path | None,
    is_dry: bool,
    as_json: bool,
) -> None:
    """Make a better release of TASK from the samples that hosts have sent.

    It is trained, calibrated, compared with the current release and the baseline on
    hosts and times that it did not learn from, and signed if it passes the gate. No
    host runs it before it is approved.

    Exit status 3: the gate refused it, with every reason; or it still lacks
    signatures. 75: there are too few samples yet.
    """
    order = replace(
        order_of(folder, gate=gate),
        budget_s=_seconds(budget),
        trials=trials,
        seed=seed,
        false_alarms=false_alarms,
        is_dry=is_dry,
    )
    found = retrained(
        folder,
        task=task,
        order=order,
        out=out,
        cluster=dask,
        tell=say if sys.stderr.isatty() else lambda words: None,
    )
    _tell(ctx, found, as_json=as_json)


def _seconds(text: str) -> float:
    try:
        return duration_s(text)
    except ValueError as error:
        raise click.UsageError(f"--budget: {error}") from error


def _tell(ctx: click.Context, found: Outcome, *, as_json: bool) -> None:
    match found:
        case NotYet():
            emit(found, as_json=as_json, text=f"{found.task}: too few samples yet")
            for reason in found.reasons:
                say(reason)
            ctx.exit(UnavailableError.exit_status)
        case GateRefused():
            words = f"{found.task} version {found.version}: refused by the gate"
            emit(found, as_json=as_json, text=words)
            for reason in found.reasons:
                say(reason)
            ctx.exit(FINDINGS)
        case Retrained():
            emit(found, as_json=as_json, text=_text(found))
            waiting = found.publication.waiting if found.publication else ()
            say_waiting(waiting)
            if waiting:
                ctx.exit(FINDINGS)


def _text(found: Retrained) -> str:
    """Return what was made, in words."""
    own, gain = found.result.own, found.result.gain
    bounds = f"{_number(gain.low)} to {_number(gain.high)}"
    return "\n".join(
        [
            f"{found.task} version {found.version}: {_state(found)}",
            f"release {found.digest}",
            f"judged  on {found.result.rows} samples of {found.result.hosts} hosts",
            f"skill   {_number(own.skill)}",
            f"gain    {_number(gain.gain)} over the {found.result.reference}, {bounds}",
        ]
    )


def _state(found: Retrained) -> str:
    if found.publication is None:
        return "passed the gate; nothing was signed"
    if found.publication.waiting:
        return "passed the gate, lacks signatures"
    return "published, and to be approved"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
