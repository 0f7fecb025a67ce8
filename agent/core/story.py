"""What a replay's page tells, ready to be drawn: numbers and words, nothing to fetch.

A month of predictions has more points than a picture has columns. A curve is therefore
told by columns of equal width, each with the mean and the highest of what fell into it:
nothing that stood out is averaged away, and what is drawn is what was there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.moment import BASELINE

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One forecaster's answers over time.

    Attributes:
        label: What it is called.
        at_s: Unix seconds, ascending, shape (n,).
        mean: Shape (n,); NaN where nothing was said.
        highest: Shape (n,).
    """

    label: str
    at_s: Numbers
    mean: Numbers
    highest: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """A release that had one place in the line-up for a while; Unix seconds."""

    role: str
    digest: str
    label: str
    begins_s: float
    ends_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What one question came to over time.

    Attributes:
        thesis: What is tested, in words such as `not worse`,
        release: about this one,
        reference: compared with that one.
        threshold: From which evidence on it is taken for shown.
        at_s: Unix seconds, ascending, shape (n,).
        e_values: Shape (n,), above 0.
    """

    thesis: str
    release: str
    reference: str
    threshold: float
    at_s: Numbers
    e_values: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A turn in the life of a task's releases; Unix seconds."""

    at_s: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What one release said, against what came.

    Attributes:
        label: What it is called.
        said: Mean probability of a tenth, or a quantile level.
        came: Share that happened, or that was not above the prediction.
        counts: Predictions.
    """

    label: str
    said: tuple[float, ...]
    came: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table as people read it: every cell is text already."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStory:
    """What happened to one task.

    Attributes:
        name: The task's.
        title: What it predicts, in words.
        headline: Who is acted upon at the end, what happened and why.
        is_event: Whether answers are probabilities.
        begins_s: Unix seconds of the first row lived through; `ends_s` of the last.
        curves: One a forecaster.
        came: When the event happened, one a column, Unix seconds; for a value: never.
        tenures: Who was at work as what, and when.
        trails: One a question.
        marks: Turns.
        calibrations: One a forecaster.
        scorecards: How each did.
    """

    name: str
    title: str
    headline: str
    is_event: bool
    begins_s: float
    ends_s: float
    curves: tuple[Curve, ...]
    came: tuple[float, ...]
    tenures: tuple[Tenure, ...]
    trails: tuple[Trail, ...]
    marks: tuple[Mark, ...]
    calibrations: tuple[Calibration, ...]
    scorecards: Sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole page.

    Attributes:
        title: Its name.
        facts: What was replayed, name and value.
        releases: What was offered.
        tasks: One story a task.
        history: The life of releases, oldest first.
        command: How to make this page again.
        version: Of this program.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    releases: Sheet
    tasks: tuple[TaskStory, ...]
    history: Sheet
    command: str
    version: str


def curve(
    label: str,
    *,
    at_s: Sequence[float],
    values: Sequence[float],
    span_s: tuple[float, float],
    columns: int,
) -> Curve:
    """Return answers as at most `columns` columns of equal width.

    What already has no more points than columns is told point by point.

    Args:
        label: What the forecaster is called.
        at_s: Unix seconds of each answer, ascending.
        values: The answers; several may be of one instant, one an entity.
        span_s: From when to when the picture goes, Unix seconds.
        columns: How many it has.
    """
    instants, answers = np.asarray(at_s, float), np.asarray(values, float)
    own = np.unique(instants)
    if len(own) <= columns:
        places = np.searchsorted(own, instants)
        return _told(label, own, places, answers)
    edges = np.linspace(*span_s, columns + 1)
    places = np.clip(np.searchsorted(edges, instants, side="right") - 1, 0, columns - 1)
    return _told(label, (edges[:-1] + edges[1:]) / 2, places, answers)


def _told(
    label: str, at_s: Numbers, places: npt.NDArray[np.intp], answers: Numbers
) -> Curve:
    counts = np.bincount(places, minlength=len(at_s))
    sums = np.bincount(places, weights=answers, minlength=len(at_s))
    highest = np.full(len(at_s), -np.inf)
    np.maximum.at(highest, places, answers)
    nothing = counts == 0
    mean = np.divide(sums, counts, out=np.full(len(at_s), np.nan), where=~nothing)
    return Curve(
        label=label, at_s=at_s, mean=mean, highest=np.where(nothing, np.nan, highest)
    )


def thinned(
    at_s: Iterable[float], *, span_s: tuple[float, float], columns: int
) -> tuple[float, ...]:
    """Return the first instant of each column in which there is any."""
    begins_s, ends_s = span_s
    width_s = max(ends_s - begins_s, 1.0) / columns
    firsts: dict[int, float] = {}
    for instant_s in sorted(at_s):
        firsts.setdefault(int((instant_s - begins_s) / width_s), instant_s)
    return tuple(firsts.values())


def tenures(
    role: str,
    *,
    seen: Iterable[tuple[float, str | None]],
    ends_s: float,
    labels: Mapping[str, str],
) -> tuple[Tenure, ...]:
    """Return who had a place, from who was seen in it at which instants.

    Whoever was seen last has the place until somebody else, or nobody, is.

    Args:
        role: The place.
        seen: Instants, ascending, Unix seconds, with the digest of who was there.
        ends_s: When the picture ends.
        labels: What each release is called.
    """
    found: list[Tenure] = []
    begins_s, holder = ends_s, None
    for at_s, digest in (*seen, (ends_s, None)):
        if digest == holder:
            continue
        if holder is not None:
            found.append(
                Tenure(
                    role=role,
                    digest=holder,
                    label=labels.get(holder, holder[:12]),
                    begins_s=begins_s,
                    ends_s=at_s,
                )
            )
        begins_s, holder = at_s, digest
    return tuple(found)


def called(digest: str, labels: Mapping[str, str]) -> str:
    """Return what people call a release: `v3`, or the baseline."""
    return "baseline" if digest == BASELINE else labels.get(digest, digest[:12])
