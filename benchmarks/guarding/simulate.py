"""One piece of work: some hosts of one world, harmed or not, judged by the guard."""

from dataclasses import dataclass, replace

import numpy as np
from guarding import oracle
from guarding.boundary import Coin
from guarding.harms import Harm
from guarding.ledger import NEVER, audited
from guarding.life import (
    BLOCK,
    HORIZON,
    TICKS_PER_DAY,
    TICKS_PER_HOUR,
    Floats,
    Losses,
    judged,
)
from guarding.worlds import World, lived

_CHUNK = 100
_BLOCKS_PER_DAY = TICKS_PER_DAY // BLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Hosts to simulate.

    Attributes:
        world: Where they live; a coin is the boundary of the null hypothesis.
        hosts: How many.
        seed: Where the chance is from.
        harm: What befalls the active model; None: nothing.
        day: When it does, days after activation.
        days: How long all lasts.
        lag: Ticks until an outcome is known.
        block: Of the guard, in ticks.
    """

    world: World | Coin
    hosts: int
    seed: tuple[int, ...]
    harm: Harm | None = None
    day: int = 0
    days: int = 30
    lag: int = HORIZON
    block: int = BLOCK

    @property
    def start(self) -> int:
        """Tick of the harm."""
        return self.day * TICKS_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of a task; one entry a host unless said otherwise.

    Attributes:
        hours: From the harm to the rollback; infinite: not found in time.
        is_early: Rolled back before the harm, or though there was none.
        highest: The largest evidence of its life.
        oracle: How constant bets fared; None without a harm.
        sums: Loss of the active, of the reference since the harm.
        spread: Variance of the day sums of x; of its block sums (one entry a chunk).
    """

    hours: Floats
    is_early: np.ndarray
    highest: Floats
    oracle: oracle.Oracle | None
    sums: Floats
    spread: Floats

    @property
    def ratio(self) -> float:
        """Loss of the active over that of the reference since the harm."""
        return float(self.sums[:, 0].sum() / self.sums[:, 1].sum())

    @property
    def dependence(self) -> float:
        """How strongly blocks repeat each other: 1 means not at all."""
        by_day, by_block = self.spread.mean(axis=0)
        return float(by_day / (_BLOCKS_PER_DAY * by_block))


def chunks(task: Task) -> list[Task]:
    """Return the task in pieces that fit the memory, each with a seed of its own."""
    return [
        replace(task, hosts=min(_CHUNK, task.hosts - first), seed=(*task.seed, first))
        for first in range(0, task.hosts, _CHUNK)
    ]


def joined(parts: list[Found]) -> Found:
    """Return the pieces of one task as one."""
    oracles = [part.oracle for part in parts if part.oracle]
    return Found(
        hours=np.concatenate([part.hours for part in parts]),
        is_early=np.concatenate([part.is_early for part in parts]),
        highest=np.concatenate([part.highest for part in parts]),
        oracle=oracle.joined(oracles) if oracles else None,
        sums=np.concatenate([part.sums for part in parts]),
        spread=np.concatenate([part.spread for part in parts]),
    )


def simulated(task: Task) -> Found:
    """Return what came of one piece."""
    losses = losses_of(task)
    verdicts = audited(losses, lag=task.lag, block=task.block)
    limit = task.start if task.harm else len(losses.active)
    is_early = (verdicts.fired != NEVER) & (verdicts.fired < limit)
    is_found = verdicts.fired >= limit
    since = (verdicts.fired - task.start) / TICKS_PER_HOUR
    return Found(
        hours=np.where(is_found, since, np.inf),
        is_early=is_early,
        highest=verdicts.highest,
        oracle=oracle.oracle(losses, task.start) if task.harm else None,
        sums=_sums(losses, task.start),
        spread=_spread(losses),
    )


def losses_of(task: Task) -> Losses:
    """Return the losses of a piece, with its harm."""
    rng = np.random.default_rng(task.seed)
    if isinstance(task.world, Coin):
        return task.world.thrown(days=task.days, hosts=task.hosts, rng=rng)
    life = lived(task.world, days=task.days, hosts=task.hosts, rng=rng)
    active = life.forecast[0]
    if task.harm:
        active = task.harm.harmed(life, task.start, rng)
    return judged(life, active)


def _sums(losses: Losses, start: int) -> Floats:
    pair = (losses.active[start:], losses.reference[start:])
    return np.stack([part.mean(axis=0, dtype=float) for part in pair], axis=1)


def _spread(losses: Losses) -> Floats:
    days = range(0, len(losses.active), TICKS_PER_DAY)
    blocks = np.concatenate(
        [
            losses.excess(0.1, slice(day, day + TICKS_PER_DAY))
            .reshape(_BLOCKS_PER_DAY, BLOCK, -1)
            .sum(axis=1)
            for day in days
        ]
    )
    by_day = blocks.reshape(-1, _BLOCKS_PER_DAY, blocks.shape[1]).sum(axis=1)
    return np.array([[by_day.var(), blocks.var()]])
