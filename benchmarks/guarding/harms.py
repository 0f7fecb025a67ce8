"""What can go wrong with the active model, as what it then says from some tick on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from guarding.chain import looked_up
from guarding.life import TICKS_PER_DAY, TICKS_PER_HOUR, Floats, Life
from guarding.worlds import wandering

Harmed = Callable[[Life, int, np.random.Generator], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """A harm; `says(life, start, rng)` is the forecast of the ticks from `start`."""

    name: str
    says: Harmed
    grows_days: float = 0.0

    def harmed(self, life: Life, start: int, rng: np.random.Generator) -> Floats:
        """Return all the forecasts of an active model harmed from tick `start` on."""
        bad = self.says(life, start, rng)
        if self.grows_days:
            share = np.arange(len(bad)) / (self.grows_days * TICKS_PER_DAY)
            share = np.minimum(1, share).astype(np.float32)[:, None]
            bad = share * bad + (1 - share) * life.forecast[0, start:]
        return np.concatenate([life.forecast[0, :start], bad])


def _inverted(life: Life, start: int, rng: np.random.Generator) -> Floats:
    return 1 - life.forecast[0, start:]


def _five_times(life: Life, start: int, rng: np.random.Generator) -> Floats:
    return np.minimum(np.float32(1), 5 * life.forecast[0, start:])


def _faded(life: Life, start: int, rng: np.random.Generator, *, share: float) -> Floats:
    """What the model sees shrinks towards what is usual."""
    return _read(life, np.float32(share) * life.seen[0, start:])


def _base_rate(life: Life, start: int, rng: np.random.Generator) -> Floats:
    return np.full_like(life.forecast[0, start:], life.rate)


def _zero(life: Life, start: int, rng: np.random.Generator) -> Floats:
    return np.zeros_like(life.forecast[0, start:])


def _stuck(life: Life, start: int, rng: np.random.Generator) -> Floats:
    held = life.forecast[0, max(0, start - 1)]
    return np.broadcast_to(held, life.forecast[0, start:].shape)


def _noisier(
    life: Life, start: int, rng: np.random.Generator, *, noise: float
) -> Floats:
    """What the model sees has a further error, with a time constant of 1 h."""
    seen = life.seen[0, start:]
    error = wandering(seen.shape, memory=float(TICKS_PER_HOUR), rng=rng)
    return _read(life, seen + np.float32(noise) * error)


def _biased(life: Life, start: int, rng: np.random.Generator) -> Floats:
    return life.forecast[0, start:] + np.float32(0.5)


def _read(life: Life, seen: Floats) -> Floats:
    return seen if life.table is None else looked_up(life.table, seen)


INVERTED = Harm(name="inverted", says=_inverted)
FIVE_TIMES = Harm(name="over-forecast x5", says=_five_times)
LOST = Harm(name="features lost", says=partial(_faded, share=0.22))
BASE_RATE = Harm(name="constant = base rate", says=_base_rate)
ZERO = Harm(name="constant 0", says=_zero)
STUCK = Harm(name="stuck at last value", says=_stuck)
MODERATE = Harm(name="1.8 x by noise", says=partial(_noisier, noise=0.645))
SUBTLE = Harm(name="1.3 x by noise", says=partial(_noisier, noise=0.41))
MODERATE_FADED = Harm(name="1.8 x by fading", says=partial(_faded, share=0.535))
SUBTLE_FADED = Harm(name="1.3 x by fading", says=partial(_faded, share=0.725))
# The same ratios at 1 %.
RARE_MODERATE = Harm(name="1.8 x by noise", says=partial(_noisier, noise=0.61))
RARE_SUBTLE = Harm(name="1.3 x by noise", says=partial(_noisier, noise=0.405))
RARE_MODERATE_FADED = Harm(name="1.8 x by fading", says=partial(_faded, share=0.625))
RARE_SUBTLE_FADED = Harm(name="1.3 x by fading", says=partial(_faded, share=0.785))
GRADUAL = Harm(
    name="gradual over 10 d", says=partial(_faded, share=0.22), grows_days=10
)
NUMBER_CONSTANT = Harm(name="numeric constant", says=_zero)
NUMBER_SUDDEN = Harm(name="numeric sudden", says=partial(_noisier, noise=0.5))
NUMBER_BIASED = Harm(name="numeric bias 0.5 sd", says=_biased)
