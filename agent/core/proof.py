"""Proof: what a backtest's page tells, ready to be drawn; numbers and words only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from agent.core.alarms import beginnings
from agent.core.answers import Answers, Vector
from agent.core.blocks import DAY_S
from agent.core.story import Calibration, Sheet

Numbers: TypeAlias = npt.NDArray[np.float64]

_POINTS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One forecaster's curve: precision by recall.

    Attributes:
        label: What it is called.
        x: Recall, 0..1, ascending, shape (n,).
        y: Precision, 0..1, shape (n,).
    """

    label: str
    x: Numbers
    y: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """One figure by host, a bar for each forecaster.

    Attributes:
        measure: What the figure is.
        hosts: Names, n of them.
        values: By forecaster, n figures each; NaN where they are withheld.
    """

    measure: str
    hosts: tuple[str, ...]
    values: dict[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What was said and what came around one episode, or around one middle moment.

    Attributes:
        host: Where.
        at_s: Unix seconds of the moments, ascending, shape (n,).
        seen: The target's value at each.
        limit: What it was compared with; NaN for a value task.
        said: By forecaster: probabilities, shape (n,), or quantiles, (n, levels).
        came: What came of each, for a value task; NaN for an event.
        began_s: When episodes began.
        threshold: From which probability there is an alarm; None for a value task.
    """

    host: str
    at_s: Numbers
    seen: Numbers
    limit: Numbers
    said: dict[str, Numbers]
    came: Numbers
    began_s: tuple[float, ...]
    threshold: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProof:
    """What is to be shown of one release.

    Attributes:
        name: Task and release.
        title: What it predicts, in words.
        headline: What is to be thought of it.
        is_event: Whether it answers probabilities.
        is_worse: Whether it is shown to be worse than another.
        facts: Name and value.
        ranks: Who ranked the moments how well.
        hosts: A row a host.
        losses: Sentences: behind whom it comes.
        lines: Precision by recall, one a forecaster.
        calibrations: What was said against what came.
        bars: By host; None where no host has figures.
        day: One day; None where nothing was predicted.
    """

    name: str
    title: str
    headline: str
    is_event: bool
    is_worse: bool
    facts: tuple[tuple[str, str], ...]
    ranks: Sheet
    hosts: Sheet
    losses: tuple[str, ...]
    lines: tuple[Line, ...]
    calibrations: tuple[Calibration, ...]
    bars: Bars | None
    day: Day | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A whole page.

    Attributes:
        title: Its name.
        facts: What was judged on what.
        overview: A row a release.
        tasks: One a release.
        command: How to make this page again.
        version: Of this program.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    overview: Sheet
    tasks: tuple[TaskProof, ...]
    command: str
    version: str


def precision_recall(label: str, *, scores: Vector, happened: Vector) -> Line:
    """Return a ranking's precision by recall, at 300 recalls or fewer.

    Args:
        label: What the forecaster is called.
        scores: The higher, the sooner an alarm; shape (n,).
        happened: 1 where the event came, else 0; at least one 1; shape (n,).
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(happened[order])
    # Rows of equal score stand or fall together: only the last of them is a point.
    ordered = scores[order]
    is_end = np.append(ordered[1:] < ordered[:-1], np.True_)
    ends = np.flatnonzero(is_end)
    recall, precision = hits[ends] / hits[-1], hits[ends] / (ends + 1)
    chosen = np.unique(np.linspace(0, len(ends) - 1, _POINTS).round().astype(np.intp))
    return Line(label=label, x=recall[chosen], y=precision[chosen])


def day_of(
    hosts: Sequence[Answers], *, horizon_s: float
) -> tuple[Answers, tuple[float, ...]] | None:
    """Return the answers of one day, and when episodes began in it.

    Of the host with the most episodes, the day around the middle one: neither the best
    nor the worst. Of a value task, the middle day of the first host.

    Args:
        hosts: What everybody answered on each.
        horizon_s: How far ahead is predicted.
    """
    began = [beginnings(each.happened_s, apart_s=horizon_s) for each in hosts]
    if not any(map(len, hosts)):
        return None
    place = max(range(len(hosts)), key=lambda n: (len(began[n]), len(hosts[n])))
    host, events = hosts[place], began[place]
    middle = len(host) // 2
    around_s = events[len(events) // 2] if events else float(host.at_s[middle])
    is_near = np.abs(host.at_s - around_s) <= DAY_S / 2
    # Of many entities one is enough, the one that it happened to.
    hit = np.flatnonzero(host.happened_s == around_s)
    is_own = host.entity == host.entity[hit[0] if len(hit) else middle]
    day = host.at(is_near & is_own, days=1.0)
    near = (event for event in events if abs(event - around_s) <= DAY_S / 2)
    return day, tuple(near)
