"""Sampling: which resolved moments leave the host, and for how many each one stands.

Half of the budget is for moments that happened and half for a uniform choice of the
rest; what one does not need goes to the other. Moments of one episode are alike, so the
choice is systematic: evenly spread over time, from a start drawn at random. What was
tried instead, and what it kept of what all rows teach, is in docs/samples.md.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

SCHEME: Final = "halves-1"
# Most hours have no event: halves of one hour's row or two would be nearly all quiet.
_ENOUGH_ROWS: Final = 24


def is_enough(moments: int, *, budget: float) -> bool:
    """Return whether to choose now; if not, a later choice from more is better.

    Once no more budget can be saved up, waiting is in vain, and one is to choose.

    Args:
        moments: How many there are to choose from.
        budget: How many rows may be sent.
    """
    return budget >= min(moments, _ENOUGH_ROWS)


def choose(
    events: Sequence[int],
    quiet: Sequence[int],
    *,
    budget: float,
    rng: np.random.Generator,
) -> tuple[list[int], list[float]]:
    """Return the positions that are sent, rising, and for how many each one stands.

    Every moment has a chance above 0 and weighs its inverse, so the weights' sum is
    unbiased: its mean over all draws is how many moments there were. So many rows are
    chosen as the budget says, or, of a broken one, as either whole number beside it.

    Args:
        events: Positions of the moments that happened, rising; of a value task none.
        quiet: Positions of the others, rising.
        budget: How many rows may be sent; at 0 or below none are.
        rng: Draws the start.

    Source:
        Madow, "On the theory of systematic sampling, II", Ann. Math. Stat. 20 (1949);
        Horvitz and Thompson, J. Am. Stat. Assoc. 47 (1952).
    """
    if budget <= 0 or not (len(events) or len(quiet)):
        return [], []
    chances = _chances(len(events), len(quiet), budget)
    chance = np.repeat(chances, [len(events), len(quiet)])
    marks = np.floor(np.cumsum(chance) + rng.uniform())
    taken = np.flatnonzero(np.diff(marks, prepend=0.0))
    position = np.array([*events, *quiet])[taken]
    order = np.argsort(position)
    return position[order].tolist(), (1 / chance[taken])[order].tolist()


def _chances(events: int, quiet: int, budget: float) -> tuple[float, float]:
    """Return the chance of each event and of each other moment."""
    for_events = min(events, max(budget / 2, budget - quiet))
    for_quiet = min(quiet, budget - for_events)
    return for_events / max(events, 1), for_quiet / max(quiet, 1)
