"""The page of a backtest: figures and answers, gathered and put into words."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent import __version__
from agent.cli.backtest_text import (
    EVENT_HOSTS,
    RANKS,
    VALUE_HOSTS,
    facts,
    headline,
    host_rows,
    notes,
    rank_rows,
)
from agent.cli.output import Cell, cell_text
from agent.core.answers import Answers
from agent.core.figures import EventFigures, ValueFigures
from agent.core.judged import Judged
from agent.core.manifest import Manifest
from agent.core.moment import BASELINE
from agent.core.proof import (
    Bars,
    Day,
    Line,
    Proof,
    TaskProof,
    day_of,
    precision_recall,
)
from agent.core.skill import CalibrationBin
from agent.core.story import Calibration, Sheet
from agent.core.target import EventTarget

_OVERVIEW: Final = ("task", "release", "hosts", "moments", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command was asked for.

    Attributes:
        what: The task, or `--all`; None where releases were named instead.
        trace: File or folder, by its name.
        options: Every other option with its value.
    """

    what: str | None
    trace: str
    options: Sequence[tuple[str, str]]

    @property
    def command(self) -> str:
        """The same command line, with the names of files only."""
        words = ["forewarn", "backtest"]
        words += [self.what] if self.what else []
        words += ["--trace", self.trace]
        return shlex.join([*words, *(word for each in self.options for word in each)])


def backtest_page(
    done: Sequence[Judged],
    *,
    answers: Mapping[str, Sequence[Answers]],
    manifests: Mapping[str, Manifest],
    asked: Asked,
) -> Proof:
    """Return everything that the page tells.

    Args:
        done: The releases, judged.
        answers: What everybody answered, by task; one a host.
        manifests: The leading release's, by task.
        asked: What the command was asked for.
    """
    return Proof(
        title=f"Backtest on {asked.trace}",
        facts=tuple(_facts(done)),
        overview=Sheet(
            header=_OVERVIEW,
            rows=tuple(
                (
                    each.task,
                    each.release,
                    f"{len(each.hosts)}",
                    f"{each.pooled.rows:,}",
                    headline(each),
                )
                for each in done
            ),
        ),
        tasks=tuple(
            _task(each, answers=answers[each.task], manifest=manifests[each.task])
            for each in done
        ),
        command=asked.command,
        version=__version__,
    )


def _facts(done: Sequence[Judged]) -> Iterator[tuple[str, str]]:
    hosts = {figures.scope: figures.days for each in done for figures in each.hosts}
    yield "recorded hosts", f"{len(hosts)}, {sum(hosts.values()):,.1f} host-days"
    yield "judged", f"{sum(each.pooled.rows for each in done):,} moments"
    worse = [f"{each.task} {each.release}" for each in done if each.is_worse]
    yield "shown to be worse than another", ", ".join(worse) or "none"


def _task(each: Judged, *, answers: Sequence[Answers], manifest: Manifest) -> TaskProof:
    pooled = each.pooled
    is_event = isinstance(pooled, EventFigures)
    return TaskProof(
        name=f"{each.task} {each.release}",
        title=each.title,
        headline=headline(each),
        is_event=is_event,
        is_worse=each.is_worse,
        facts=tuple(facts(each)),
        ranks=_sheet(RANKS, list(rank_rows(each))),
        hosts=_sheet(EVENT_HOSTS if is_event else VALUE_HOSTS, list(host_rows(each))),
        losses=tuple(notes(each)),
        lines=tuple(_lines(pooled, answers)),
        calibrations=tuple(_calibrations(pooled, release=each.release)),
        bars=_bars(each),
        day=_day(each, answers=answers, manifest=manifest),
    )


def _sheet(header: tuple[str, ...], rows: Sequence[Sequence[Cell]]) -> Sheet:
    cells = tuple(tuple(map(cell_text, row)) for row in rows)
    return Sheet(header=header, rows=cells)


def _lines(
    pooled: EventFigures | ValueFigures, answers: Sequence[Answers]
) -> Iterator[Line]:
    if not isinstance(pooled, EventFigures):
        return
    happened = np.concatenate([each.outcome for each in answers])
    for rank in pooled.ranks:
        scores = np.concatenate([each.said[rank.name] for each in answers])
        yield precision_recall(rank.name, scores=scores, happened=happened)


def _calibrations(
    pooled: EventFigures | ValueFigures, *, release: str
) -> Iterator[Calibration]:
    if isinstance(pooled, EventFigures):
        yield from _of_bins(release, pooled.calibration)
        yield from _of_bins(BASELINE, pooled.baseline_calibration)
    elif pooled.levels:
        yield Calibration(
            label=release,
            said=tuple(level.level for level in pooled.levels),
            came=tuple(level.coverage for level in pooled.levels),
            counts=(pooled.rows,) * len(pooled.levels),
        )


def _of_bins(label: str, bins: Sequence[CalibrationBin]) -> Iterator[Calibration]:
    if bins:
        yield Calibration(
            label=label,
            said=tuple(each.predicted for each in bins),
            came=tuple(each.happened for each in bins),
            counts=tuple(each.count for each in bins),
        )


def _bars(each: Judged) -> Bars | None:
    known = [host for host in each.hosts if host.withheld is None]
    if not known:
        return None
    by_name: dict[str, list[float]] = {}
    for host in known:
        for name, value in _bar_values(host, release=each.release):
            by_name.setdefault(name, []).append(np.nan if value is None else value)
    return Bars(
        measure="average precision" if each.is_event else "better than persistence by",
        hosts=tuple(host.scope for host in known),
        values={name: tuple(values) for name, values in by_name.items()},
    )


def _bar_values(
    host: EventFigures | ValueFigures, *, release: str
) -> Iterator[tuple[str, float | None]]:
    if isinstance(host, ValueFigures):
        yield release, host.gain.value
        return
    for rank in host.ranks:
        yield rank.name, rank.average_precision.value


def _day(each: Judged, *, answers: Sequence[Answers], manifest: Manifest) -> Day | None:
    found = day_of(answers, horizon_s=manifest.target.horizon_s)
    if found is None:
        return None
    day, began_s = found
    decision = manifest.decision
    is_event = isinstance(manifest.target, EventTarget)
    return Day(
        host=day.host,
        at_s=day.at_s,
        seen=day.origin,
        limit=day.limit,
        said={name: day.said[name] for name in (each.release, BASELINE)},
        came=np.full(len(day), np.nan) if is_event else day.outcome,
        began_s=began_s,
        threshold=None if decision is None or not is_event else decision.threshold,
    )
