"""`forewarn replay`: a recorded host, lived through again by the live code."""

import gc
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from agent.cli.output import emit, say
from agent.cli.scores import scores, scores_text
from agent.core.event import EventName, Level
from agent.core.quantity import duration_text
from agent.errors import ConfigError, ManifestError, TrustError
from agent.flows.replay import Replayed, replay, unmet
from agent.wiring.reading import Trace, archive_at, read_trace
from agent.wiring.replay import (
    ReleaseFolder,
    named_release,
    replaying,
    starter_names,
)

_FINDINGS = 3


@click.command("replay")
@click.argument("trace_path", metavar="TRACE", type=click.Path(path_type=Path))
@click.option(
    "--release",
    "names",
    multiple=True,
    metavar="DIR|TASK",
    help="A release folder or a shipped task; by default every shipped task whose "
    "series the trace has.",
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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay_command(
    trace_path: Path,
    names: Sequence[str],
    renames: Sequence[str],
    drop_disordered: bool,
    keep: Path | None,
    as_json: bool,
) -> int:
    """Run the daemon's own tick over a recorded host and print the scorecards.

    TRACE is a CSV or Parquet file: a column `timestamp` (ISO 8601 or Unix seconds) and
    one column a series. Exit status 3 if a release could not do its work.
    """
    trace = read_trace(
        trace_path, renamed=_renamed(renames), drop_disordered=drop_disordered
    )
    _tell_about(trace)
    releases = _releases(trace, names)
    with tempfile.TemporaryDirectory(prefix="forewarn-replay-") as scratch:
        state_dir = Path(scratch) if keep is None else keep
        began = time.perf_counter()
        with (
            replaying(trace, releases, state_dir=state_dir) as ticker,
            _progress(trace) as on_tick,
        ):
            # What has come up by now stays: the collector need not look at it again.
            gc.freeze()
            done = replay(trace.instants, ticker=ticker, on_tick=on_tick)
        took_s = time.perf_counter() - began
        with archive_at(state_dir) as archive:
            found = scores(archive)
    for name, reason in done.silent.items():
        say(f"{name} predicted nothing: {reason}")
    for event in done.events:
        if event.level in {Level.ERROR, Level.WARNING}:
            say(event.line())
    emit(
        _document(trace, done, took_s) | {"scorecards": found},
        as_json=as_json,
        text=f"{_headline(trace, done, took_s)}\n\n{scores_text(found)}",
    )
    is_unfit = any(
        e.level is Level.ERROR or e.name is EventName.TASK_SKIPPED for e in done.events
    )
    return _FINDINGS if is_unfit else 0


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


def _releases(trace: Trace, names: Sequence[str]) -> list[ReleaseFolder]:
    """Return what to replay: what was named, or every starter that can work here."""
    chosen = [_read(name) for name in names or starter_names()]
    tasks = [each.manifest.task for each in chosen]
    if twice := {task for task in tasks if tasks.count(task) > 1}:
        raise click.UsageError(
            f"--release: expected one release a task, got two of {min(twice)}"
        )
    found: list[ReleaseFolder] = []
    for each in chosen:
        missing = ", ".join(map(str, unmet(each.manifest, trace.layout)))
        if not missing:
            found.append(each)
            continue
        words = (
            f"{each.manifest.task} needs {missing}, which {trace.name} does not have"
        )
        if names:
            raise ConfigError(words)
        say(f"left out: {words}")
    if not found:
        raise ConfigError(
            f"{trace.name}: no shipped task can work on it; name a release by "
            "--release, or a column's series by --rename"
        )
    return found


def _read(name: str) -> ReleaseFolder:
    """Return a release whose model is the one that its manifest pins.

    Raises:
        ConfigError: It is no release.
        TrustError: It is one, but its manifest or its model is not right; names it.
    """
    try:
        found = named_release(name)
    except ManifestError as error:
        raise ManifestError(f"{name}: {error}") from error
    pinned = found.manifest.model
    if found.model is None or pinned is None:
        return found
    sha256 = hashlib.sha256(found.model.read_bytes()).hexdigest()
    if sha256 != pinned.sha256:
        raise TrustError(
            f"{found.model}: expected SHA-256 {pinned.sha256} as the manifest pins, "
            f"got {sha256}"
        )
    return found


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
