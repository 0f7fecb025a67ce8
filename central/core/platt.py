"""Platt's calibration: a line through log-odds that makes them honest."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

# How sure one is of slope 1 and shift 0 before anything was seen: by a half and by one.
_SURE: Final = np.diag([4.0, 1.0])
_IDENTITY: Final = np.array([1.0, 0.0])
_LEAST_SLOPE: Final = 0.1
_STEPS: Final = 50
_STILL: Final = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Calibrated log-odds are `slope` times given ones plus `shift`; slope above 0."""

    slope: float
    shift: float


def probability(logit: Vector) -> Vector:
    """Return the probabilities of log-odds, without overflow."""
    found: Vector = 0.5 * (1 + np.tanh(0.5 * logit))
    return found


def log_loss(logit: Vector, *, label: Vector, weight: Vector) -> float:
    """Return the mean log loss of log-odds, a row counting as often as it weighs."""
    losses = np.logaddexp(0, logit) - label * logit
    return float(np.average(losses, weights=weight))


def fitted(logit: Vector, *, label: Vector, weight: Vector) -> Line:
    """Return the line with the greatest posterior probability; rising for sure.

    Few events leave the log-odds nearly as they are. As much is learnt as there are
    events, whatever rows weigh, for of events there are fewest.

    Args:
        logit: Log-odds on rows that did not teach.
        label: 1 or 0.
        weight: For how many moments each row stands.

    Source:
        Platt, "Probabilistic outputs for support vector machines", 1999; with a
        Gaussian prior around the identity, by Newton's method.
    """
    events = label > 0
    total = float(weight[events].sum())
    if not total:
        return Line(slope=1.0, shift=0.0)
    known = _Known(
        given=np.column_stack([logit, np.ones(len(logit))]),
        label=label,
        weight=weight * events.sum() / total,
    )
    at = _IDENTITY
    for _ in range(_STEPS):
        step = known.step(at)
        scale = 1.0
        while known.loss(at - scale * step) > known.loss(at) and scale > _STILL:
            scale /= 2
        at = at - scale * step
        if float(np.abs(step).max()) < _STILL:
            break
    return Line(slope=max(float(at[0]), _LEAST_SLOPE), shift=float(at[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    given: npt.NDArray[np.float64]
    label: Vector
    weight: Vector

    def loss(self, at: Vector) -> float:
        """Return the negative logarithm of the posterior probability of a line."""
        logit = self.given @ at
        likely = self.weight @ (np.logaddexp(0, logit) - self.label * logit)
        apart = at - _IDENTITY
        return float(likely + apart @ _SURE @ apart / 2)

    def step(self, at: Vector) -> Vector:
        """Return Newton's step from a line."""
        said = probability(self.given @ at)
        apart = self.given.T @ (self.weight * (said - self.label))
        slope = apart + _SURE @ (at - _IDENTITY)
        curve = self.given.T @ (self.given * (self.weight * said * (1 - said))[:, None])
        found: Vector = np.linalg.solve(curve + _SURE, slope)
        return found
