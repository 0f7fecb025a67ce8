"""A release that scores on this host; one that fails at it lets the others speak."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from agent.core.features import Features
from agent.core.moment import OutcomeKind, Prediction, Resolved, Role
from agent.core.recalibration import Learnt, Recalibration
from agent.core.release import Release
from agent.core.strike import Strike, Tally
from agent.errors import AnswerError, ModelError
from agent.ports import Model

Matrix: TypeAlias = npt.NDArray[np.float32]


@dataclass(slots=True, kw_only=True)
class LiveRelease:
    """A release that scores here.

    Attributes:
        role: What it is to the task.
        release: Which one.
        model: None for a survey, or where it could not be loaded.
        failure: Why its last scoring failed; None if it did not.
        tally: Counts what it does wrong.
        features: Its own features; None where they are the leading release's.
        recalibration: What this host's outcomes make of its answers; None where its
            manifest does not ask for it.
        weight: What an outcome counts for there, 0..1.
    """

    role: Role
    release: Release
    model: Model | None
    failure: str | None = None
    tally: Tally = field(default_factory=Tally)
    features: Features | None = field(default=None, init=False)
    recalibration: Recalibration | None = field(default=None, init=False)
    weight: float = field(default=1.0, init=False)

    def given(
        self, shared: Matrix, *, at: datetime, limits: npt.NDArray[np.float64]
    ) -> Matrix:
        """Return what this release is given: its own features, or the shared ones."""
        own = self.features
        return shared if own is None else own.evaluate(at=at, limit=limits)

    def predictions(self, given: Matrix) -> Iterator[tuple[int, Prediction]]:
        """Yield what it says, with the number of the row of features.

        Nothing where it fails, nor of a row with a gap if it does not take gaps.
        """
        places: Sequence[int] = range(len(given))
        if self.release.manifest.missing == "skip":
            places = np.flatnonzero(~np.isnan(given).any(axis=1)).tolist()
            given = given[places]
        for place, values, vector in zip(
            places, self.scores(given), given, strict=False
        ):
            own = self.recalibration
            made = None if own is None else own.calibration(values[0])
            yield (
                place,
                Prediction(
                    role=self.role,
                    digest=self.release.digest,
                    values=tuple(values) if made is None else (made.answer,),
                    features=None if self.features is None else vector,
                    calibration=made,
                ),
            )

    def learn(self, resolved: Resolved) -> None:
        """Take in what came of a moment; a void one teaches nothing."""
        kind = resolved.outcome.kind
        if self.recalibration is None or kind is OutcomeKind.VOID:
            return
        moment = resolved.moment
        for each in moment.predictions:
            if each.digest == self.release.digest:
                self.recalibration.learn(
                    each.said[0],
                    happened=kind is OutcomeKind.HAPPENED,
                    weight=self.weight,
                    at_s=moment.at.timestamp(),
                )

    def scores(self, features: Matrix) -> list[list[float]]:
        """Return a row of scores for each of features; none where it fails."""
        if self.model is None or not len(features):
            return []
        try:
            scores = self.model.score(features)
        except AnswerError as error:
            return self._failed(Strike.IMPOSSIBLE, str(error))
        except ModelError as error:
            return self._failed(Strike.RAISED, str(error))
        found: list[list[float]] = scores.tolist()
        # No adapter lets one through; one alone would spoil a scorecard for good.
        if not all(map(math.isfinite, chain.from_iterable(found))):
            reason = "answered a number that is not finite"
            return self._failed(Strike.IMPOSSIBLE, reason)
        self.failure = None
        self._time(self.model.latency_ms)
        return found

    def _failed(self, strike: Strike, reason: str) -> list[list[float]]:
        self.failure = reason
        self.tally.add(strike, reason=reason)
        return []

    def _time(self, latency_ms: float) -> None:
        limit_ms = self.release.manifest.limits.latency_ms
        if latency_ms <= limit_ms:
            self.tally.add(None)
            return
        self.tally.add(
            Strike.SLOW,
            reason=(
                f"took {latency_ms:.1f} ms of processor time, expected at most "
                f"{limit_ms:g} ms"
            ),
        )


def recall(
    crew: Sequence[LiveRelease], known: Mapping[str, Learnt], *, share: float
) -> None:
    """Let the releases that are calibrated here go on from what was learnt of them.

    Args:
        crew: The line-up.
        known: What was learnt, by digest; a release without any begins.
        share: From one moment to the next, of the horizon. Where horizons overlap, a
            moment tells only so much that is new.
    """
    for live in crew:
        if live.release.manifest.calibration is not None:
            live.recalibration = Recalibration(known.get(live.release.digest))
            live.weight = min(1.0, share)


def learnt(crew: Sequence[LiveRelease]) -> dict[str, Learnt]:
    """Return what was learnt of the releases that are calibrated here, by digest."""
    return {
        live.release.digest: live.recalibration.learnt
        for live in crew
        if live.recalibration is not None
    }


def faults(crew: Sequence[LiveRelease]) -> dict[str, str]:
    """Return why the work of releases must end, by digest."""
    return {live.release.digest: why for live in crew if (why := live.tally.fault)}


def speaker(crew: Sequence[LiveRelease]) -> str:
    """Return who is acted upon where these releases are at work, in words.

    That is the first of active and standby that is loaded; else the baseline, which
    can speak as long as there is a manifest.
    """
    for live in crew:
        if live.model is not None and live.role is not Role.SHADOW:
            return f"version {live.release.manifest.version} ({live.role})"
    return "the baseline" if crew else "nobody"
