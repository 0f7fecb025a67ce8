"""What a simulated host lived through, and the losses of its two models.

Arrays are time-major: shape (ticks, hosts), so that a block of ticks is one piece.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]
Flags: TypeAlias = NDArray[np.bool_]

TICK_S = 30
TICKS_PER_HOUR = 3600 // TICK_S
TICKS_PER_DAY = 24 * TICKS_PER_HOUR
HORIZON = 20
BLOCK = 2 * HORIZON
MARGIN = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Hosts with two equally good models, before any harm.

    Attributes:
        outcome: Did the event come (0 or 1), or the value that came.
        seen: What each model sees, active first: shape (2, ticks, hosts).
        forecast: What each model says, active first: shape (2, ticks, hosts).
        table: Forecast of an event at each load on the grid; None for numbers.
        rate: Long-run share of ticks with an event ahead; 0 for numbers.
        scale: The error that counts as 1; 0 for events.
        issued: A prediction was made; None: always.
        known: The outcome became known; None: always.
    """

    outcome: Floats
    seen: Floats
    forecast: Floats
    table: Floats | None = None
    rate: float = 0.0
    scale: float = 0.0
    issued: Flags | None = None
    known: Flags | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Losses in [0, 1] and the worst case of each prediction, shape (ticks, hosts).

    Where nothing was predicted, all three are 0 and `issued` is False.
    """

    active: Floats
    reference: Floats
    worst: Floats
    issued: Flags | None = None
    known: Flags | None = None

    def excess(self, margin: float, ticks: slice) -> Floats:
        """Return the excess loss x of some ticks, float64; 0 where lost."""
        x = self.active[ticks] - (1 + margin) * self.reference[ticks].astype(float)
        return x if self.known is None else np.where(self.known[ticks], x, 0.0)


def judged(life: Life, active: Floats, *, margin: float = MARGIN) -> Losses:
    """Return the losses of the reference and of `active` in place of the active."""
    pair = (active, life.forecast[1])
    found = _number(life, *pair, margin) if life.scale else _event(life, *pair, margin)
    if life.issued is not None:
        found = tuple(np.where(life.issued, part, np.float32(0)) for part in found)
    return Losses(
        active=found[0],
        reference=found[1],
        worst=found[2],
        issued=life.issued,
        known=life.known,
    )


def clip_of(rate: float) -> float:
    """Return eps, the clip of probabilities (guard design, parameters)."""
    low = 0.01
    return rate / 10 if rate < low else 0.001


def _event(
    life: Life, active: Floats, reference: Floats, margin: float
) -> tuple[Floats, ...]:
    eps = clip_of(life.rate)
    of_active, of_reference = (_both(p, eps) for p in (active, reference))
    worst = np.zeros_like(active)
    for mine, other in zip(of_active, of_reference, strict=True):
        np.maximum(worst, np.float32(1 + margin) * other - mine, out=worst)
    hit = life.outcome > 0
    return (np.where(hit, *of_active), np.where(hit, *of_reference), worst)


def _both(p: Floats, eps: float) -> tuple[Floats, Floats]:
    """Return the log losses if the event comes and if it does not."""
    clipped = np.clip(p, np.float32(eps), np.float32(1 - eps))
    unit = np.float32(1 / np.log(eps))
    return np.log(clipped) * unit, np.log1p(-clipped) * unit


def _number(
    life: Life, active: Floats, reference: Floats, margin: float
) -> tuple[Floats, ...]:
    active_loss, reference_loss, apart = (
        np.minimum(np.float32(1), np.abs(a - b) / np.float32(life.scale))
        for a, b in (
            (active, life.outcome),
            (reference, life.outcome),
            (active, reference),
        )
    )
    return active_loss, reference_loss, apart + np.float32(margin)
