"""Alarms: which episodes people would have been warned of, and which came to nothing.

An *episode* is what people live through: the event, with every return of it within one
horizon. An *alarm* is raised where the probability reaches the threshold and lasts
until it falls below the one that clears it.
"""

from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.answers import Answers, Vector

Mask = npt.NDArray[np.bool_]


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """What alarms came to on one host, or on all.

    Attributes:
        days: Host-days.
        alarms: How often an alarm was raised; `false_alarms` of them for nothing.
        episodes: Of the event; `warned` of them had an alarm before they began.
        leads_s: Of each warned episode, from its first alarm to its beginning.
    """

    days: float
    alarms: int
    false_alarms: int
    episodes: int
    warned: int
    leads_s: tuple[float, ...]

    @property
    def per_day(self) -> float | None:
        """Alarms per host-day."""
        return self.alarms / self.days if self.days else None

    @property
    def false_per_day(self) -> float | None:
        """Alarms per host-day that came to nothing."""
        return self.false_alarms / self.days if self.days else None

    @property
    def recall(self) -> float | None:
        """Share of the episodes that were warned of."""
        return self.warned / self.episodes if self.episodes else None

    @property
    def precision(self) -> float | None:
        """Share of the alarms that came true."""
        return 1 - self.false_alarms / self.alarms if self.alarms else None

    @property
    def lead_s(self) -> float | None:
        """The middle lead time."""
        return float(np.median(self.leads_s)) if self.leads_s else None


def raised(
    answers: Answers,
    probabilities: Vector,
    *,
    threshold: float,
    clear: float,
    horizon_s: float,
) -> Mask:
    """Return at which rows an alarm stands.

    Where an entity is not predicted for longer than a horizon its alarm is over.
    """
    found = np.zeros(len(answers), dtype=np.bool_)
    standing: dict[int, float] = {}
    rows = zip(
        answers.entity.tolist(),
        answers.at_s.tolist(),
        probabilities.tolist(),
        strict=True,
    )
    for row, (entity, at_s, probability) in enumerate(rows):
        since_s = at_s - standing.pop(entity, -np.inf)
        if probability >= (clear if since_s <= horizon_s else threshold):
            standing[entity] = at_s
            found[row] = True
    return found


def foremost(scores: Vector, *, count: int) -> Mask:
    """Return the rows that a rule would raise an alarm at, were it to at `count`.

    Rows of equal score stand or fall together, so they may be fewer.
    """
    if not 0 < count < len(scores):
        return np.full(len(scores), count > 0)
    bar = np.partition(scores, len(scores) - count - 1)[len(scores) - count - 1]
    above: Mask = scores > bar
    return above


def warned(answers: Answers, alarm: Mask, *, horizon_s: float) -> Warned:
    """Return what the alarms of one host came to.

    Args:
        answers: Whose rows they are.
        alarm: At which of them an alarm stands; shape (n,).
        horizon_s: How far ahead is predicted.
    """
    alarms = false_alarms = episodes = 0
    leads_s: list[float] = []
    for entity in np.unique(answers.entity).tolist():
        own = np.flatnonzero(answers.entity == entity)
        at_s, stands = answers.at_s[own], alarm[own]
        happened_s = answers.happened_s[own]
        of_alarm = _numbered(at_s, stands, apart_s=horizon_s)
        alarms += len(set(of_alarm.tolist()))
        came_true = {*of_alarm[~np.isnan(happened_s[stands])].tolist()}
        false_alarms += len(set(of_alarm.tolist()) - came_true)
        begins_s = beginnings(happened_s, apart_s=horizon_s)
        episodes += len(begins_s)
        leads_s += _leads_s(begins_s, at_s=at_s[stands], happened_s=happened_s[stands])
    return Warned(
        days=answers.days,
        alarms=alarms,
        false_alarms=false_alarms,
        episodes=episodes,
        warned=len(leads_s),
        leads_s=tuple(leads_s),
    )


def together(parts: list[Warned]) -> Warned:
    """Return what the alarms of several hosts came to."""
    return Warned(
        days=sum(each.days for each in parts),
        alarms=sum(each.alarms for each in parts),
        false_alarms=sum(each.false_alarms for each in parts),
        episodes=sum(each.episodes for each in parts),
        warned=sum(each.warned for each in parts),
        leads_s=tuple(lead for each in parts for lead in each.leads_s),
    )


def beginnings(happened_s: Vector, *, apart_s: float) -> list[float]:
    """Return when episodes began: events further than this from the one before."""
    events: list[float] = np.unique(happened_s[~np.isnan(happened_s)]).tolist()
    return events[:1] + [b for a, b in pairwise(events) if b - a > apart_s]


def _numbered(at_s: Vector, stands: Mask, *, apart_s: float) -> npt.NDArray[np.int64]:
    """Return the number of the alarm that each of its rows belongs to.

    A row without an alarm ends one, and so does a longer time without a row.
    """
    rows = np.flatnonzero(stands)
    is_new = (np.diff(rows) > 1) | (np.diff(at_s[rows]) > apart_s)
    return np.concatenate([[0], np.cumsum(is_new)])[: len(rows)].astype(np.int64)


def _leads_s(begins_s: list[float], *, at_s: Vector, happened_s: Vector) -> list[float]:
    """Return the lead times of the episodes that alarms, at these rows, told of."""
    first: dict[float, float] = {}
    for at, happened in zip(at_s.tolist(), happened_s.tolist(), strict=True):
        first.setdefault(happened, at)
    return [begin - first[begin] for begin in begins_s if begin in first]
