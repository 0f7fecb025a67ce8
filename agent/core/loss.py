"""Losses in [0, 1] by which the guard compares two models, and what a bet can lose."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

EPS: Final = 0.001
_RARE_RATE: Final = 0.01
_EPS_SHARE: Final = 0.1
_EPS_LIMIT: Final = 0.5


def eps_for(rate: float | None) -> float:
    """Return the clip of probabilities for events of this rate.

    Args:
        rate: Share of moments with the event, 0..1; None or 0 where it is not known.

    Returns:
        0.001, or a tenth of a known rate below 1 %.
    """
    return rate * _EPS_SHARE if rate and rate < _RARE_RATE else EPS


def log_loss(p: float, y: float, eps: float) -> float:
    """Return the clipped log loss of probability `p`, as a share of its largest value.

    Args:
        p: Probability of the event, 0..1.
        y: Whether it came true.
        eps: Probabilities are clipped to [eps, 1 - eps]; 0 < eps < 0.5.

    Returns:
        In (0, 1]: 1 where the model was sure of the opposite.
    """
    return _log_losses(p, eps)[0 if y else 1]


# Every question about a moment prices the same few probabilities.
@lru_cache(maxsize=256)
def _log_losses(p: float, eps: float) -> tuple[float, float]:
    """Return the losses of `p` if the event comes, and if it does not."""
    largest = math.log(eps)
    clipped = min(max(p, eps), 1.0 - eps), min(max(1.0 - p, eps), 1.0 - eps)
    return math.log(clipped[0]) / largest, math.log(clipped[1]) / largest


def worst_case(p_active: float, p_reference: float, margin: float, eps: float) -> float:
    """Return the most that a bet against the active model can lose by `log_loss`.

    That is, the largest value of (1 + margin) * reference's loss - active's loss over
    both outcomes, at least 0; known as soon as both models have spoken.
    """
    factor = 1.0 + margin
    own, reference = _log_losses(p_active, eps), _log_losses(p_reference, eps)
    return max(0.0, factor * reference[0] - own[0], factor * reference[1] - own[1])


def alert_cost(p: float, y: float, k: float) -> float:
    """Return what acting on `p` costs: a miss 1, a false alarm 1 / k, else 0.

    An alert is raised at p >= 1 / (1 + k), the threshold at which both choices cost
    the same on average.

    Args:
        p: Probability of the event, 0..1.
        y: Whether it came true.
        k: How many false alarms weigh as much as one miss, at least 1.
    """
    alert = p >= 1.0 / (1.0 + k)
    if y:
        return 0.0 if alert else 1.0
    return 1.0 / k if alert else 0.0


def absolute_error(value: float, outcome: float, scale: float) -> float:
    """Return |value - outcome| as a share of `scale`, at most 1."""
    return min(1.0, abs(value - outcome) / scale)


def pinball(
    values: Sequence[float], outcome: float, levels: Sequence[float], scale: float
) -> float:
    """Return the mean pinball loss of these quantiles, each a share of `scale`, <= 1.

    Args:
        values: The predicted quantiles, one a level, in the outcome's unit.
        outcome: What came.
        levels: Quantile levels, each between 0 and 1.
        scale: The error that counts as 1, in the outcome's unit.
    """
    total = 0.0
    for value, level in zip(values, levels, strict=True):
        error = outcome - value
        total += min(1.0, max(level * error, (level - 1.0) * error) / scale)
    return total / len(levels)


def numeric_worst_case(
    active: Sequence[float], reference: Sequence[float], margin: float, scale: float
) -> float:
    """Return the most that a bet against the active model can lose on numbers.

    Both losses above change by at most the distance of the two forecasts, so the
    distance bounds their difference whatever comes; the margin comes on top.
    """
    distances = [
        min(1.0, abs(mine - other) / scale)
        for mine, other in zip(active, reference, strict=True)
    ]
    return sum(distances) / len(distances) + max(margin, 0.0)


class LogLoss(msgspec.Struct, frozen=True, tag="log_loss"):
    """Clipped log loss of one probability: proper, and sharp where events are rare."""

    eps: float = EPS

    def __post_init__(self) -> None:
        """Refuse a clip that leaves no room; raises ValueError."""
        if not 0.0 < self.eps < _EPS_LIMIT:
            raise ValueError(f"eps: expected between 0 and 0.5, got {self.eps}")

    def of(self, values: tuple[float, ...], outcome: float) -> float:
        """Return the loss of the probability `values[0]`."""
        return log_loss(values[0], outcome, self.eps)

    def worst(
        self, active: tuple[float, ...], reference: tuple[float, ...], margin: float
    ) -> float:
        """Return the most that a bet against the active model can lose."""
        return worst_case(active[0], reference[0], margin, self.eps)


class AlertCost(msgspec.Struct, frozen=True, tag="alert_cost"):
    """Cost of acting on one probability, where the operator said what a miss costs."""

    k: float

    def __post_init__(self) -> None:
        """Refuse a false alarm dearer than a miss; raises ValueError."""
        if not 1.0 <= self.k < math.inf:
            raise ValueError(f"k: expected at least 1, got {self.k}")

    def of(self, values: tuple[float, ...], outcome: float) -> float:
        """Return the cost of acting on the probability `values[0]`."""
        return alert_cost(values[0], outcome, self.k)

    def worst(
        self, active: tuple[float, ...], reference: tuple[float, ...], margin: float
    ) -> float:
        """Return the most that a bet against the active model can lose."""
        factor = 1.0 + margin
        losses = (
            factor * self.of(reference, outcome) - self.of(active, outcome)
            for outcome in (0.0, 1.0)
        )
        return max(0.0, *losses)


class AbsoluteError(msgspec.Struct, frozen=True, tag="absolute_error"):
    """Error of one number, as a share of a frozen scale."""

    scale: float

    def __post_init__(self) -> None:
        """Refuse a scale that is no distance; raises ValueError."""
        _check_scale(self.scale)

    def of(self, values: tuple[float, ...], outcome: float) -> float:
        """Return the loss of the number `values[0]`."""
        return absolute_error(values[0], outcome, self.scale)

    def worst(
        self, active: tuple[float, ...], reference: tuple[float, ...], margin: float
    ) -> float:
        """Return the most that a bet against the active model can lose."""
        return numeric_worst_case(active[:1], reference[:1], margin, self.scale)


class Pinball(msgspec.Struct, frozen=True, tag="pinball"):
    """Mean pinball loss of several quantiles, as a share of a frozen scale."""

    levels: tuple[float, ...]
    scale: float

    def __post_init__(self) -> None:
        """Refuse what is no quantile level or distance; raises ValueError."""
        if not self.levels or not all(0.0 < level < 1.0 for level in self.levels):
            raise ValueError(f"levels: expected some in (0, 1), got {self.levels}")
        _check_scale(self.scale)

    def of(self, values: tuple[float, ...], outcome: float) -> float:
        """Return the mean loss of the quantiles `values`."""
        return pinball(values, outcome, self.levels, self.scale)

    def worst(
        self, active: tuple[float, ...], reference: tuple[float, ...], margin: float
    ) -> float:
        """Return the most that a bet against the active model can lose."""
        return numeric_worst_case(active, reference, margin, self.scale)


AnyLoss = LogLoss | AlertCost | AbsoluteError | Pinball


def _check_scale(scale: float) -> None:
    if not 0.0 < scale < math.inf:
        raise ValueError(f"scale: expected a finite distance above 0, got {scale}")
