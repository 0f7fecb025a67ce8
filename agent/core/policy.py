"""The site's policy for the guard, and the terms that follow from it for a release."""

import math
from dataclasses import dataclass
from typing import Final

import msgspec

from agent.core.baseline import Baseline
from agent.core.case import margin_of
from agent.core.guard import Terms
from agent.core.loss import AbsoluteError, AlertCost, AnyLoss, LogLoss, Pinball, eps_for
from agent.core.manifest import Manifest
from agent.core.moment import Role, Thesis
from agent.core.target import EventTarget

_LEAST_BLOCK_S: Final = 1200.0
_LONGEST_BLOCK_S: Final = 86_400.0
# What a manifest may ask for, to be worse and to speak for a release.
_MOST_MARGIN: Final = 0.25
_MOST_FAVOUR: Final = 0.1
_HORIZONS_A_BLOCK: Final = 2
# Bettors stop for the rest of a block where one bet more would risk too much. In blocks
# of a few instants that chooses among them.
_LEAST_INSTANTS: Final = 10
# An error of so many times what persistence makes on average counts as 1.
_SCALE: Final = 8.0
_MOST_DRIFT: Final = 4.0
_MEDIAN: Final = (0.5,)
_SWING: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When a release is rolled back, promoted, confirmed and heard.

    Attributes:
        alpha: Chance that a release which is not worse is ever rolled back here.
        margin: How much worse than its fallback it may be; None: as its manifest says.
        block_s: For how long stakes stay; None: as its manifest says.
        min_blocks: Nothing is decided earlier.
        promotion: Evidence from which a shadow is promoted and a release heard.
        least_s: For how long a release must have been judged before.
        least_episodes: And over how many event episodes.
        false_alarms: How many of them a missed event costs; None: the log loss prices.
        is_strict: Whether an outcome that is lost counts as the worst that it can be.
    """

    alpha: float = 0.001
    margin: float | None = None
    block_s: float | None = None
    min_blocks: int = 6
    promotion: float = 20.0
    least_s: float = 86_400.0
    least_episodes: int = 5
    false_alarms: float | None = None
    is_strict: bool = False

    def terms(self, thesis: Thesis, *, release: Role, manifest: Manifest) -> Terms:
        """Return the terms of a test.

        Two guards watch a release at work, one against the one before it and one
        against the baseline; each gets half of alpha, so that both together keep it.

        Args:
            thesis: What is tested.
            release: About the release in which role.
            manifest: Of the release that leads.
        """
        chance = 1 / self.promotion
        if thesis is Thesis.WORSE:
            chance = self.alpha if release is Role.SHADOW else self.alpha / 2
        wanted = self.margin
        if wanted is None:
            most = _MOST_MARGIN if thesis is Thesis.WORSE else _MOST_FAVOUR
            wanted = min(manifest.guard.margin, most)
        return Terms(
            block=self.block(manifest),
            margin=margin_of(thesis, tolerance=wanted),
            alpha=chance,
            min_blocks=self.min_blocks,
            is_strict=self.is_strict,
        )

    def block(self, manifest: Manifest) -> int:
        """Return how many instants of scoring a block has.

        At least two horizons, and at least ten instants.
        """
        least_s = _HORIZONS_A_BLOCK * manifest.target.horizon_s
        wanted_s = self.block_s
        if wanted_s is None:
            # A publisher may ask for longer ones, not for none or for endless ones.
            wanted_s = min(manifest.guard.block or 0, _LONGEST_BLOCK_S)
            wanted_s = max(wanted_s, _LEAST_BLOCK_S)
        instants = math.ceil(max(wanted_s, least_s) / manifest.score_every)
        return max(instants, _LEAST_INSTANTS)

    def loss(self, manifest: Manifest, baseline: Baseline) -> AnyLoss | None:
        """Return how predictions are priced from now on; None: too little is known.

        Args:
            manifest: Of the release that leads.
            baseline: Knows how often the event comes, or by how much the value moves.
        """
        target = manifest.target
        if isinstance(target, EventTarget):
            if self.false_alarms is not None:
                return AlertCost(self.false_alarms)
            return LogLoss(eps_for(baseline.rate))
        if not baseline.mean_change:
            return None
        scale = _SCALE * baseline.mean_change
        if target.quantiles == _MEDIAN:
            return AbsoluteError(scale)
        return Pinball(target.quantiles, scale)

    def prices_as(
        self, loss: AnyLoss, manifest: Manifest, *, baseline: Baseline
    ) -> bool:
        """Return whether predictions are still priced as by `loss`.

        What a loss was scaled by when its test began is frozen with it, unless the
        host has become another one since.
        """
        present = self.loss(manifest, baseline)
        if present is None or isinstance(present, LogLoss):
            return present is None or isinstance(loss, LogLoss)
        if isinstance(present, AlertCost) or isinstance(loss, LogLoss | AlertCost):
            return loss == present
        is_like = 1 / _MOST_DRIFT <= present.scale / loss.scale <= _MOST_DRIFT
        return is_like and msgspec.structs.replace(loss, scale=present.scale) == present

    def swing(self, loss: AnyLoss) -> float:
        """Return from which spread of answers on a forecaster does not stand still."""
        if isinstance(loss, AbsoluteError | Pinball):
            return loss.scale / _SCALE
        return _SWING

    def has_seen_enough(
        self, thesis: Thesis, *, ticks: int, episodes: int, manifest: Manifest
    ) -> bool:
        """Return whether a release was judged for long enough to be trusted.

        One day, because a release that saw only the night proves nothing, unless it
        proves to be better; some episodes, because without events nothing was tested.
        """
        is_event = isinstance(manifest.target, EventTarget)
        has_lasted = ticks * manifest.score_every >= self.least_s
        is_long = has_lasted or thesis is Thesis.BETTER
        return is_long and (not is_event or episodes >= self.least_episodes)
