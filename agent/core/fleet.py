"""The fleet rule: stop a bad rollout by what all its hosts saw together.

Hosts send one row a fleet block; here the rows become evidence. Within a cluster, the
hosts that one incident can hit together, hosts may depend on each other in any way:
their mean bets as one. Clusters are taken for independent: what they won multiplies.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from agent.core.accounts import LAMBDAS, weight, zeros
from agent.core.fleet_row import NO_BETS, UNIT, FleetRow, bet_sums

__all__ = ["Account", "FleetGuard", "FleetRow", "bet_sums", "excluded", "too_many"]

ALPHA: Final = 0.01
ADVANCE_EVIDENCE: Final = 20.0
ADVANCE_EPISODES: Final = 20
TOO_MANY_CHANCE: Final = 1e-4
_CEILING: Final = 1e100
_LARGEST_LOG: Final = 700.0


class Account(msgspec.Struct, array_like=True):
    """One bettor a lambda, paid once a fleet block; no bet is ever open in between.

    Attributes:
        blocks: How many were counted.
        free: C, the money of bettors that have not entered yet.
        wealth: S, by lambda.
    """

    blocks: int = 0
    free: float = 1.0
    wealth: list[float] = msgspec.field(default_factory=zeros)

    def pay(self, clusters: Sequence[Sequence[float]]) -> None:
        """Count one block: for each cluster its mean x a tick, by lambda."""
        entry = weight(self.blocks)
        self.blocks += 1
        self.free -= entry
        for j, bet in enumerate(LAMBDAS):
            # fsum rounds once, at the end: the order of the clusters does not matter.
            won = math.fsum(math.log1p(bet * means[j]) for means in clusters)
            grown = (self.wealth[j] + entry) * math.exp(min(won, _LARGEST_LOG))
            self.wealth[j] = min(grown, _CEILING)

    def evidence(self) -> float:
        """Return all money."""
        return self.free + sum(self.wealth) / len(LAMBDAS)


class FleetGuard(msgspec.Struct, array_like=True, tag="fleet-1"):
    """Whether a rollout does harm, and whether its next stage may begin.

    It is its own state: encode it by msgspec. Both questions are asked by the same
    rule; the second by the rows' mirrored bets. A halt is for good: evidence that was
    there does not fade by looking later.

    Attributes:
        ticks: Of a fleet block: about 6 horizons, whole blocks of the hosts' guards.
        day_blocks: Fleet blocks of a day; no stage is shorter.
        alpha: Chance that a rollout that does no harm is ever halted.
        block: Id of the last block; -1 before any.
        episodes: Event episodes seen by all hosts.
        is_halted: Evidence of harm has reached 1 / alpha.
        harm: Evidence of "worse by more than the margin".
        merit: Evidence of "not worse by more than the margin".
        margin: How much worse it may be and still go on: 0.1 means 10 %.
        losses: What it and its reference have lost on all hosts, in 1e-9.
        least_episodes: How many go before a next stage; values have none, so 0.

    Source:
        Product over independent clusters, mean within: Vovk and Wang, "E-values:
        calibration, combination and applications", Ann. Stat. 49 (2021).
    """

    ticks: int
    day_blocks: int
    alpha: float = ALPHA
    block: int = -1
    episodes: int = 0
    is_halted: bool = False
    harm: Account = msgspec.field(default_factory=Account)
    merit: Account = msgspec.field(default_factory=Account)
    margin: float = 0.1
    losses: tuple[int, int] = (0, 0)
    least_episodes: int = ADVANCE_EPISODES

    def __post_init__(self) -> None:
        """Refuse terms under which nothing would be proved; raises ValueError."""
        if self.ticks < 1 or self.day_blocks < 1 or not 0.0 < self.alpha < 1.0:
            raise ValueError(
                "fleet guard: expected ticks and blocks above 0 and alpha in (0, 1), "
                f"got {self.ticks}, {self.day_blocks} and {self.alpha}"
            )

    def add(
        self, block: int, clusters: Mapping[str, Sequence[FleetRow | None]]
    ) -> None:
        """Count one fleet block, closed: rows that come later are never counted.

        Args:
            block: Its id, above the last one.
            clusters: By label, a row a host on trial; None for a host that sent none
                (it counts as having seen nothing: who is silent may be down).

        Raises:
            ValueError: The block was counted already, or a row is impossible; nothing
                was changed.
        """
        if block <= self.block:
            raise ValueError(f"block: expected after {self.block}, got {block}")
        hosts = [rows for rows in clusters.values() if rows]
        for row in _sent(hosts):
            if row.block != block or row.flaw(self.ticks):
                raise ValueError(
                    f"row of {row.host}, block {row.block}: expected an honest one of "
                    f"block {block}, got {row.flaw(self.ticks) or 'another block'}"
                )
        self.block = block
        self._count(_sent(hosts))
        self.harm.pay([self._means(rows, "harm") for rows in hosts])
        self.merit.pay([self._means(rows, "merit") for rows in hosts])
        self.is_halted |= self.evidence() >= 1.0 / self.alpha

    def _count(self, rows: Iterable[FleetRow]) -> None:
        for row in rows:
            own, reference = self.losses
            self.losses = own + row.active, reference + row.reference
            self.episodes += row.episodes

    def _means(self, rows: Sequence[FleetRow | None], bets: str) -> list[float]:
        sums = [getattr(row, bets) for row in rows if row is not None] or [NO_BETS]
        whole = UNIT * self.ticks * len(rows)
        return [sum(column) / whole for column in zip(*sums, strict=True)]

    def evidence(self) -> float:
        """Return the evidence of harm; 1 says nothing."""
        return self.harm.evidence()

    def halted(self) -> bool:
        """Return whether the rollout is to be stopped, and its hosts rolled back."""
        return self.is_halted

    def may_advance(self) -> bool:
        """Return whether the next stage may begin: shown not worse, by day and night.

        Evidence of 20, a day, and 20 pooled episodes; never after a halt. And what is
        shown must hold of all that was lost: bettors near their limit of risk bet only
        where both agree, and could show it of a release that is useless elsewhere.
        """
        own, reference = self.losses
        return (
            not self.is_halted
            and own < (1.0 + self.margin) * reference
            and self.merit.evidence() >= ADVANCE_EVIDENCE
            and self.merit.blocks >= self.day_blocks
            and self.episodes >= self.least_episodes
        )


def _sent(hosts: Iterable[Sequence[FleetRow | None]]) -> Iterable[FleetRow]:
    return (row for rows in hosts for row in rows if row is not None)


def too_many(hosts: int, *, alpha: float) -> int:
    """Return how many hosts must have rolled back by themselves to halt a rollout.

    The least m with P(Binomial(hosts, alpha) >= m) < 1e-4, for independent hosts that
    do each so falsely with probability `alpha`; above `hosts` where none suffices.
    A backstop that needs no rows. Under any dependence the chance is hosts * alpha / m.
    """
    fewer = 0.0
    for m in range(hosts + 1):
        if 1.0 - fewer < TOO_MANY_CHANCE:
            return m
        choices = math.lgamma(hosts + 1) - math.lgamma(m + 1)
        choices -= math.lgamma(hosts - m + 1)
        odds = m * math.log(alpha) + (hosts - m) * math.log1p(-alpha)
        fewer += math.exp(choices + odds)
    return hosts + 1


def excluded(clusters: Mapping[str, float], fdr: float) -> frozenset[str]:
    """Return the clusters to take out: at most `fdr` of them wrongly, on average.

    Args:
        clusters: Each one's evidence of harm, all counted up to the same block.
        fdr: False discovery rate, e.g. 0.05.

    Source:
        e-BH, valid under any dependence: Wang and Ramdas, "False discovery rate
        control with e-values", J. R. Stat. Soc. B 84 (2022).
    """
    ranked = sorted(clusters, key=lambda label: (-clusters[label], label))
    count = 0
    for m, label in enumerate(ranked, start=1):
        if clusters[label] >= len(ranked) / (m * fdr):
            count = m
    return frozenset(ranked[:count])
