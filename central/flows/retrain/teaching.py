"""Teaching: trees are chosen, grown, calibrated and written as a model."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.errors import ModelError
from central.core.decision import Threshold, threshold_of_cost, threshold_of_f1
from central.core.division import Division
from central.core.measure import Measure
from central.core.platt import Line, fitted, log_loss, probability
from central.core.samples import Samples
from central.core.settings import Settings, candidates, usual
from central.core.weighing import rate_shift
from central.ports import TrainedModel
from central.ports.learning import Learner, Learnt, Lesson

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]

_MOST_APART: Final = 1e-4
# With fewer rows a quarter of them says little of how settings would do on all.
_MANY_ROWS: Final = 8_000
_FIRST_SHARE: Final = 0.25
_SURVIVORS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is to be taught, and how long it may take.

    Attributes:
        division: The samples.
        lesson: Which of them teach.
        signs: Which way each feature may move the answer.
        levels: Quantiles that are forecast; empty for an event.
        measure: How answers are judged.
        seed: Of whatever is drawn.
        trials: How many settings are tried at most.
        budget_s: No further trial begins after so long.
        false_alarms: How many cost as much as a miss; None: the best F1 is sought.
    """

    division: Division
    lesson: Lesson
    signs: tuple[int, ...]
    levels: tuple[float, ...]
    measure: Measure
    seed: int
    trials: int
    budget_s: float
    false_alarms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """A model, and how it came about.

    Attributes:
        trials: How many settings were tried.
        shift: What set the rate right; 0 for a value.
        line: What calibrated it afterwards.
        difference: The largest between the model's file and what it was made from.
        threshold: None for a value.
    """

    model: TrainedModel
    settings: Settings
    trials: int
    shift: float
    line: Line
    difference: float
    threshold: Threshold | None


def search(
    course: Course, *, scout: Learner, elapsed_s: Callable[[], float]
) -> tuple[Settings, int]:
    """Return the settings that do best on what tunes, and how many were tried.

    Many are tried on some of the rows, and the best of them on all.

    Source:
        Jamieson and Talwalkar, "Non-stochastic best arm identification and
        hyperparameter optimization", AISTATS 2016 (successive halving).
    """
    teach = course.division.teach
    first = usual(len(teach), levels=course.levels, seed=course.seed)
    rng = np.random.default_rng(course.seed)
    drawn = candidates(replace(first, bags=1), rows=len(teach), rng=rng)
    pool = list(islice(drawn, course.trials))
    tried = 0
    for share in (_FIRST_SHARE, 1.0) if len(teach) >= _MANY_ROWS else (1.0,):
        rows = teach.where(_some(len(teach), share, rng))
        losses: list[float] = []
        for settings in pool:
            if losses and elapsed_s() > course.budget_s:
                break
            losses.append(_loss(course, rows, settings, scout))
        tried = max(tried, len(losses))
        ranked = np.argsort(losses, kind="stable")
        pool = [pool[place] for place in ranked[: max(1, len(losses) // _SURVIVORS)]]
    return replace(pool[0], bags=first.bags), tried


def teach(
    course: Course, *, learner: Learner, settings: Settings, trials: int
) -> Taught:
    """Return the model that the rows teach, calibrated and checked.

    Raises:
        ModelError: The file answers otherwise than what it was made from.
        UnavailableError: The cluster cannot be had now.
    """
    rows, tune = course.division.teach, course.division.tune
    learnt = learner.learn(
        rows, lesson=course.lesson, signs=course.signs, settings=settings
    )
    set_right, line = 0.0, Line(slope=1.0, shift=0.0)
    if not course.levels:
        set_right = rate_shift(rows, settings=settings)
        logit = learnt.raw(tune.features) + set_right
        line = fitted(logit, label=tune.label, weight=tune.weight)
    # slope * (raw + set_right) + shift, as one line through what was learnt.
    whole = replace(line, shift=line.slope * set_right + line.shift)
    model = learnt.model(slope=whole.slope, shift=whole.shift)
    return Taught(
        model=model,
        settings=settings,
        trials=trials,
        shift=set_right,
        line=line,
        difference=_difference(course, learnt=learnt, line=whole, model=model),
        threshold=_threshold(course, model),
    )


def finished(
    course: Course, taught: Taught, *, samples: Samples, learner: Learner
) -> Taught:
    """Return what is shipped: the same lesson, taught by every sample there is.

    What judged has done its part. To leave it out of what hosts run would cost what it
    knows, above all where few hosts have sent any.

    Args:
        course: What taught the one that was judged.
        taught: The one that was judged; settings, calibration and threshold stay.
        samples: All of them.
        learner: Grows the trees.

    Raises:
        ModelError: The file answers otherwise than what it was made from.
        UnavailableError: The cluster cannot be had now.
    """
    lesson = replace(
        course.lesson,
        hosts=frozenset(samples.host.tolist()),
        until=float(samples.at.max()) + 1.0,
    )
    settings = taught.settings
    learnt = learner.learn(
        samples, lesson=lesson, signs=course.signs, settings=settings
    )
    set_right = rate_shift(samples, settings=settings)
    line = taught.line
    whole = replace(line, shift=line.slope * set_right + line.shift)
    model = learnt.model(slope=whole.slope, shift=whole.shift)
    return replace(
        taught,
        model=model,
        shift=set_right,
        difference=_difference(course, learnt=learnt, line=whole, model=model),
    )


def _some(count: int, share: float, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return the numbers of a share of the rows, drawn at random, in their order."""
    return np.sort(rng.permutation(count)[: round(share * count)])


def _loss(course: Course, rows: Samples, settings: Settings, scout: Learner) -> float:
    """Return how far off trees are on what tunes, once they are calibrated."""
    tune = course.division.tune
    learnt = scout.learn(
        rows, lesson=course.lesson, signs=course.signs, settings=settings
    )
    raw = learnt.raw(tune.features)
    if not course.levels:
        logit = raw + rate_shift(rows, settings=settings)
        line = fitted(logit, label=tune.label, weight=tune.weight)
        logit = line.slope * logit + line.shift
        return log_loss(logit, label=tune.label, weight=tune.weight)
    losses = course.measure.losses(raw, label=tune.label)
    return float(np.average(losses, weights=tune.weight))


def _difference(
    course: Course, *, learnt: Learnt, line: Line, model: TrainedModel
) -> float:
    """Return how far the file is from what it was made from, on what did not teach.

    Rows with a gap where none ever taught are left out: LightGBM takes such a gap for
    0, which nobody wants, and the file sends it where most rows went.

    Raises:
        ModelError: Too far.
    """
    division = course.division
    there = ~np.isnan(division.teach.features).any(axis=0)
    features = np.concatenate([division.tune.features, division.judge.features])
    features = features[~np.isnan(features[:, there]).any(axis=1)]
    if not len(features):
        return 0.0
    raw = learnt.raw(features)
    expected = raw if course.levels else probability(line.slope * raw + line.shift)
    apart = np.abs(model.score(features) - expected) / np.maximum(1, np.abs(expected))
    if (most := float(apart.max())) > _MOST_APART:
        raise ModelError(
            f"model: expected the ONNX file to answer within {_MOST_APART:g} of the "
            f"trees it was made from, got {most:.2g}; nothing is published"
        )
    return most


def _threshold(course: Course, model: TrainedModel) -> Threshold | None:
    if course.levels:
        return None
    if course.false_alarms is not None:
        return threshold_of_cost(course.false_alarms)
    tune = course.division.tune
    said = model.score(tune.features)
    return threshold_of_f1(said, tune.label > 0, weight=tune.weight)
