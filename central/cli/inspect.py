"""`forewarn-central inspect`: a release from its training to the hosts that run it."""

import json
from collections.abc import Iterator
from pathlib import Path

import click

from central.cli.deeds import line
from central.cli.options import dir_option, json_option
from central.cli.output import emit, printable
from central.core.lineage import Ancestor
from central.core.whereabouts import Place
from central.flows.inspect import Inspected, Score, inspected
from central.wiring.archive import archive
from central.wiring.repository import present

_MANY = 10


@click.command("inspect")
@click.argument("release", metavar="TASK[@VERSION|DIGEST]")
@dir_option
@json_option
def inspect(release: str, folder: Path, as_json: bool) -> None:
    """Show where a release is from, who let it run, where it does, and how.

    Without VERSION it is the approved release of TASK, or else the newest.
    """
    task, _, which = release.partition("@")
    with archive(folder) as everything:
        found = inspected(everything, task, which=which, now=present())
    text = "\n".join(printable(each) for each in _lines(found))
    emit(found, as_json=as_json, text=text)


def _lines(found: Inspected) -> Iterator[str]:
    yield f"{found.task} version {found.version}: {found.state}"
    yield f"release {found.digest}"
    yield "comes from:"
    for step in found.lineage.steps:
        yield from _step(step)
    if found.lineage.missing is not None:
        yield f"  {found.lineage.missing}: not published here"
    yield "log:"
    yield from (f"  {line(entry)}" for entry in found.deeds)
    if not found.deeds:
        yield "  nothing"
    yield "hosts:"
    yield from (_place(place, hosts) for place, hosts in found.places.items())
    yield "did:"
    yield from (f"  {_score(score)}" for score in found.scores)
    if not found.scores:
        yield "  no host has told of any outcome"


def _step(step: Ancestor) -> Iterator[str]:
    kind = "survey" if step.is_survey else "model"
    yield f"  version {step.version}, {kind}, {step.digest[:12]}: {step.title}"
    for key, value in step.provenance.items():
        yield f"    {key}: {json.dumps(value, ensure_ascii=False)}"


def _place(place: Place, hosts: tuple[str, ...]) -> str:
    more = f" and {len(hosts) - _MANY} more" if len(hosts) > _MANY else ""
    names = f": {', '.join(hosts[:_MANY])}{more}" if hosts else ""
    return f"  {place} {len(hosts)}{names}"


def _score(score: Score) -> str:
    words = f"{score.role}: {score.resolved} outcomes, {score.happened} events"
    if score.brier is not None and score.baseline_brier is not None:
        words += f", Brier {score.brier:.4f}, the baseline {score.baseline_brier:.4f}"
    return words if score.skill is None else f"{words}, skill {score.skill:.3f}"
