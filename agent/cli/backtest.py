"""`forewarn backtest`: releases against baseline and simple rules, on recordings."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from agent.cli.backtest_hints import others, unseen_peaks
from agent.cli.backtest_text import document_of, text_of
from agent.cli.output import emit, say
from agent.cli.report.backtest import Asked, backtest_page
from agent.core.answers import Answers
from agent.core.judged import Judged, judged
from agent.errors import ConfigError
from agent.flows.backtest import Contest
from agent.wiring.backtest import Heard, Hearing, contests_of, heard, hosts_at
from agent.wiring.replay import starter_names
from agent.wiring.report import check_report, write_backtest

_FINDINGS: Final = 3
_STDOUT: Final = "-"
# So many series are named where none is the one that was wanted.
_NAMED: Final = 12
_STEPS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command was asked for; the names are those of its options."""

    task: str | None
    all_tasks: bool
    trace_path: Path
    names: Sequence[str]
    renames: Sequence[str]
    last: float
    json_path: str | None
    report: Path | None
    jobs: int

    @property
    def releases(self) -> tuple[str, ...]:
        """The releases that are to be judged, by name."""
        if self.all_tasks and (self.names or self.task is not None):
            raise click.UsageError("expected --all, or TASK or --release, got both")
        if self.names:
            return tuple(self.names)
        if self.all_tasks:
            return tuple(starter_names())
        if self.task is None:
            raise click.UsageError("expected TASK, --all or --release")
        return (self.task,)

    @property
    def line(self) -> Asked:
        """The same for people who want to ask again."""
        options = [
            *(("--release", Path(name).name) for name in self.names),
            *(("--rename", rename) for rename in self.renames),
        ]
        if self.last < 1:
            options.append(("--last", f"{self.last:g}"))
        if self.report is not None:
            options.append(("--report", self.report.name))
        what = "--all" if self.all_tasks else self.task
        return Asked(what=what, trace=self.trace_path.name, options=options)


@click.command("backtest")
@click.argument("task", metavar="[TASK]", required=False)
@click.option("--all", "all_tasks", is_flag=True, help="Judge every shipped task.")
@click.option(
    "--trace",
    "trace_path",
    required=True,
    metavar="DIR|FILE",
    type=click.Path(path_type=Path),
    help="A recorded host (CSV or Parquet), or a folder of some.",
)
@click.option(
    "--release",
    "names",
    multiple=True,
    metavar="DIR",
    help="A release folder instead of what is shipped; several of a task are judged on "
    "the moments of the first.",
)
@click.option(
    "--rename",
    "renames",
    multiple=True,
    metavar="COLUMN=SERIES",
    help="Take a column in under another series' name.",
)
@click.option(
    "--last",
    default=1.0,
    metavar="SHARE",
    type=click.FloatRange(0, 1, min_open=True),
    help="Judge only this share of the time at its end, such as 0.3; what came before "
    "still teaches the rules.",
)
@click.option(
    "--json",
    "json_path",
    is_flag=False,
    flag_value=_STDOUT,
    metavar="FILE",
    help="Write all figures as JSON; to stdout, in place of the text, without FILE.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a page with plots, as one HTML file.",
)
@click.option(
    "--jobs",
    default=1,
    metavar="N",
    type=click.IntRange(1),
    help="Recorded hosts to work on at once.",
)
def backtest(**options: Any) -> int:  # noqa: ANN401 - click's
    """Judge releases on recorded hosts: would they have been worth having?

    Every release answers the moments that the host itself would have had, and so do the
    baseline and what an operator has today: the current value, predict_linear, the rate
    at this time of day, k-means. Exit status 3 if a release is shown to be worse than
    one of them.
    """
    asked = _Asked(**options)
    if asked.report is not None:
        check_report(asked.report)
    contests = contests_of(asked.releases)
    _check_task(asked.task, contests)
    parts = _heard(asked, contests)
    done = [each for contest in contests for each in _judged(contest, parts)]
    if not done:
        raise ConfigError(_nothing(contests, parts))
    _write(asked, done, contests=contests, parts=parts)
    return _FINDINGS if any(each.is_worse for each in done) else 0


def _write(
    asked: _Asked,
    done: Sequence[Judged],
    *,
    contests: Sequence[Contest],
    parts: Sequence[Heard],
) -> None:
    to_stdout = asked.json_path == _STDOUT
    document = document_of(done, trace=asked.trace_path.name, last=asked.last)
    emit(document, as_json=to_stdout, text=text_of(done))
    if asked.json_path is not None and not to_stdout:
        _write_json(document, Path(asked.json_path))
        say(f"the figures are in {asked.json_path}")
    if asked.report is not None:
        answers = {each.manifest.task: _answers(each, parts) for each in contests}
        manifests = {each.manifest.task: each.manifest for each in contests}
        page = backtest_page(
            done, answers=answers, manifests=manifests, asked=asked.line
        )
        write_backtest(page, asked.report)
        say(f"the report is in {asked.report}")


def _write_json(document: object, path: Path) -> None:
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    try:
        path.write_bytes(text + b"\n")
    except OSError as error:
        raise ConfigError(f"--json: {path}: {error.strerror}") from error


def _check_task(task: str | None, contests: Sequence[Contest]) -> None:
    """Raise if TASK is named beside releases of other tasks."""
    for each in contests:
        name = each.manifest.task
        if task is not None and not Path(task).is_dir() and name != task:
            raise click.UsageError(f"--release: expected one of {task}, got {name}")


def _heard(asked: _Asked, contests: Sequence[Contest]) -> list[Heard]:
    hosts = hosts_at(asked.trace_path)
    hearing = Hearing(
        releases=asked.releases, renamed=_renamed(asked.renames), last=asked.last
    )
    with _progress(len(hosts)) as on_part:
        parts = list(
            heard(
                hosts,
                hearing=hearing,
                contests=contests,
                jobs=asked.jobs,
                on_part=on_part,
            )
        )
    for each in parts:
        if each.trouble is not None:
            say(f"left out: {each.trouble}")
        if each.dropped:
            say(f"{each.host}: left out {each.dropped:,} rows whose time does not grow")
    for hint in unseen_peaks(contests, parts):
        say(hint)
    return parts


def _judged(contest: Contest, parts: Sequence[Heard]) -> Iterator[Judged]:
    """Yield how each release of a task did; nothing where no host could be judged."""
    task = contest.manifest.task
    hosts = _answers(contest, parts)
    left_out = {p.host: p.left_out[task] for p in parts if task in p.left_out}
    if not hosts:
        if left_out:
            say(f"left out: {task}: {_why(left_out)}")
        return
    for each in contest.contenders:
        yield judged(
            each.manifest,
            leading=contest.manifest,
            release=each.label,
            hosts=hosts,
            left_out=left_out,
        )


def _answers(contest: Contest, parts: Sequence[Heard]) -> list[Answers]:
    task = contest.manifest.task
    return [part.answers[task] for part in parts if task in part.answers]


def _why(left_out: Mapping[str, str]) -> str:
    """Return why no host could be judged: one reason, and how many hosts have any."""
    host, reason = next(iter(left_out.items()))
    return f"{host}{others(len(left_out))}: {reason}"


def _nothing(contests: Sequence[Contest], parts: Sequence[Heard]) -> str:
    tasks = ", ".join(each.manifest.task for each in contests)
    if all(part.trouble is not None for part in parts):
        return f"{tasks}: no recorded host could be read"
    seen = list(dict.fromkeys(name for part in parts for name in part.columns))
    more = ", ..." if len(seen) > _NAMED else ""
    there = ", ".join(seen[:_NAMED]) + more if seen else "no series at all"
    return (
        f"{tasks}: no recorded host could be judged; expected other series, or other "
        f"steps, than are recorded: {there}; --rename names a column's series"
    )


def _renamed(renames: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in renames]
    for column, equals, series in pairs:
        if not (column and equals and series):
            raise click.UsageError(
                f'--rename: expected COLUMN=SERIES, got "{column}{equals}{series}"'
            )
    return {column: series for column, _, series in pairs}


@contextmanager
def _progress(hosts: int) -> Iterator[Callable[[float], None]]:
    """Yield what shows a part of a host more on a terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda part: None
        return
    done = shown = 0.0
    with click.progressbar(
        length=hosts * _STEPS, label=f"{hosts} recorded hosts", file=sys.stderr
    ) as bar:

        def advance(part: float) -> None:
            nonlocal done, shown
            done += part * _STEPS
            if done - shown >= 1:
                bar.update(int(done - shown))
                shown += int(done - shown)

        yield advance
