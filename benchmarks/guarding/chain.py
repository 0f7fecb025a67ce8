"""What the best forecaster would say in a world whose events are exceedances.

The load of a host is a stationary Ornstein-Uhlenbeck process, standardised, sampled
once a tick; its outcome is "above the threshold at any of the next `horizon` ticks".
So outcomes overlap as strongly as a daemon's do, and the probability given the load
is exact: a recursion backwards over the horizon, no simulation.
"""

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]

_REACH = 8.0
_STEPS_PER_UNIT = 64
_LOADS = np.arange(-_REACH, _REACH + 1e-9, 1 / _STEPS_PER_UNIT)
_HIGHEST_THRESHOLD = 6.0
_HALVINGS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A threshold, and the probability of an event ahead at each load on a grid."""

    threshold: float
    ahead: Floats


@cache
def chain(rate: float, *, memory: float, horizon: int) -> Chain:
    """Return the chain whose outcomes are true at `rate` of all ticks.

    Args:
        rate: Share of ticks with an event within the horizon, 0..1.
        memory: Time constant of the load, in ticks.
        horizon: In ticks.
    """
    low, high = 0.0, _HIGHEST_THRESHOLD
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        ahead = _ahead(middle, memory=memory, horizon=horizon)
        low, high = (middle, high) if _mean(ahead) > rate else (low, middle)
    # A load on the grid stands for its cell: the edge is half a step below.
    edge = low - 1 / (2 * _STEPS_PER_UNIT)
    return Chain(threshold=edge, ahead=_ahead(low, memory=memory, horizon=horizon))


def forecasts(world: Chain, *, noise: float) -> Floats:
    """Return the calibrated probability for each seen load on the grid.

    A model sees the load plus a standard normal error times `noise`; given what it
    sees, the load is normal with mean seen / (1 + noise^2).
    """
    spread = noise / np.sqrt(1 + noise**2)
    believed = _normal(_LOADS / (1 + noise**2), spread=spread)
    return (believed @ world.ahead).astype(np.float32)


def looked_up(table: Floats, seen: Floats) -> Floats:
    """Return the table's entry nearest to each seen load."""
    place = np.rint((seen + np.float32(_REACH)) * np.float32(_STEPS_PER_UNIT))
    return table[np.clip(place, 0, len(table) - 1).astype(np.int16)]


@cache
def _step(memory: float) -> Floats:
    kept = np.exp(-1 / memory)
    return _normal(kept * _LOADS, spread=np.sqrt(1 - kept**2))


def _ahead(threshold: float, *, memory: float, horizon: int) -> Floats:
    is_above = threshold < _LOADS
    ahead = np.zeros_like(_LOADS)
    for _ in range(horizon):
        ahead = _step(memory) @ np.where(is_above, 1.0, ahead)
    return ahead


def _mean(values: Floats) -> float:
    return float(_normal(np.zeros(1), spread=1.0)[0] @ values)


def _normal(means: Floats, *, spread: float) -> Floats:
    """Return one row of weights on the grid for each mean, each of sum 1."""
    weights = np.exp(-(((_LOADS - means[:, None]) / spread) ** 2) / 2)
    return weights / weights.sum(axis=1, keepdims=True)
