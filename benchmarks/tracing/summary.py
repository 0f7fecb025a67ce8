"""Summaries: what became of each kind of release, over all machines of a data set."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from statistics import median
from typing import Any

import numpy as np
from tracing.cases import SHADOW
from tracing.rows import Fate, Row, Standing

ALLOWED = 1.1
_LATE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What became of one kind of release.

    Attributes:
        machines: On how many it was tried.
        rolled_back: On how many it was taken off, and of those,
        by_tripwire: on how many without any statistics,
        unjustly: on how many by evidence, though its loss over all the time until the
            end of the recording was not above what is allowed.
        promoted: On how many the guard promoted it.
        heard: On how many it was shown to be as good as the baseline.
        confirmed: On how many it passed its probation.
        left_over: On how many it waited in the shadow when the active one left: there
            no courier comes who would make it active.
        missed: On how many else it stayed although its loss was above what is allowed.
        harmless: On how many else it stayed and its loss was not.
        hours: Median until it was taken off, of those that were; `late_hours`: 90 %.
        episodes: Median number of event episodes it took, where evidence decided.
        loss_ratio: Median over all machines.
        good_lost: On how many the good one beside it was rolled back.
    """

    data: str
    task: str
    how: str
    release: str
    machines: int
    rolled_back: int
    by_tripwire: int
    unjustly: int
    promoted: int
    heard: int
    confirmed: int
    left_over: int
    missed: int
    harmless: int
    hours: float | None
    late_hours: float | None
    episodes: float | None
    loss_ratio: float | None
    good_lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """How good the good release is on machines that it never saw; medians.

    Attributes:
        worse: On how many machines it loses more than is allowed.
        dependence: Median of the machines on which it can be told, and `highest`.
    """

    data: str
    task: str
    machines: int
    episodes: float
    rate: float
    auc: float | None
    baseline_auc: float | None
    skill: float
    loss_ratio: float
    worse: int
    dependence: float | None
    highest_dependence: float | None


def fates_of(rows: Iterable[Row]) -> list[Fates]:
    """Return a summary for each kind of release and way of coming."""
    fates = [row for row in rows if isinstance(row, Fate)]
    return [
        _fates(key, found)
        for key, found in _grouped(fates, "data", "task", "how", "release")
    ]


def skills_of(rows: Iterable[Row]) -> list[Skill]:
    """Return a summary for each task of a data set."""
    standings = [row for row in rows if isinstance(row, Standing)]
    return [_skill(key, found) for key, found in _grouped(standings, "data", "task")]


def summaries(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield all of them for JSON."""
    for each in (*skills_of(rows), *fates_of(rows)):
        yield asdict(each)


def _grouped(rows: list[Any], *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the rows that are alike in these, in the order in which they came."""
    keys = [tuple(getattr(row, name) for name in names) for row in rows]
    order = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    pairs = sorted(zip(keys, rows, strict=True), key=lambda pair: order[pair[0]])
    for key, found in groupby(pairs, key=lambda pair: pair[0]):
        yield key, [row for _, row in found]


def _fates(key: tuple[str, ...], found: list[Fate]) -> Fates:
    data, task, how, release = key
    gone = [row for row in found if row.end == "rolled back"]
    idle = [row for row in found if _is_left_over(row)]
    stayed = [row for row in found if row.end != "rolled back" and row not in idle]
    judged = [row for row in gone if row.why == "evidence"]
    hours = [row.hours for row in gone if row.hours is not None]
    worse = [row for row in stayed if (row.loss_ratio or 0) > ALLOWED]
    return Fates(
        data=data,
        task=task,
        how=how,
        release=release,
        machines=len(found),
        rolled_back=len(gone),
        by_tripwire=len(gone) - len(judged),
        unjustly=sum((row.loss_ratio or 0) <= ALLOWED for row in judged),
        promoted=sum(row.promoted_h is not None for row in found),
        heard=sum(row.heard_h is not None for row in found),
        confirmed=sum(row.confirmed_h is not None for row in found),
        left_over=len(idle),
        missed=len(worse),
        harmless=len(stayed) - len(worse),
        hours=_median(hours),
        late_hours=float(np.quantile(hours, _LATE, method="higher")) if hours else None,
        episodes=_median([row.episodes for row in gone]),
        loss_ratio=_median([row.loss_ratio for row in found]),
        good_lost=sum(row.good_left_h is not None for row in found),
    )


def _is_left_over(row: Fate) -> bool:
    is_waiting = row.how == SHADOW.name and row.end == "stayed"
    return is_waiting and row.good_left_h is not None


def _skill(key: tuple[str, ...], found: list[Standing]) -> Skill:
    data, task = key
    dependence = [row.dependence for row in found if row.dependence is not None]
    return Skill(
        data=data,
        task=task,
        machines=len(found),
        episodes=median(row.episodes for row in found),
        rate=median(row.rate for row in found),
        auc=_median([row.auc for row in found]),
        baseline_auc=_median([row.baseline_auc for row in found]),
        skill=median(row.skill for row in found),
        loss_ratio=median(row.loss_ratio for row in found),
        worse=sum(row.loss_ratio > ALLOWED for row in found),
        dependence=_median(dependence),
        highest_dependence=max(dependence, default=None),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
