"""The study: a task's examples of many recordings, split, learnt and judged.

Every recording is judged by a model that saw neither it nor its group, and only on the
last third of its time; the model that is shipped then learns from all there is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from central.core.examples import Examples, chosen, joined
from central.core.figures import Trial
from central.core.recording import Recording
from central.core.splits import Part, folds, parts

_DAY_S = 86400.0
# More than any recording has rows, cases or days.
_MANY = 10**6
Score = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]
Train = Callable[[Examples], Score]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A recording and its examples.

    Attributes:
        is_restless: Whether the agent was started again and again while it ran.
    """

    recording: Recording
    examples: Examples
    is_restless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Moments judged by models that never saw their host.

    Attributes:
        trial: The moments.
        part: Which stretch of time each is of: `Part.VALIDATE` or `Part.TEST`.
        is_serving: Whether each is at the limit that the task has when it serves.
        interval_s: Of each one's recording.
        age_s: How long the agent had been running at each.
        is_restless: Of each one's lesson.
        lesson: Number of each one's recording.
    """

    trial: Trial
    part: npt.NDArray[np.intp]
    is_serving: npt.NDArray[np.bool_]
    interval_s: npt.NDArray[np.float64]
    age_s: npt.NDArray[np.float64]
    is_restless: npt.NDArray[np.bool_]
    lesson: npt.NDArray[np.intp]


def judged(
    lessons: Sequence[Lesson],
    *,
    train: Train,
    horizon_s: float,
    group_of: Callable[[Recording], str],
    count: int = 4,
) -> Judged:
    """Return what follows each one's teaching, judged by a model of the others.

    Args:
        lessons: Of one task.
        train: Returns a model's answers, given what it may learn from.
        horizon_s: Of the task.
        group_of: Recordings of one group are judged by the same model.
        count: Models that are trained, one a fold.
    """
    fold_of = folds([group_of(lesson.recording) for lesson in lessons], count=count)
    placed = [fold_of[group_of(lesson.recording)] for lesson in lessons]
    found: list[Judged] = []
    for fold in sorted(set(placed)):
        score = train(
            joined(
                [
                    _of_part(lesson, Part.TRAIN, horizon_s)
                    for lesson, place in zip(lessons, placed, strict=True)
                    if place != fold
                ]
            )
        )
        found += [
            _judged(lesson, number=number, part=part, horizon_s=horizon_s, score=score)
            for number, lesson in enumerate(lessons)
            for part in (Part.VALIDATE, Part.TEST)
            if placed[number] == fold
        ]
    return _together(found)


def _of_part(lesson: Lesson, part: Part, horizon_s: float) -> Examples:
    recording = lesson.recording
    there = parts(
        lesson.examples.row,
        rows=len(recording.values),
        horizon=round(horizon_s / recording.interval_s),
    )
    return chosen(lesson.examples, there == part)


def _judged(
    lesson: Lesson, *, number: int, part: Part, horizon_s: float, score: Score
) -> Judged:
    known = _of_part(lesson, part, horizon_s)
    recording = lesson.recording
    count = len(known.row)
    day = (known.row * recording.interval_s // _DAY_S).astype(np.intp)
    case = number * _MANY + known.case
    return Judged(
        trial=Trial(
            probability=score(known.features),
            baseline=known.baseline,
            happened=known.happened,
            event=case * _MANY + known.event,
            block=number * _MANY + day,
        ),
        part=np.full(count, part, dtype=np.intp),
        is_serving=recording.serving[known.case],
        interval_s=np.full(count, recording.interval_s),
        age_s=known.age.astype(np.float64) * recording.interval_s,
        is_restless=np.full(count, lesson.is_restless),
        lesson=np.full(count, number, dtype=np.intp),
    )


def _together(parts_: Sequence[Judged]) -> Judged:
    trials = [part.trial for part in parts_]
    return Judged(
        trial=Trial(
            probability=np.concatenate([t.probability for t in trials]),
            baseline=np.concatenate([t.baseline for t in trials]),
            happened=np.concatenate([t.happened for t in trials]),
            event=np.concatenate([t.event for t in trials]),
            block=np.concatenate([t.block for t in trials]),
        ),
        part=np.concatenate([part.part for part in parts_]),
        is_serving=np.concatenate([part.is_serving for part in parts_]),
        interval_s=np.concatenate([part.interval_s for part in parts_]),
        age_s=np.concatenate([part.age_s for part in parts_]),
        is_restless=np.concatenate([part.is_restless for part in parts_]),
        lesson=np.concatenate([part.lesson for part in parts_]),
    )
