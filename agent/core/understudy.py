"""The understudy: plays a live task at a rehearsal, predicting and resolving alike."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from agent.core.baseline import Baseline
from agent.core.features import bind, entities_of
from agent.core.manifest import Manifest
from agent.core.moment import Moment, Outcome, OutcomeKind
from agent.core.outcome import is_covered, read_event, read_value
from agent.core.rows import Rows
from agent.core.situation import Sight, Situation
from agent.core.target import EventTarget
from agent.core.window import Window


class _Open(NamedTuple):
    """A moment that waits for its outcome, the slot at which it is due before it."""

    due: int
    moment: Moment
    baseline: tuple[float, ...]


class _Known(NamedTuple):
    """A moment with what came of it."""

    moment: Moment
    baseline: tuple[float, ...]
    outcome: float
    happened_s: float


class Understudy:
    """One task at a rehearsal: its baseline, its open moments, what came of others."""

    def __init__(self, manifest: Manifest, *, width: int, window: Window) -> None:
        self.name = manifest.task
        self._manifest = manifest
        self._target = manifest.target
        self._width = width
        self._window = window
        self._every = window.count(manifest.score_every)
        self._ahead = timedelta(seconds=manifest.target.horizon_s)
        self._baseline = Baseline(manifest.target)
        # All wait equally long: who came first is due first.
        self._open: deque[_Open] = deque()
        self._known: list[_Known] = []
        self._scored_slot: int | None = None
        self._entities: tuple[str, ...] = ()
        self._revision = -1
        self._rebind()

    @property
    def next_due(self) -> int | None:
        """Slot at which the next moment is due, or None."""
        return self._open[0].due if self._open else None

    def forget(self) -> None:
        """Give up what is open: it was predicted under another clock."""
        self._open.clear()
        self._scored_slot = None

    def resolve(self) -> None:
        """Read what came of every moment due by the window's newest row."""
        slot = self._window.slot
        while slot is not None and self._open and self._open[0].due <= slot:
            waiting = self._open.popleft()
            outcome = self._outcome(waiting.moment)
            if outcome.kind is not OutcomeKind.VOID and self._is_fair(waiting, outcome):
                self._baseline.learn(waiting.moment, outcome)
                self._known.append(_known(waiting, outcome))

    def score(self, now: datetime) -> None:
        """Let a moment of each entity wait, if it is time and there is one to predict.

        Like the live task, one that could predict nothing tries again with the next
        sample.
        """
        if not self._is_time():
            return
        self._rebind()
        situation = self._sight.read(now)
        candidates = self._candidates(situation)
        if not candidates:
            return
        features = self._features.evaluate(at=now, limit=situation.limits)
        moments = [
            self._moment(row, now=now, situation=situation, features=features[row])
            for row in candidates
            if self._can_take(features[row, : self._width])
        ]
        if moments:
            self._scored_slot = self._window.slot
        for moment in moments:
            said = self._baseline.predict(state=moment.state, value=moment.origin)
            due = self._window.slot_of(moment.due_at)
            self._open.append(_Open(due, moment, said))

    def rows(self) -> Rows:
        """Return what is known."""
        known = self._known
        moments = [each.moment for each in known]
        wide = np.array([m.features for m in moments], dtype=np.float32)
        wide = wide.reshape(len(known), len(self._manifest.features))
        baseline = np.array([each.baseline for each in known], dtype=np.float64)
        return Rows(
            features=wide[:, : self._width],
            outcome=_vector(each.outcome for each in known),
            baseline=baseline.reshape(len(known), self._manifest.outputs),
            extras=wide[:, self._width :].astype(np.float64),
            at_s=_vector(m.at.timestamp() for m in moments),
            limit=_vector(np.nan if m.limit is None else m.limit for m in moments),
            origin=_vector(m.origin for m in moments),
            entity=tuple(m.entity for m in moments),
            happened_s=_vector(each.happened_s for each in known),
        )

    def _is_time(self) -> bool:
        slot = self._window.slot
        if self._scored_slot is None or slot is None:
            return True
        return slot - self._scored_slot >= self._every

    def _rebind(self) -> None:
        """Look anew which entities there are, whenever a series has come up."""
        window, manifest = self._window, self._manifest
        if self._revision == window.revision:
            return
        self._revision = window.revision
        self._entities = entities_of(manifest.entity_series, window)
        self._sight = Sight(
            self._target,
            entities=self._entities,
            window=window,
            min_coverage=manifest.min_coverage,
        )
        self._features = bind(
            [formula.expression for formula in manifest.features],
            entities=self._entities,
            window=window,
            min_coverage=manifest.min_coverage,
        )

    def _candidates(self, situation: Situation) -> list[int]:
        """Return the rows of the entities that can be predicted."""
        can = ~np.isnan(situation.values)
        if isinstance(self._target, EventTarget):
            can &= ~np.isnan(situation.limits)
            if self._target.onset:
                can &= ~situation.holds
        found: list[int] = np.flatnonzero(can).tolist()
        return found

    def _can_take(self, features: npt.NDArray[np.float32]) -> bool:
        return self._manifest.missing != "skip" or not np.isnan(features).any()

    def _moment(
        self,
        row: int,
        *,
        now: datetime,
        situation: Situation,
        features: npt.NDArray[np.float32],
    ) -> Moment:
        is_event = isinstance(self._target, EventTarget)
        return Moment(
            id=0,
            task=self.name,
            entity=self._entities[row],
            at=now,
            due_at=now + self._ahead,
            limit=float(situation.limits[row]) if is_event else None,
            origin=float(situation.values[row]),
            state=situation.states[row],
            features=features,
            predictions=(),
        )

    def _outcome(self, moment: Moment) -> Outcome:
        target = self._target
        if isinstance(target, EventTarget):
            return read_event(
                moment,
                target=target,
                window=self._window,
                min_coverage=self._manifest.min_coverage,
                now=moment.due_at,
            )
        self._rebind()
        there = moment.entity in self._entities
        row = self._entities.index(moment.entity) if there else None
        return read_value(
            moment,
            meaning=target.meaning,
            value=np.nan if row is None else self._sight.values(moment.due_at)[row],
            window=self._window,
            now=moment.due_at,
        )

    def _is_fair(self, waiting: _Open, outcome: Outcome) -> bool:
        target = self._target
        if outcome.kind is not OutcomeKind.HAPPENED or not isinstance(
            target, EventTarget
        ):
            return True
        return is_covered(
            waiting.moment,
            target=target,
            window=self._window,
            min_coverage=self._manifest.min_coverage,
        )


def _known(waiting: _Open, outcome: Outcome) -> _Known:
    at = outcome.happened_at
    value = outcome.value
    return _Known(
        moment=waiting.moment,
        baseline=waiting.baseline,
        outcome=float(outcome.kind is OutcomeKind.HAPPENED) if value is None else value,
        happened_s=np.nan if at is None else at.timestamp(),
    )


def _vector(values: Iterable[float]) -> npt.NDArray[np.float64]:
    return np.fromiter(values, dtype=np.float64)
