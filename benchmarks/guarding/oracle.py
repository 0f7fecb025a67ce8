"""The yardstick of each delay: a bettor that knows the harm in hindsight."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from guarding.ledger import ALPHA
from guarding.life import BLOCK, HORIZON, MARGIN, TICKS_PER_HOUR, Floats, Losses

_STAKES = np.geomspace(0.3, 60, 48)
_BROKE = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """How constant bets fare, each placed once a block on its mean excess loss.

    They begin at the moment of the change with money 1 and want 1 / alpha; they pay no
    entry and reserve nothing. The best is known in hindsight: the one whose money
    grows fastest over all hosts and all blocks after the change (Kelly's).

    Attributes:
        growth: Mean logarithm won a block, by stake and host.
        hours: Delay by stake and host; infinite: not found.
    """

    growth: Floats
    hours: Floats

    def best(self) -> float:
        """Return the median delay of the best constant bet, in hours."""
        stake = self.growth.mean(axis=1).argmax()
        return float(np.median(self.hours[stake]))


def oracle(losses: Losses, start: int) -> Oracle:
    """Return how constant bets fare on these hosts after a change at tick `start`."""
    whole = (len(losses.active) - start) // BLOCK * BLOCK
    excess = losses.excess(MARGIN, slice(start, start + whole))
    means = excess.reshape(-1, BLOCK, excess.shape[1]).mean(axis=1)
    won = np.stack([_won(means, stake) for stake in _STAKES])
    blocks = _blocks_until(won, alpha=ALPHA)
    hours = (blocks * BLOCK + HORIZON) / TICKS_PER_HOUR
    return Oracle(growth=won.mean(axis=1), hours=hours)


def pooled(means: Floats, *, alpha: float, hours: float) -> Oracle:
    """Return how constant bets fare that every host places with the same money.

    Args:
        means: Mean excess loss by fleet block and host.
        alpha: Chance of a false halt.
        hours: Of a fleet block.
    """
    won = np.stack([_won(means, stake).sum(axis=1) for stake in _STAKES])[..., None]
    blocks = _blocks_until(won, alpha=alpha)
    return Oracle(growth=won.mean(axis=1), hours=blocks * hours)


def joined(parts: Sequence[Oracle]) -> Oracle:
    """Return the bets on several groups of hosts as one."""
    return Oracle(
        growth=np.concatenate([part.growth for part in parts], axis=1),
        hours=np.concatenate([part.hours for part in parts], axis=1),
    )


def _won(means: Floats, stake: float) -> Floats:
    return np.log(np.maximum(_BROKE, 1 + stake * means))


def _blocks_until(won: Floats, *, alpha: float) -> Floats:
    """Return how many blocks it took to win ln(1 / alpha); axis 1 are the blocks."""
    is_found = np.cumsum(won, axis=1) >= np.log(1 / alpha)
    return np.where(is_found.any(axis=1), is_found.argmax(axis=1) + 1, np.inf)
