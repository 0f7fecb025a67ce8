"""The study of a value: every host forecast by a model that saw neither it nor a twin.

What the models of the others were off by, on hosts that they did not know, is what the
quantiles are shifted by; a host's own errors never shift what is judged on it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from agent.core.answers import Answers
from agent.core.rows import Rows
from central.core.conformal import shifts
from central.core.splits import Part, folds, parts

RELEASE: Final = "release"
BASELINE: Final = "baseline"
_DAY_S: Final = 86400.0
_FOLDS: Final = 5
# Below it a host stands still: there is no unit to learn in.
_STILL: Final = 1e-5

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]
Quantiles = npt.NDArray[np.float64]


class Learnt(Protocol):
    """What was learnt of a change, in units of the host's own scale."""

    def quantiles(self, features: Matrix) -> Quantiles:
        """Return the quantiles of features, shape (n, levels)."""
        ...


class Learn(Protocol):
    """How it is learnt: from features and changes in units of the last feature."""

    def __call__(self, features: Matrix, change: Vector) -> Learnt:
        """Return what the examples teach."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValueLesson:
    """A recorded host and its moments.

    Attributes:
        host: Its name.
        group: Hosts of one group never stand on both sides of a split.
        interval_s: Distance between samples, the first being at 0 s.
        length: Samples.
        settled: The moments of an agent that runs from the beginning on.
        early: Those of agents that were started later, and had hardly a past.
    """

    host: str
    group: str
    interval_s: float
    length: int
    settled: Rows
    early: Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was forecast on hosts left out, in the last third of their time.

    Attributes:
        settled: Each host's moments.
        early: Those of agents just started.
        shifts: What a model of all hosts is to be shifted by.
    """

    settled: Sequence[Answers]
    early: Sequence[Answers]
    shifts: tuple[float, ...]


def studied(
    lessons: Sequence[ValueLesson],
    *,
    learn: Learn,
    levels: Sequence[float],
    horizon_s: float,
    heard: Sequence[ValueLesson] = (),
) -> Judged:
    """Return how forecasts did on hosts that nobody learnt from.

    Args:
        lessons: Of two groups of hosts or more.
        learn: Returns what examples teach.
        levels: Of the quantiles.
        horizon_s: Of the task.
        heard: Lessons of another task on the same hosts, which teach, too.
    """
    course = _Course(lessons, heard=heard, horizon_s=horizon_s, levels=levels)
    learnt = course.learnt(learn)
    everyone = range(len(lessons))
    apart = [
        [other for other in everyone if lessons[other].group != lesson.group]
        for lesson in lessons
    ]
    chosen = [course.shifts(learnt, others, (Part.VALIDATE,)) for others in apart]
    return Judged(
        settled=[
            course.answers(n, learnt[n], chosen[n], is_early=False) for n in everyone
        ],
        early=[
            course.answers(n, learnt[n], chosen[n], is_early=True) for n in everyone
        ],
        shifts=course.shifts(learnt, everyone, (Part.VALIDATE, Part.TEST)),
    )


def examples(rows: Sequence[Rows]) -> tuple[Matrix, Vector]:
    """Return features and changes in units of the last feature, of hosts that move."""
    features = np.concatenate([each.features for each in rows])
    change = np.concatenate([each.outcome for each in rows])
    scale = features[:, -1].astype(np.float64)
    moves = scale > _STILL
    return features[moves], change[moves] / scale[moves]


class _Course:
    """The lessons, cut by time."""

    def __init__(
        self,
        lessons: Sequence[ValueLesson],
        *,
        heard: Sequence[ValueLesson],
        horizon_s: float,
        levels: Sequence[float],
    ) -> None:
        self._lessons = lessons
        self._heard = heard
        self._horizon_s = horizon_s
        self._levels = levels

    def learnt(self, learn: Learn) -> list[Learnt]:
        """Return for each lesson what the other folds' early time teaches."""
        groups = [lesson.group for lesson in self._lessons]
        fold_of = folds(groups, count=_FOLDS)
        found = {
            fold: learn(*examples(list(self._taught_without(fold, fold_of))))
            for fold in sorted(set(fold_of.values()))
        }
        return [found[fold_of[group]] for group in groups]

    def shifts(
        self,
        learnt: Sequence[Learnt],
        hosts: Sequence[int],
        times: Sequence[Part],
    ) -> tuple[float, ...]:
        """Return what the left-out hosts' forecasts are to be shifted by."""
        said, came, host = [], [], []
        for number in hosts:
            rows = self._of(self._lessons[number], times)
            features, change = examples([rows])
            said.append(learnt[number].quantiles(features))
            came.append(change)
            host.append(np.full(len(change), number))
        return shifts(
            np.concatenate(said),
            came=np.concatenate(came),
            host=np.concatenate(host),
            levels=self._levels,
        )

    def answers(
        self, number: int, learnt: Learnt, shift: Sequence[float], *, is_early: bool
    ) -> Answers:
        """Return what was said of a host's last third, as its model would say it."""
        lesson = self._lessons[number]
        rows = self._of(lesson, (Part.TEST,), is_early=is_early)
        scale = np.nan_to_num(rows.features[:, -1:].astype(np.float64))
        said = np.sort(learnt.quantiles(rows.features) + np.asarray(shift), axis=1)
        days = np.unique(rows.at_s // _DAY_S)
        return Answers(
            host=lesson.host,
            days=float(len(days)),
            at_s=rows.at_s,
            outcome=rows.outcome,
            happened_s=rows.happened_s,
            origin=rows.origin,
            limit=rows.limit,
            entity=np.zeros(len(rows), dtype=np.int64),
            reference=np.zeros(len(rows)),
            said={RELEASE: said * scale, BASELINE: rows.baseline},
        )

    def _taught_without(self, fold: int, fold_of: dict[str, int]) -> Iterator[Rows]:
        for lesson in (*self._lessons, *self._heard):
            if fold_of[lesson.group] != fold:
                yield self._of(lesson, (Part.TRAIN,))
                yield self._of(lesson, (Part.TRAIN,), is_early=True)

    def _of(
        self, lesson: ValueLesson, times: Sequence[Part], *, is_early: bool = False
    ) -> Rows:
        rows = lesson.early if is_early else lesson.settled
        row = np.rint(rows.at_s / lesson.interval_s)
        there = parts(
            row.astype(np.intp),
            rows=lesson.length,
            horizon=round(self._horizon_s / lesson.interval_s),
        )
        return rows.at(np.isin(there, times))
