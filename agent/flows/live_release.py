"""A release that scores on this host; one that fails at it lets the others speak."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from agent.core.features import Features
from agent.core.moment import Role
from agent.core.release import Release
from agent.errors import ModelError
from agent.ports import Model


@dataclass(slots=True, kw_only=True)
class LiveRelease:
    """A release that scores here.

    Attributes:
        role: What it is to the task.
        release: Which one.
        model: None for a survey, or where it could not be loaded.
        failure: Why its last scoring failed; None if it did not.
        features: Its own features; None where they are the leading release's.
    """

    role: Role
    release: Release
    model: Model | None
    failure: str | None = None
    features: Features | None = field(default=None, init=False)

    def scores(self, features: npt.NDArray[np.float32]) -> list[list[float]]:
        """Return a row of scores for each of features; none where it fails."""
        if self.model is None:
            return []
        try:
            scores = self.model.score(features)
        except ModelError as error:
            self.failure = str(error)
            return []
        # No adapter lets one through; one alone would spoil a scorecard for good.
        if not np.isfinite(scores).all():
            self.failure = "answered a number that is not finite"
            return []
        self.failure = None
        found: list[list[float]] = scores.tolist()
        return found


def speaker(crew: Sequence[LiveRelease]) -> str:
    """Return who is acted upon where these releases are at work, in words.

    That is the first of active and standby that is loaded; else the baseline, which
    can speak as long as there is a manifest.
    """
    for live in crew:
        if live.model is not None and live.role is not Role.SHADOW:
            return f"version {live.release.manifest.version} ({live.role})"
    return "the baseline" if crew else "nobody"
