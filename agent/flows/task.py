"""A task at work on this host: it scores moments and resolves them when due."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
import numpy as np

from agent.core.baseline import Baseline
from agent.core.features import Features, bind, entities_of
from agent.core.manifest import Manifest
from agent.core.manifest_parts import Duration
from agent.core.moment import (
    BASELINE,
    Moment,
    Outcome,
    OutcomeKind,
    Prediction,
    Resolved,
    Role,
    Void,
)
from agent.core.outcome import is_covered, read_event, read_value
from agent.core.policy import Policy
from agent.core.situation import Sight, Situation
from agent.core.target import EventTarget, ValueTarget
from agent.core.verdict import Verdict
from agent.core.window import Window
from agent.flows.choice import Choice
from agent.flows.court import Court
from agent.flows.live_release import LiveRelease, Matrix, faults, learnt, recall
from agent.flows.memory import Memory, question, recalled
from agent.flows.seats import seats
from agent.flows.waiting import Waiting


class LiveTask:
    """One task at work: its line-up, its baseline, its open moments.

    The first of the releases leads: its manifest says what is predicted, when, and for
    which entities. Every release scores the same moments.

    Attributes:
        releases: The line-up, the leading release first.
        manifest: The leading release's.
        waiting: The moments without an outcome.
        court: The guard of its releases.
    """

    def __init__(
        self,
        releases: Sequence[LiveRelease],
        *,
        window: Window,
        memory: bytes | None,
        policy: Policy,
        is_pinned: bool = False,
    ) -> None:
        self.releases = releases
        self.manifest = releases[0].release.manifest
        self._target = self.manifest.target
        self._window = window
        self._every = window.count(self.manifest.score_every)
        self._ahead = timedelta(seconds=self._target.horizon_s)
        self.waiting = Waiting(window)
        self._question = question(self._target)
        kept = recalled(memory, question=self._question)
        self._asks_anew = memory is not None and kept is None
        known = kept or Memory()
        self._choice = Choice(self.manifest, skipped=known.skipped)
        at = self._scored_at = known.scored_at
        self._scored_slot = None if at is None else window.slot_of(at)
        self._is_event = isinstance(self._target, EventTarget)
        self._baseline = Baseline(self._target, record=bytes(known.baseline))
        # On a coarse grid it is not asked quite as often as the manifest says.
        every = Duration(self._every * window.interval_s)
        recall(releases, known.learnt, share=every / self._target.horizon_s)
        self.court = Court(
            msgspec.structs.replace(self.manifest, score_every=every),
            seats=list(seats(releases)),
            is_pinned=is_pinned,
            policy=policy,
            record=known.court,
            baseline=self._baseline,
        )
        self._entities: tuple[str, ...] = ()
        self._revision = -1

    @property
    def name(self) -> str:
        """The task's name."""
        return self.manifest.task

    @property
    def skipped(self) -> Mapping[str, int]:
        """Entities that were not predicted when it was time, by reason."""
        return self._choice.skipped

    def memory(self) -> bytes:
        """Return what must survive a restart, for `LiveTask(memory=...)`."""
        memory = Memory(
            question=self._question,
            baseline=msgspec.Raw(self._baseline.record()),
            scored_at=self._scored_at,
            skipped=self._choice.skipped,
            court=self.court.record(),
            learnt=learnt(self.releases),
        )
        return msgspec.json.encode(memory)

    @property
    def knows_its_open_moments(self) -> bool:
        """Whether the ledger's open moments were predicted for the present target."""
        return not self._asks_anew

    def resolve(self, now: datetime) -> Iterator[Resolved]:
        """Yield every moment due by the window's newest row, with its outcome.

        Baseline, guard and calibration learn from each as it goes by.
        """
        for moment in self.waiting.due():
            outcome = self._outcome(moment, now)
            yield self.close(moment, outcome, is_fair=self._is_fair(moment, outcome))

    def close(
        self, moment: Moment, outcome: Outcome, *, is_fair: bool = True
    ) -> Resolved:
        """Return a moment with its outcome; who learns has learnt from it.

        But where the opposite would not have been seen: to learn only what is seen
        beside gaps would be to learn that it always happens.
        """
        resolved = Resolved(moment=moment, outcome=outcome)
        if is_fair:
            self._baseline.learn(moment, outcome)
            for live in self.releases:
                live.learn(resolved)
        self.court.settle(resolved, is_fair=is_fair)
        return resolved

    def _is_fair(self, moment: Moment, outcome: Outcome) -> bool:
        target = self._target
        if outcome.kind is not OutcomeKind.HAPPENED or isinstance(target, ValueTarget):
            return True
        return is_covered(
            moment,
            target=target,
            window=self._window,
            min_coverage=self.manifest.min_coverage,
        )

    def void_all(self, reason: Void, now: datetime) -> Iterator[Resolved]:
        """Yield every open moment as void; nothing stays open."""
        void = Outcome(kind=OutcomeKind.VOID, resolved_at=now, void=reason)
        self._scored_at = self._scored_slot = None
        for moment in self.waiting.taken(lambda _: True):
            yield self.close(moment, void)

    def verdict(self, now: datetime) -> Verdict | None:
        """Return what is to be done with one of the releases next; None: hold."""
        return self.court.verdict(now, faults=self.faults)

    @property
    def faults(self) -> dict[str, str]:
        """What releases did wrong, which needs no outcome, by digest."""
        return {**faults(self.releases), **self.court.faults}

    def score(self, now: datetime, *, next_id: int) -> list[Moment]:
        """Return the moments of this instant, one an entity; none if it is not time.

        Args:
            now: The instant; the window's newest row is its sample.
            next_id: The first moment's number.
        """
        if not self._is_time():
            return []
        self._rebind()
        if not self._entities:
            return []
        situation = self._sight.read(now)
        candidates = self._choice.candidates(situation)
        if not candidates:
            return []
        features = self._features.evaluate(at=now, limit=situation.limits)
        chosen = self._choice.without_gaps(candidates, features)
        if not chosen:
            return []
        self._scored_at, self._scored_slot = now, self._window.slot
        predictions = self._predictions(situation, features, chosen, now)
        wagers = self.court.issue(predictions, at=now, first_moment=next_id)
        due_at = now + self._ahead
        moments = [
            Moment(
                id=next_id + place,
                task=self.name,
                entity=self._entities[row],
                at=now,
                due_at=due_at,
                limit=float(situation.limits[row]) if self._is_event else None,
                origin=float(situation.values[row]),
                state=situation.states[row],
                features=features[row],
                predictions=predictions[place],
                wagers=wagers[place],
            )
            for place, row in enumerate(chosen)
        ]
        for moment in moments:
            self.waiting.add(moment)
        return moments

    def _is_time(self) -> bool:
        slot, last = self._window.slot, self._scored_slot
        if slot is None or last is None:
            return True
        # Below 0: the clock went back while nobody was there to see it.
        return not 0 <= slot - last < self._every

    def _rebind(self) -> None:
        """Look anew which entities there are, whenever a series has come up."""
        window = self._window
        if self._revision == window.revision:
            return
        self._revision = window.revision
        self._entities = entities_of(self.manifest.entity_series, window)
        self._sight = Sight(
            self._target,
            entities=self._entities,
            window=window,
            min_coverage=self.manifest.min_coverage,
        )
        self._features = self._bound(self.manifest)
        for live in self.releases[1:]:
            theirs = live.release.manifest
            same = theirs.features == self.manifest.features
            live.features = None if same else self._bound(theirs)

    def _bound(self, manifest: Manifest) -> Features:
        return bind(
            [formula.expression for formula in manifest.features],
            entities=self._entities,
            window=self._window,
            min_coverage=manifest.min_coverage,
        )

    def _predictions(
        self, situation: Situation, features: Matrix, chosen: list[int], now: datetime
    ) -> list[tuple[Prediction, ...]]:
        """Return, for each chosen entity, what the baseline and every release say."""
        values, states = situation.values.tolist(), situation.states
        rows = [
            [
                Prediction(
                    role=Role.BASELINE,
                    digest=BASELINE,
                    values=self._baseline.predict(state=states[row], value=values[row]),
                )
            ]
            for row in chosen
        ]
        for live in self.releases:
            given = live.given(features, at=now, limits=situation.limits)[chosen]
            for place, prediction in live.predictions(given):
                rows[place].append(prediction)
        return [tuple(row) for row in rows]

    def _outcome(self, moment: Moment, now: datetime) -> Outcome:
        target = self._target
        if isinstance(target, EventTarget):
            return read_event(
                moment,
                target=target,
                window=self._window,
                min_coverage=self.manifest.min_coverage,
                now=now,
            )
        self._rebind()
        known = moment.entity in self._entities
        row = self._entities.index(moment.entity) if known else None
        return read_value(
            moment,
            meaning=target.meaning,
            value=np.nan if row is None else self._sight.values(moment.due_at)[row],
            window=self._window,
            now=now,
        )
