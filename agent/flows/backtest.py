"""Backtest: what releases would have said on a recorded host, and the simple rules too.

One pass of the agent's own code over the recording makes the moments of all tasks;
then every release, the baseline and the peers answer the very same ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from agent.core.answers import Answers, climatology
from agent.core.columns import lost_unit
from agent.core.expression import Expression
from agent.core.fit import misfit
from agent.core.kmeans import strangeness
from agent.core.manifest import Manifest
from agent.core.moment import BASELINE
from agent.core.peers import Peer, expressions, ranking
from agent.core.recalibration import Recalibration
from agent.core.recorded import Recorded
from agent.core.rehearsal import Rows, rehearse
from agent.core.target import EventTarget, ValueMeaning, ValueTarget
from agent.core.window import Window
from agent.errors import ConfigError
from agent.flows.replay import unmet
from agent.ports import Model

Vector: TypeAlias = npt.NDArray[np.float64]

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A release that is to be judged.

    Attributes:
        label: What it is called among those who answer.
        manifest: What was signed about it.
        model: What answers.
    """

    label: str
    manifest: Manifest
    model: Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """The releases of one task; the first says when is predicted, and what.

    Raises:
        ConfigError: One predicts another target than the first.
    """

    contenders: tuple[Contender, ...]

    def __post_init__(self) -> None:
        leading = self.manifest
        for each in self.contenders[1:]:
            if each.manifest.target != leading.target:
                raise ConfigError(
                    f"{each.label}: expected the target of {self.contenders[0].label}, "
                    f"task {leading.task}; it predicts another one"
                )

    @property
    def manifest(self) -> Manifest:
        """The leading release's."""
        return self.contenders[0].manifest

    @property
    def target(self) -> EventTarget | ValueTarget:
        """What is predicted."""
        return self.manifest.target


def obstacle(manifest: Manifest, recorded: Recorded) -> str | None:
    """Return why a task cannot be judged on a recorded host, or None."""
    if missing := unmet(manifest, recorded.layout):
        return f"needs {', '.join(map(str, missing))}, which is not recorded"
    if lost := lost_unit(manifest, normalised=recorded.normalised):
        return lost
    return misfit(manifest, new_window=partial(Window, interval_s=recorded.interval_s))


def hear(
    recorded: Recorded,
    *,
    contests: Sequence[Contest],
    last: float = 1.0,
    on_sample: Callable[[], None] | None = None,
) -> dict[str, Answers]:
    """Return what everybody answered on a recorded host, by task.

    Args:
        recorded: The host; no contest has an `obstacle` on it.
        contests: One a task.
        last: Of how much of the time at its end the answers are wanted, 0..1; what
            came before teaches climatology, k-means and baseline all the same.
        on_sample: Called after each sample, to show progress.

    Raises:
        ModelError: A model raised, or answered what cannot be.
    """
    rehearsed = rehearse(
        recorded.samples(),
        interval_s=recorded.interval_s,
        origin_s=recorded.origin_s,
        tasks=[each.manifest for each in contests],
        extras={
            each.manifest.task: [*_others(each), *_rules(each, recorded).values()]
            for each in contests
        },
        on_sample=on_sample,
    )
    return {
        each.manifest.task: _of_the_last(
            _answers(rehearsed[each.manifest.task], contest=each, recorded=recorded),
            recorded=recorded,
            share=last,
        )
        for each in contests
    }


def _others(contest: Contest) -> list[Expression]:
    """Return the features of the releases that follow the first."""
    return [
        formula.expression
        for each in contest.contenders[1:]
        for formula in each.manifest.features
    ]


def _rules(contest: Contest, recorded: Recorded) -> dict[Peer, Expression]:
    """Return the peers that are expressions; a value task has none."""
    if not isinstance(contest.target, EventTarget):
        return {}
    return expressions(contest.target, interval_s=recorded.interval_s)


def _answers(rows: Rows, *, contest: Contest, recorded: Recorded) -> Answers:
    names = sorted(set(rows.entity))
    target = contest.target
    is_event = isinstance(target, EventTarget)
    said = {BASELINE: rows.baseline[:, 0] if is_event else rows.baseline}
    said |= _said(rows, contest=contest, recorded=recorded)
    if isinstance(target, EventTarget):
        said |= _ranked(rows, contest=contest, recorded=recorded)
    return Answers(
        host=recorded.name,
        days=recorded.days,
        at_s=rows.at_s,
        outcome=rows.outcome,
        happened_s=rows.happened_s,
        origin=rows.origin,
        limit=rows.limit,
        entity=np.array([names.index(each) for each in rows.entity], dtype=np.int64),
        reference=_reference(rows, target=target),
        said=said,
    )


def _reference(rows: Rows, *, target: EventTarget | ValueTarget) -> Vector:
    if isinstance(target, EventTarget):
        return climatology(rows.outcome, rows.at_s, horizon_s=target.within_s)
    is_change = target.meaning is ValueMeaning.CHANGE
    return np.zeros(len(rows)) if is_change else rows.origin


def _said(rows: Rows, *, contest: Contest, recorded: Recorded) -> dict[str, Vector]:
    """Return what the releases answered, put right as on a live host if they ask so."""
    said: dict[str, Vector] = {}
    begin = 0
    for place, each in enumerate(contest.contenders):
        given = rows.features
        if place:
            width = len(each.manifest.features)
            given = rows.extras[:, begin : begin + width].astype(np.float32)
            begin += width
        scores = _scores(given, rows=rows, contender=each)
        if isinstance(contest.target, ValueTarget):
            said[each.label] = scores
        elif each.manifest.calibration is None:
            said[each.label] = scores[:, 0]
        else:
            every_s = max(contest.manifest.score_every, recorded.interval_s)
            share = min(1.0, every_s / contest.target.within_s)
            horizon_s = contest.target.within_s
            said[each.label] = calibrated(
                scores[:, 0], rows=rows, horizon_s=horizon_s, weight=share
            )
    return said


def _scores(
    given: npt.NDArray[np.float32], *, rows: Rows, contender: Contender
) -> Vector:
    """Return a release's answers; where it takes no gaps, the baseline speaks."""
    scores = rows.baseline.copy()
    rows_there = np.arange(len(given))
    if contender.manifest.missing == "skip":
        rows_there = np.flatnonzero(~np.isnan(given).any(axis=1))
    scores[rows_there] = contender.model.score(given[rows_there])
    return scores


def calibrated(
    probabilities: Vector, *, rows: Rows, horizon_s: float, weight: float
) -> Vector:
    """Return probabilities as a live host would have put them right, one by one.

    Args:
        probabilities: What the model itself said, shape (n,).
        rows: At which moments, and what came of them.
        horizon_s: After which an outcome is known.
        weight: What one outcome counts for.
    """
    own = Recalibration()
    said, at_s = probabilities.tolist(), rows.at_s.tolist()
    known = np.searchsorted(rows.at_s, rows.at_s - horizon_s, side="right")
    found = np.empty(len(said))
    learnt = 0
    for row, upto in enumerate(known.tolist()):
        for past in range(learnt, upto):
            happened = rows.outcome[past] > 0
            own.learn(said[past], happened=happened, weight=weight, at_s=at_s[past])
        learnt = max(learnt, upto)
        made = own.calibration(said[row])
        found[row] = said[row] if made is None else made.answer
    return found


def _ranked(rows: Rows, *, contest: Contest, recorded: Recorded) -> dict[str, Vector]:
    """Return the peers' scores; the higher, the sooner they would call."""
    target = contest.target
    if not isinstance(target, EventTarget):
        return {}
    rules = _rules(contest, recorded)
    found = dict(zip(rules, rows.extras[:, -len(rules) :].T, strict=True))
    is_upward = target.condition.is_upward
    ranked = {str(k): ranking(v, is_upward=is_upward) for k, v in found.items()}
    strange = _strange(rows, target=target, recorded=recorded)
    return ranked | {str(Peer.CLUSTERS): ranking(strange, is_upward=True)}


def _strange(rows: Rows, *, target: EventTarget, recorded: Recorded) -> Vector:
    slots = recorded.slots(rows.at_s)
    found = np.full(len(rows), np.nan)
    for entity in sorted(set(rows.entity)):
        points = recorded.on_grid(str(target.series.bound(entity)))
        scores = strangeness(points, interval_s=recorded.interval_s)
        own = np.flatnonzero([each == entity for each in rows.entity])
        found[own] = scores[slots[own]]
    return found


def _of_the_last(answers: Answers, *, recorded: Recorded, share: float) -> Answers:
    end_s = recorded.origin_s + recorded.days * _DAY_S
    since_s = end_s - share * recorded.days * _DAY_S
    return answers.at(answers.at_s >= since_s, days=share * recorded.days)
