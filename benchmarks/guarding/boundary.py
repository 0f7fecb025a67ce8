"""The exact boundary of the null hypothesis: neither model is worse, by a hair.

All predictions of a horizon share one coin, thrown when the first of them comes due,
so that the mean of the excess loss is 0 given all that is known at issue, and outcomes
overlap as much as they can. Nothing is harder for a guard that promises "at most
alpha, over any length".
"""

from dataclasses import dataclass

import numpy as np
from guarding.life import HORIZON, MARGIN, TICKS_PER_DAY, Losses


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """A fair game: the excess loss is `gain` with `chance`, else what balances it."""

    name: str
    gain: float
    chance: float

    @property
    def worst(self) -> float:
        """The most that a bet can lose."""
        return self.gain * self.chance / (1 - self.chance)

    def thrown(self, *, days: int, hosts: int, rng: np.random.Generator) -> Losses:
        """Return the losses of hosts that live by this coin."""
        coins = rng.random((days * TICKS_PER_DAY // HORIZON, hosts)) < self.chance
        is_worse = np.repeat(coins, HORIZON, axis=0)
        return Losses(
            active=np.where(is_worse, self.gain, 0.0),
            reference=np.where(is_worse, 0.0, self.worst / (1 + MARGIN)),
            worst=np.broadcast_to(self.worst, is_worse.shape),
        )


COINS = (
    Coin(name="symmetric", gain=0.5, chance=0.5),
    Coin(name="rare large losses", gain=0.5, chance=0.02),
    Coin(name="frequent small losses", gain=0.01, chance=0.98),
)
