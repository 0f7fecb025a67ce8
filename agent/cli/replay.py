"""`forewarn replay`: a recorded host, lived through again by the live code."""

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from agent.cli.output import emit, instant_text, say
from agent.cli.report import Asked, page_of
from agent.cli.schedule import guard_of, offers_of, wishes_of
from agent.cli.scores import Score, scores, scores_text
from agent.core.event import EventName, Level
from agent.core.quantity import duration_text
from agent.flows.replay import Replayed, replay
from agent.wiring.reading import Trace, archive_at, read_trace
from agent.wiring.replay import replaying
from agent.wiring.report import check_report, write_report

_FINDINGS = 3
_OBJECTS_A_COLLECTION = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command was asked for; the names are those of its options."""

    trace_path: Path
    names: Sequence[str]
    wishes: Sequence[str]
    settings: Sequence[str]
    renames: Sequence[str]
    drop_disordered: bool
    keep: Path | None
    report: Path | None

    @property
    def line(self) -> Asked:
        """The same for people who want to ask again."""
        options = [
            *(("--at", wish) for wish in self.wishes),
            *(("--guard", setting) for setting in self.settings),
            *(("--rename", rename) for rename in self.renames),
        ]
        if self.drop_disordered:
            options.append(("--drop-disordered", ""))
        if self.report is not None:
            options.append(("--report", self.report.name))
        return Asked(trace=self.trace_path, releases=self.names, options=options)


@click.command("replay")
@click.argument("trace_path", metavar="TRACE", type=click.Path(path_type=Path))
@click.option(
    "--release",
    "names",
    multiple=True,
    metavar="DIR|TASK[@ROW]",
    help="A release folder or a shipped task, offered at that row, from 0, of the "
    "trace; by default every shipped task whose series the trace has.",
)
@click.option(
    "--at",
    "wishes",
    multiple=True,
    metavar="ROW:VERB:TASK[:VERSION]",
    help="What an operator asks for at that row: pin, unpin, rollback or clear.",
)
@click.option(
    "--guard",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A key of [guard] in the configuration, such as alpha=0.01.",
)
@click.option(
    "--rename",
    "renames",
    multiple=True,
    metavar="COLUMN=SERIES",
    help="Take a column in under another series' name.",
)
@click.option(
    "--drop-disordered",
    is_flag=True,
    help="Leave out rows whose time does not grow.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep the ledger there; `forewarn predictions --state-dir DIR` reads it.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a page with plots, as one HTML file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay_command(trace_path: Path, as_json: bool, **options: Any) -> int:  # noqa: ANN401 - click's
    """Run the daemon's own tick over a recorded host and print the scorecards.

    TRACE is a CSV or Parquet file: a column `timestamp` (ISO 8601 or Unix seconds) and
    one column a series. The first release of a task is acted upon at once; each later
    one waits in the shadow for the guard's verdict, as on a live host. Exit status 3
    if a release could not do its work.
    """
    asked = _Asked(trace_path=trace_path, **options)
    if asked.report is not None:
        check_report(asked.report)
    trace = read_trace(
        trace_path,
        renamed=_renamed(asked.renames),
        drop_disordered=asked.drop_disordered,
    )
    _tell_about(trace)
    with _state_dir(asked.keep) as state_dir:
        done, found, took_s = _lived(trace, asked, state_dir=state_dir)
    for name, reason in done.silent.items():
        say(f"{name} predicted nothing: {reason}")
    for event in done.events:
        if event.level in {Level.ERROR, Level.WARNING}:
            say(f"{instant_text(event.at)} {event.line()}")
    emit(
        _document(trace, done, took_s) | {"scorecards": found},
        as_json=as_json,
        text=f"{_headline(trace, done, took_s)}\n\n{scores_text(found)}",
    )
    is_unfit = any(
        e.level is Level.ERROR or e.name is EventName.TASK_SKIPPED for e in done.events
    )
    return _FINDINGS if is_unfit else 0


def _lived(
    trace: Trace, asked: _Asked, *, state_dir: Path
) -> tuple[Replayed, list[Score], float]:
    """Replay the trace; return what came of it, the scores, and how long it took."""
    offers = offers_of(asked.names, trace)
    began = time.perf_counter()
    with (
        replaying(
            trace,
            offers,
            state_dir=state_dir,
            wishes=wishes_of(asked.wishes, trace, offers),
            guard=guard_of(asked.settings),
        ) as (ticker, schedule),
        _progress(trace) as on_tick,
    ):
        # What has come up by now stays: the collector need not look at it again.
        gc.freeze()
        # Nor often at what a commit lets go of anyway; a tick leaves no circles behind.
        gc.set_threshold(_OBJECTS_A_COLLECTION)
        done = replay(trace.instants, ticker=ticker, on_tick=on_tick, schedule=schedule)
    took_s = time.perf_counter() - began
    with archive_at(state_dir) as archive:
        if asked.report is not None:
            write_report(
                page_of(
                    archive, trace=trace, done=done, offers=offers, asked=asked.line
                ),
                asked.report,
            )
            say(f"the report is in {asked.report}")
        return done, scores(archive), took_s


@contextmanager
def _state_dir(keep: Path | None) -> Iterator[Path]:
    """Yield the folder that is to be kept, or one that is gone afterwards."""
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="forewarn-replay-") as scratch:
        yield Path(scratch)


@contextmanager
def _progress(trace: Trace) -> Iterator[Callable[[], None]]:
    """Yield what shows one more tick on a terminal; elsewhere it shows nothing."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(
        length=len(trace.instants_s),
        label=trace.name,
        file=sys.stderr,
        update_min_steps=500,
    ) as bar:
        yield lambda: bar.update(1)


def _renamed(renames: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in renames]
    for column, equals, series in pairs:
        if not (column and equals and series):
            raise click.UsageError(
                f'--rename: expected COLUMN=SERIES, got "{column}{equals}{series}"'
            )
    return {column: series for column, _, series in pairs}


def _tell_about(trace: Trace) -> None:
    if trace.dropped:
        rows = _counted(trace.dropped, "row")
        say(f"{trace.name}: left out {rows} whose time does not grow")
    if gaps := trace.gaps_s:
        longest = duration_text(max(gaps))
        say(
            f"{trace.name}: {_counted(len(gaps), 'gap')} in time, the longest "
            f"{longest}; "
            "moments across them are void"
        )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _document(trace: Trace, done: Replayed, took_s: float) -> dict[str, object]:
    return {
        "trace": trace.name,
        "interval_s": trace.interval_s,
        "ticks": done.ticks,
        "moments": done.moments,
        "resolved": done.resolved,
        "still_open": done.still_open,
        "silent": done.silent,
        "took_s": took_s,
        "ticks_per_s": done.ticks / took_s,
        "events": done.events,
    }


def _headline(trace: Trace, done: Replayed, took_s: float) -> str:
    lived = duration_text(float(trace.instants_s[-1] - trace.instants_s[0]))
    return (
        f"{trace.name}: {lived} of a host in {took_s:.1f} s "
        f"({done.ticks / took_s:,.0f} ticks/s): {done.ticks:,} ticks, "
        f"{done.moments:,} predictions, {done.resolved:,} resolved, "
        f"{done.still_open} still open"
    )
