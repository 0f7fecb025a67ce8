"""Examples: what a task's moments on a recording look like, and what came of them.

Made by the agent's own window, features, baseline and outcomes, in the order of a tick,
so that training and serving cannot differ.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from agent.core.baseline import Baseline
from agent.core.expression import Expression, lookback_s
from agent.core.features import bind
from agent.core.moment import Moment, OutcomeKind
from agent.core.outcome import read_event
from agent.core.sample import Sample
from agent.core.situation import Sight
from agent.core.situation import lookback_s as sight_lookback_s
from agent.core.target import EventTarget
from agent.core.window import Window
from central.core.recording import Recording

NEVER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is learnt.

    Attributes:
        target: An onset event of a series with `$entity`, which names the case.
        features: What the model sees, in the order of its input.
        min_coverage: As in the manifest.
    """

    target: EventTarget
    features: tuple[Expression, ...]
    min_coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Resolved moments; arrays of length n, in the order of resolving.

    Attributes:
        features: float32, shape (n, n_features).
        happened: Whether the event came within the horizon.
        baseline: What the agent's baseline said, having seen that case's past only.
        row: Of the recording, at which it was predicted.
        age: Samples that the agent had seen since its start, at least 1.
        case: Of the recording.
        event: Row at which it happened, or `NEVER`.
    """

    features: npt.NDArray[np.float32]
    happened: npt.NDArray[np.bool_]
    baseline: npt.NDArray[np.float64]
    row: npt.NDArray[np.intp]
    age: npt.NDArray[np.intp]
    case: npt.NDArray[np.intp]
    event: npt.NDArray[np.intp]


def examples(
    recording: Recording,
    *,
    task: Task,
    every: int,
    restarts: frozenset[int] = frozenset(),
) -> Examples:
    """Return the examples of one recording.

    Args:
        recording: Whose.
        task: What is learnt.
        every: Rows from one prediction to the next.
        restarts: Rows before which the window is emptied, as at an agent's start, so
            that the model learns to do with little. What comes of open moments is
            known all the same: the recording goes on.
    """
    student = _Student(recording, task)
    for row, values in enumerate(recording.values):
        if row in restarts:
            student.restart()
        student.live(values)
        student.resolve(row)
        if row % every == 0:
            student.predict(row)
    return student.found(width=len(task.features))


@dataclass(frozen=True, slots=True)
class _Open:
    """A moment that waits for its outcome."""

    due: int
    row: int
    age: int
    case: int
    moment: Moment
    baseline: float


@dataclass(slots=True)
class _Columns:
    """Resolved moments, column by column."""

    features: list[npt.NDArray[np.float32]] = field(default_factory=list)
    happened: list[bool] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    age: list[int] = field(default_factory=list)
    case: list[int] = field(default_factory=list)
    event: list[int] = field(default_factory=list)


class _Student:
    """One pass over a recording, a host for each of its cases."""

    def __init__(self, recording: Recording, task: Task) -> None:
        target = task.target
        self._task = task
        back_s = [sight_lookback_s(target), *(lookback_s(e) for e in task.features)]
        interval_s = recording.interval_s
        self._window = Window(interval_s=interval_s, span_s=max(back_s))
        # What came is read off a window of its own, which no restart empties.
        self._truth = Window(
            interval_s=interval_s, span_s=target.sustained_s + target.within_s
        )
        self._next = 0
        self._age = 0
        self._horizon = self._window.count(target.within_s)
        names = [f"case-{n}" for n in range(recording.values.shape[1])]
        self._names = names
        self._layout = tuple(str(target.series.bound(name)) for name in names)
        self._sight = Sight(
            target,
            entities=names,
            window=self._window,
            min_coverage=task.min_coverage,
        )
        self._features = bind(
            task.features,
            entities=names,
            window=self._window,
            min_coverage=task.min_coverage,
        )
        self._baselines = [Baseline(target) for _ in names]
        self._open: deque[_Open] = deque()
        self._columns = _Columns()

    def restart(self) -> None:
        self._window.clear()
        self._age = 0

    def live(self, values: npt.NDArray[np.float32]) -> None:
        at = self._window.instant_of(self._next)
        self._next += 1
        self._age += 1
        sample = Sample(at=at, layout=self._layout, values=values)
        self._window.append(sample)
        self._truth.append(sample)

    def resolve(self, row: int) -> None:
        now = self._window.instant_of(row)
        while self._open and self._open[0].due <= row:
            waiting = self._open.popleft()
            outcome = read_event(
                waiting.moment,
                target=self._task.target,
                window=self._truth,
                min_coverage=self._task.min_coverage,
                now=now,
            )
            self._baselines[waiting.case].learn(waiting.moment, outcome)
            if outcome.kind is OutcomeKind.VOID:
                continue
            at = outcome.happened_at
            event = NEVER if at is None else self._truth.slot_of(at)
            self._keep(waiting, event)

    def predict(self, row: int) -> None:
        now = self._window.instant_of(row)
        seen = self._sight.read(now)
        features = self._features.evaluate(at=now, limit=seen.limits)
        due_at = now + timedelta(seconds=self._task.target.within_s)
        is_onset = np.isfinite(seen.values) & ~seen.holds
        for case in np.flatnonzero(is_onset).tolist():
            value, state = float(seen.values[case]), seen.states[case]
            moment = Moment(
                id=0,
                task="",
                entity=self._names[case],
                at=now,
                due_at=due_at,
                limit=float(seen.limits[case]),
                origin=value,
                state=state,
                features=features[case],
                predictions=(),
            )
            (said,) = self._baselines[case].predict(state=state, value=value)
            due = row + self._horizon
            self._open.append(_Open(due, row, self._age, case, moment, said))

    def found(self, *, width: int) -> Examples:
        columns = self._columns
        return Examples(
            features=np.array(columns.features, dtype=np.float32).reshape(-1, width),
            happened=np.array(columns.happened, dtype=np.bool_),
            baseline=np.array(columns.baseline, dtype=np.float64),
            row=np.array(columns.row, dtype=np.intp),
            age=np.array(columns.age, dtype=np.intp),
            case=np.array(columns.case, dtype=np.intp),
            event=np.array(columns.event, dtype=np.intp),
        )

    def _keep(self, waiting: _Open, event: int) -> None:
        columns = self._columns
        columns.features.append(waiting.moment.features)
        columns.happened.append(event != NEVER)
        columns.baseline.append(waiting.baseline)
        columns.row.append(waiting.row)
        columns.age.append(waiting.age)
        columns.case.append(waiting.case)
        columns.event.append(event)


def joined(parts: Sequence[Examples]) -> Examples:
    """Return several recordings' examples as one; rows and cases keep their numbers."""
    return Examples(
        features=np.concatenate([p.features for p in parts]),
        happened=np.concatenate([p.happened for p in parts]),
        baseline=np.concatenate([p.baseline for p in parts]),
        row=np.concatenate([p.row for p in parts]),
        age=np.concatenate([p.age for p in parts]),
        case=np.concatenate([p.case for p in parts]),
        event=np.concatenate([p.event for p in parts]),
    )


def chosen(all_: Examples, mask: npt.NDArray[np.bool_]) -> Examples:
    """Return the examples at which `mask` holds."""
    return Examples(
        features=all_.features[mask],
        happened=all_.happened[mask],
        baseline=all_.baseline[mask],
        row=all_.row[mask],
        age=all_.age[mask],
        case=all_.case[mask],
        event=all_.event[mask],
    )
