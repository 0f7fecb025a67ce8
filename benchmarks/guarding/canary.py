"""A rollout watched by agent.core.fleet: many hosts, each a cluster of its own."""

from dataclasses import dataclass

import numpy as np
from guarding import oracle
from guarding.ledger import LAMBDAS, prefixes
from guarding.life import BLOCK, HORIZON, MARGIN, TICKS_PER_DAY, Floats, Losses
from guarding.simulate import Task, losses_of
from guarding.trials import Figures, Judgement, rounded
from numpy.typing import NDArray

from agent.core.fleet import FleetGuard
from agent.core.fleet_row import UNIT, FleetRow

_FLEET_BLOCK = 6 * HORIZON
_BLOCKS_PER_DAY = TICKS_PER_DAY // _FLEET_BLOCK
_HOURS_PER_BLOCK = 24 / _BLOCKS_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How a rollout ended: hours until the halt (infinite: none), largest evidence.

    `oracle` tells how long constant bets would have needed, on the same rows.
    """

    hours: float
    highest: float
    oracle: oracle.Oracle


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """In 1e-9, by fleet block and host; `harm` by lambda before that."""

    active: NDArray[np.int64]
    reference: NDArray[np.int64]
    harm: NDArray[np.int64]

    def means(self) -> Floats:
        """Return the mean excess loss of each block and host."""
        excess = self.active - (1 + MARGIN) * self.reference
        return excess / (UNIT * _FLEET_BLOCK)


def rolled_out(task: Task) -> Rollout:
    """Return how the rollout of the task's hosts ended; harmed from the beginning."""
    sums = _sums(losses_of(task))
    fleet = FleetGuard(ticks=_FLEET_BLOCK, day_blocks=_BLOCKS_PER_DAY)
    hours = highest = 0.0
    for block in range(sums.active.shape[0]):
        fleet.add(block, {row.host: [row] for row in _rows(sums, block)})
        hours += 0.0 if fleet.halted() else _HOURS_PER_BLOCK
        highest = max(highest, fleet.evidence())
    hours = hours + _HOURS_PER_BLOCK if fleet.halted() else np.inf
    bets = oracle.pooled(sums.means(), alpha=fleet.alpha, hours=_HOURS_PER_BLOCK)
    return Rollout(hours=hours, highest=highest, oracle=bets)


def halted(results: list[Rollout], *, limit: float) -> Judgement:
    """Judge rollouts; a limit of 0 hours says that none may be halted."""
    hours = np.array([result.hours for result in results])
    median = float(np.median(hours))
    halts = int(np.isfinite(hours).sum())
    yardstick = oracle.joined([result.oracle for result in results]).best()
    figures: Figures = {
        "halted": halts,
        "median h": rounded(median),
        "oracle bet h": rounded(yardstick),
        "largest E": rounded(max(result.highest for result in results)),
    }
    return figures, median <= limit if limit else halts == 0


def _sums(losses: Losses) -> _Sums:
    counts = np.concatenate(
        [
            prefixes(losses.worst[at : at + BLOCK].astype(float), block=BLOCK)
            for at in range(0, len(losses.worst), BLOCK)
        ]
    )
    excess = losses.excess(MARGIN, slice(None))
    return _Sums(
        active=_by_block(losses.active),
        reference=_by_block(losses.reference),
        harm=np.stack([_by_block(excess * (counts > j)) for j in range(len(LAMBDAS))]),
    )


def _by_block(values: Floats) -> NDArray[np.int64]:
    """Sum what was issued and became known within each fleet block."""
    whole = np.rint(values * float(UNIT)).astype(np.int64)
    blocks = whole.reshape(-1, _FLEET_BLOCK, values.shape[1])
    return blocks[:, : _FLEET_BLOCK - HORIZON].sum(axis=1)


def _rows(sums: _Sums, block: int) -> list[FleetRow]:
    return [
        FleetRow(
            host=f"host-{host}",
            version=2,
            block=block,
            n=_FLEET_BLOCK - HORIZON,
            active=int(sums.active[block, host]),
            reference=int(sums.reference[block, host]),
            harm=tuple(sums.harm[:, block, host].tolist()),
        )
        for host in range(sums.active.shape[1])
    ]
