"""The guard's ledger for many hosts at once: a twin of agent.core.guard.PairedGuard.

Stakes are fixed during a block, so that a block of ticks is one piece of arithmetic.
Written from the same text and not from the same code: `guarding.twins` holds the one
against the other.
"""

from dataclasses import dataclass

import numpy as np
from guarding.life import BLOCK, HORIZON, MARGIN, Floats, Losses
from numpy.typing import NDArray

ALPHA = 0.001
NEVER = -1
LAMBDAS = (0.85, 1.7, 3.4, 6.8, 13.6)
RISK = 0.9
_MIN_BLOCKS = 6
_WEIGHTS = 2.10975
# Nobody looks any more: stop betting before numbers end.
_RICH = 1e100
_LAMBDAS = np.array(LAMBDAS)[:, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What the guard of each host came to.

    Attributes:
        fired: Tick of the first breach; NEVER where there was none. The simulation
            goes on after it, as if nobody had acted.
        highest: The largest evidence ever.
        evidence: The evidence at each tick, as a daemon sees it after the outcomes and
            before the next prediction; None unless asked for.
    """

    fired: NDArray[np.int64]
    highest: Floats
    evidence: Floats | None = None


@dataclass(slots=True, kw_only=True)
class _Accounts:
    """The money of all hosts; axes (lambdas, hosts) but for `free` and `started`."""

    free: Floats
    started: NDArray[np.int64]
    wealth: Floats
    reserved: Floats

    def evidence(self) -> Floats:
        return self.free + (self.wealth - self.reserved).mean(axis=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """One block: excess and worst per tick and host, and who bets with which stake.

    `counts` tells how many lambdas bet, always a prefix of them: shape (ticks, hosts).
    """

    excess: Floats
    worst: Floats
    counts: NDArray[np.int64]
    stakes: Floats

    def staked(self, ticks: slice) -> Floats:
        """Return the sum of the stakes in each bet."""
        none = np.zeros((1, self.stakes.shape[1]))
        total = np.concatenate([none, np.cumsum(self.stakes, axis=0)])
        return np.take_along_axis(total, self.counts[ticks], axis=0)

    def summed(self, values: Floats, ticks: slice) -> Floats:
        """Return, per lambda, the sum of the values it bet on."""
        counts = self.counts[ticks]
        if counts.size and counts.min() == len(LAMBDAS):
            return np.broadcast_to(values[ticks].sum(axis=0), self.stakes.shape)
        masks = counts > np.arange(len(LAMBDAS))[:, None, None]
        return (masks * values[ticks]).sum(axis=1)


def audited(
    losses: Losses,
    *,
    margin: float = MARGIN,
    alpha: float = ALPHA,
    lag: int = HORIZON,
    block: int = BLOCK,
    keeps_evidence: bool = False,
) -> Verdicts:
    """Return what the guard says of each host.

    Args:
        losses: Whole blocks of ticks.
        margin: How much worse is tolerated.
        alpha: Chance of a false breach.
        lag: Ticks from a prediction to the tick at which its outcome becomes known.
        block: In ticks.
        keeps_evidence: Return the evidence at each tick, too.
    """
    ticks, hosts = losses.active.shape
    accounts = _opened(hosts)
    fired = np.full(hosts, NEVER)
    highest = np.ones(hosts)
    pages: dict[int, _Page] = {}
    path = np.ones((ticks + 1, hosts)) if keeps_evidence else None
    for number in range(ticks // block):
        pages[number] = _begun(losses, accounts, number, margin=margin, block=block)
        seen = _lived(pages, accounts, number, lag=lag, block=block)
        pages.pop(number - lag // block - 1, None)
        first = number * block + 1
        if path is not None:
            path[first : first + block] = seen
        top = seen.max(axis=0)
        np.maximum(highest, top, out=highest)
        may = (top >= 1 / alpha) & (fired == NEVER)
        may &= accounts.started > _MIN_BLOCKS
        fired[may] = first + (seen[:, may] >= 1 / alpha).argmax(axis=0)
    evidence = None if path is None else path[:ticks]
    return Verdicts(fired=fired, highest=highest, evidence=evidence)


def _opened(hosts: int) -> _Accounts:
    return _Accounts(
        free=np.ones(hosts),
        started=np.zeros(hosts, np.int64),
        wealth=np.zeros((len(LAMBDAS), hosts)),
        reserved=np.zeros((len(LAMBDAS), hosts)),
    )


def _begun(
    losses: Losses, accounts: _Accounts, number: int, *, margin: float, block: int
) -> _Page:
    """Let fresh bettors enter; return the block with its stakes fixed."""
    ticks = slice(number * block, (number + 1) * block)
    worst = losses.worst[ticks].astype(float)
    starts = np.ones(worst.shape[1], bool)
    if losses.issued is not None:
        starts = losses.issued[ticks].any(axis=0)
    k = accounts.started
    entry = starts / (_WEIGHTS * (k + 2) * np.log(k + 2) ** 2)
    accounts.free -= entry
    accounts.wealth += entry
    accounts.started += starts
    counts = prefixes(worst, block=block)
    stakes = _LAMBDAS * np.maximum(0.0, accounts.wealth - accounts.reserved)
    stakes *= accounts.evidence() < _RICH
    excess = losses.excess(margin, ticks)
    return _Page(excess=excess, worst=worst, counts=counts, stakes=stakes)


def prefixes(worst: Floats, *, block: int) -> NDArray[np.int64]:
    """Return how many lambdas, from the smallest, bet on each prediction."""
    used = np.cumsum(worst, axis=0)
    if LAMBDAS[-1] * used[-1].max() / block <= RISK:
        return np.full(worst.shape, len(LAMBDAS))
    may = [each * used / block <= RISK for each in LAMBDAS]
    return np.sum(may, axis=0, dtype=np.int64)


def _lived(
    pages: dict[int, _Page], accounts: _Accounts, number: int, *, lag: int, block: int
) -> Floats:
    """Issue and settle one block; return the evidence after each tick's outcomes.

    Row i is tick `number * block + 1 + i`: at the last one, outcomes that come
    together with the first prediction of the next block are settled before it.
    """
    page, before = pages[number], accounts.evidence()
    whole = slice(0, block)
    steps = -page.staked(whole) * page.worst
    accounts.reserved += page.stakes * page.summed(page.worst, whole) / block
    first = number * block + 1 - lag
    for at in {first // block, (first + block - 1) // block} & pages.keys():
        old = pages[at]
        start, end = max(first, at * block), min(first + block, (at + 1) * block)
        ticks = slice(start - at * block, end - at * block)
        bound = old.excess + old.worst
        steps[start - first : end - first] += old.staked(ticks) * bound[ticks]
        accounts.reserved -= old.stakes * old.summed(old.worst, ticks) / block
        accounts.wealth += old.stakes * old.summed(old.excess, ticks) / block
    return before + np.cumsum(steps, axis=0) / (block * len(LAMBDAS))
