"""`forewarn record`: a trace of this host, live or out of the daemon's ledger."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

import click

from agent.cli.filters import Since
from agent.cli.options import (
    check_folder,
    config_option,
    json_option,
    settings,
    state_dir_option,
)
from agent.cli.output import emit, say
from agent.core.quantity import duration_s, duration_text
from agent.core.sample import Sample
from agent.core.series import parse_series
from agent.flows.record import Recorded, Wait, chosen, is_chosen, readings, record
from agent.wiring.record import (
    Recording,
    clock,
    kept_at,
    live_host,
    recording,
    until_told,
)

_SHORTEST_S = 1.0
_SHOWN = 5
_STEP = 500
# What a series can name: its other attributes are words of the catalogue.
_NAMING = ("device", "interface", "mountpoint", "sensor")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command was asked for; the names are those of its options."""

    for_s: float | None
    every_s: float | None
    globs: Sequence[str]
    from_store: bool
    since: datetime | None
    config_path: Path | None
    state_dir: Path | None


class _Span(click.ParamType[float]):
    """Seconds, from a number and a unit: `10s`, `2d`."""

    name = "span"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds that the text means, at least one."""
        try:
            seconds = duration_s(str(value))
        except ValueError as error:
            self.fail(str(error))
        if seconds < _SHORTEST_S:
            self.fail(f'expected at least 1s, got "{value}"')
        return seconds


@click.command("record")
@click.argument("path", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--for",
    "for_s",
    type=_Span(),
    metavar="SPAN",
    help="End after so long; by default at ctrl-c or SIGTERM.",
)
@click.option(
    "--every",
    "every_s",
    type=_Span(),
    metavar="SPAN",
    help="From one sample to the next; by default [agent] interval.",
)
@click.option(
    "--series",
    "globs",
    multiple=True,
    metavar="GLOB",
    help="Only series like this, such as 'system.cpu.*'; several add up.",
)
@click.option(
    "--from-store",
    is_flag=True,
    help="Write what the daemon has kept already, up to now.",
)
@click.option(
    "--since",
    type=Since(),
    metavar="WHEN",
    help="With --from-store, from then on: 2d ago as 2d, or an instant.",
)
@config_option
@state_dir_option
@json_option
def record_command(path: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's
    """Write this host's metrics to OUT, for `forewarn replay` and `backtest`.

    OUT is a new CSV or Parquet file, one row a sample and one column a series. Rows are
    written as they come, and the file is whole whenever it ends. Nothing in it says
    which host this is, but devices, interfaces and mount points are in it by name.
    """
    asked = _Asked(**options)
    _check(asked)
    source = _kept if asked.from_store else _live
    with (
        until_told() as wait,
        recording(path) as out,
        source(asked, wait) as samples,
        _progress(out, step=_STEP if asked.from_store else 1) as on_row,
    ):
        done = record(_some(samples, asked.globs), append=out.append, on_row=on_row)
    if done.left_out:
        say(f"left out {done.left_out} samples: the clock went back")
    emit(_document(path, out, done), as_json=as_json, text=_text(path, out, done))


def _check(asked: _Asked) -> None:
    """Raise UsageError where one option leaves another without meaning."""
    if asked.from_store and (asked.for_s or asked.every_s):
        raise click.UsageError("--from-store: expected neither --for nor --every")
    if asked.since and not asked.from_store:
        raise click.UsageError("--since: expected --from-store with it")


@contextmanager
def _live(asked: _Asked, wait: Wait) -> Iterator[Iterator[Sample]]:
    """Yield this host's samples from now on, and say what that will be."""
    config = settings(asked.config_path, state_dir=asked.state_dir).config
    every_s = asked.every_s or float(config.agent.interval)
    until = f"for {duration_text(asked.for_s)}" if asked.for_s else "until ctrl-c"
    with live_host(config) as host:
        for name, reason in host.absent.items():
            say(f"collector {name}: {reason}")
        say(f"one row every {duration_text(every_s)}, {until}")
        yield readings(
            host, clock=clock(), wait=wait, every_s=every_s, for_s=asked.for_s
        )


@contextmanager
def _kept(asked: _Asked, wait: Wait) -> Iterator[Iterator[Sample]]:
    """Yield what the daemon has kept, until a signal ends that."""
    loaded = settings(asked.config_path, state_dir=asked.state_dir)
    check_folder(loaded)
    with kept_at(loaded.config.agent.state_dir, since=asked.since) as samples:
        yield takewhile(lambda _: wait(0.0), samples)


def _some(samples: Iterator[Sample], globs: Sequence[str]) -> Iterator[Sample]:
    """Yield what was chosen of the samples; say what the first of them has.

    Raises:
        UsageError: It has nothing of what was chosen.
    """
    for number, sample in enumerate(chosen(samples, globs=globs)):
        if number == 0:
            for glob in globs:
                if not any(is_chosen(series, [glob]) for series in sample.layout):
                    say(f"--series {glob}: no such series here yet")
            if not sample.layout:
                raise click.UsageError("--series: none of these is a series here")
            say(_contents(sample))
        yield sample


def _contents(sample: Sample) -> str:
    """Return what a sample tells of the host, by name."""
    found: dict[str, set[str]] = {}
    for key, value in chain.from_iterable(
        parse_series(series).attributes for series in sample.layout
    ):
        if key in _NAMING:
            found.setdefault(key, set()).add(value)
    named = "; ".join(f"{key} {_listed(found[key])}" for key in sorted(found))
    return f"{len(sample.layout)} series; named in them: {named or 'nothing'}"


def _listed(names: set[str]) -> str:
    first = ", ".join(sorted(names)[:_SHOWN])
    return first if len(names) <= _SHOWN else f"{first} and {len(names) - _SHOWN} more"


@contextmanager
def _progress(out: Recording, *, step: int) -> Iterator[Callable[[Recorded], None]]:
    """Yield what shows each `step`-th row on a terminal; elsewhere it shows nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return

    def show(done: Recorded) -> None:
        if (done.rows - 1) % step == 0:
            click.echo(f"\r\x1b[2K{_extent(out, done)}", err=True, nl=False)

    yield show
    click.echo(err=True)


def _extent(out: Recording, done: Recorded) -> str:
    rows = f"{done.rows:,} row{'' if done.rows == 1 else 's'}"
    return f"{rows} of {len(out.columns)} series, {duration_text(done.lasted_s)}"


def _text(path: Path, out: Recording, done: Recorded) -> str:
    if not done.rows:
        return f"nothing was recorded, so there is no {path}"
    return f"{path}: {_extent(out, done)}"


def _document(path: Path, out: Recording, done: Recorded) -> dict[str, object]:
    return {
        "path": path if done.rows else None,
        "rows": done.rows,
        "series": len(out.columns),
        "left_out": done.left_out,
        "began_at": done.began_at,
        "ended_at": done.ended_at,
    }
