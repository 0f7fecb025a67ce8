"""The guard: is the active model worse than the one it would be exchanged for?

It bets. Accounts that back "the active model is worse" win where that is so and lose
where it is not; their money is the evidence. Outcomes come late and overlap: each open
bet counts at the worst that it can still bring.
"""

import math
from typing import Self

import msgspec

from agent.core.accounts import LAMBDAS, RISK, Accounts, weight
from agent.core.excess import Run, RunSums
from agent.core.loss import log_loss, worst_case
from agent.core.terms import MIN_BLOCKS, Terms

__all__ = [
    "LAMBDAS",
    "MIN_BLOCKS",
    "RISK",
    "PairedGuard",
    "Run",
    "Terms",
    "log_loss",
    "weight",
    "worst_case",
]


class _State(msgspec.Struct, array_like=True, tag="guard-1"):
    """Everything that a restart must find again."""

    terms: Terms
    tick: int = -1
    accounts: Accounts = msgspec.field(default_factory=Accounts)
    settled: int = 0
    lost: int = 0
    episodes: int = 0
    run: RunSums = msgspec.field(default_factory=RunSums)


class PairedGuard:
    """Evidence that the active model is worse than a reference by more than a margin.

    With x = loss_active - (1 + margin) * loss_reference on the same prediction, H0
    says: given all that is known when a prediction is issued, x is at most 0 on
    average. Why evidence of 1 / alpha is then seen at most with probability alpha,
    however long one runs, however often one looks, however outcomes overlap:

    1. Stake and inclusion of a bet are fixed before its outcome: it gains at most 0.
    2. So all bets placed up to any stopping time, held to their end, leave at most
       the 1 that was there at the beginning, on average.
    3. An open bet is counted at its worst case: evidence is a lower bound of that end.
    4. So evidence at every stopping time is at most 1 on average, and (Ville) reaches
       1 / alpha at most with probability alpha.
    5. A fresh bettor enters each block, with weights that sum to 1: the first money is
       only divided, and a model that turns bad late is still found.

    The margin may be negative (above -1). "Is a candidate not worse than the incumbent
    by m", x = loss_incumbent - loss_candidate / (1 + m), is a guard with the incumbent
    as active, the candidate as reference and margin = 1 / (1 + m) - 1.

    A tick may consist of `parts` predictions, one an entity: its x is their mean.
    At one tick, first resolve what became known, then issue what is new. Callers give
    a worst case that holds: -x never exceeds it.

    Args:
        block: Length of a block in ticks, 1 or more: at least two horizons.
        margin: How much worse is tolerated: 0.1 means 10 %.
        alpha: Chance of a false breach, over any length of time.
        min_blocks: Never breached before the block of this number.
        strict: Resolve lost outcomes as the worst; always valid, costs power.

    Raises:
        ValueError: Terms out of range.

    Source:
        Bets and their mixture: Waudby-Smith and Ramdas, "Estimating means of bounded
        random variables by betting", J. R. Stat. Soc. B 86 (2024). Paired losses:
        Choe and Ramdas, "Comparing sequential forecasters", Operations Research
        (2024). Discounting open bets: Henzi and Ziegel, "Valid sequential inference on
        probability forecast performance", and its correction, Biometrika 109 (2022).
        Fresh bettors with summable weights: Shin, Ramdas and Rinaldo, "E-detectors",
        NEJSDS (2023); Dandapanthula and Ramdas, "Multiple testing in multi-stream
        sequential change detection" (2025).
    """

    __slots__ = ("_block", "_factor", "_state", "_threshold")

    def __init__(
        self,
        block: int,
        margin: float,
        alpha: float,
        *,
        min_blocks: int = MIN_BLOCKS,
        strict: bool = False,
    ) -> None:
        self._state = _State(Terms(block, margin, alpha, min_blocks, strict))
        self._block = block
        self._factor = 1.0 + margin
        self._threshold = 1.0 / alpha

    @classmethod
    def load(cls, state: str | bytes) -> Self:
        """Return the guard that `state()` described, equal to the last bit.

        Raises:
            ValueError: Not a state of this version.
        """
        kept = msgspec.json.decode(state, type=_State)
        guard = cls(kept.terms.block, kept.terms.margin, kept.terms.alpha)
        guard._state = kept
        return guard

    def state(self) -> str:
        """Return all that `load` needs, as JSON of about 500 bytes."""
        return msgspec.json.encode(self._state).decode()

    def issue(self, t: int, worst: float, parts: int = 1) -> int:
        """Bet on the prediction made at tick `t`.

        Args:
            t: Tick number, from 0, never smaller than the one before.
            worst: The most that a bet can lose: the largest -x, the mean over parts.
            parts: How many times `resolve` will be called for it.

        Returns:
            How many lambdas bet, counted from the smallest; `resolve` wants it back.

        Raises:
            ValueError: The tick goes backwards or the worst case is none; nothing
                was changed.
        """
        state = self._state
        if t < state.tick:
            raise ValueError(f"tick: expected {state.tick} or later, got {t}")
        _check_worst(worst)
        if parts < 1:
            raise ValueError(f"parts: expected at least 1, got {parts}")
        state.tick, block = t, t // self._block
        if block != state.accounts.block:
            state.accounts.begin(block)
        return state.accounts.bet(worst, parts=parts, ticks=self._block)

    def resolve(
        self,
        t: int,
        bets: int,
        worst: float,
        loss_active: float | None = None,
        loss_reference: float | None = None,
        *,
        parts: int = 1,
        episode: bool = False,
    ) -> None:
        """Settle the prediction made at tick `t`, or one part of it.

        Args:
            t: The tick at which it was issued.
            bets: What `issue` returned.
            worst: This part's own worst case.
            loss_active: Loss of the active model, 0..1; None where the outcome can
                never be known.
            loss_reference: Loss of the reference on the same prediction.
            parts: As issued.
            episode: This outcome begins a new event episode (counted for display).

        Raises:
            ValueError: Never issued, already settled, or no numbers; nothing was
                changed.
        """
        self._check_open(t, bets=bets, worst=worst)
        state = self._state
        if loss_active is None or loss_reference is None:
            excess = -worst if state.terms.is_strict else 0.0
            self._settle(t, bets, worst, excess, parts)
            state.lost += 1
            state.run.lost += state.run.since is not None
            return
        excess = loss_active - self._factor * loss_reference
        if not math.isfinite(excess):
            raise ValueError(
                f"losses: expected numbers, got {loss_active} and {loss_reference}"
            )
        self._settle(t, bets, worst, excess, parts)
        self._count(t, loss_active, loss_reference, episode)

    def _check_open(self, t: int, *, bets: int, worst: float) -> None:
        _check_worst(worst)
        if t > self._state.tick or not 0 <= bets <= len(LAMBDAS):
            raise ValueError(f"tick {t}: expected one that was issued, not {bets} bets")
        if bets and not self._state.accounts.has_open(t // self._block):
            raise ValueError(f"tick {t}: block {t // self._block} has no open bet")

    # Positional, both: they are called for every outcome.
    def _settle(
        self, t: int, bets: int, worst: float, excess: float, parts: int
    ) -> None:
        if bets:
            self._state.accounts.settle(
                t // self._block,
                bets=bets,
                worst=worst,
                excess=excess,
                ticks=self._block * parts,
            )

    def _count(self, t: int, active: float, reference: float, episode: bool) -> None:
        state, run, block = self._state, self._state.run, t // self._block
        state.settled += 1
        state.episodes += episode
        run.add(t, block=block, active=active, reference=reference, episode=episode)
        if run.active <= self._factor * run.reference:
            state.run = RunSums()

    def evidence(self) -> float:
        """Return the evidence against the active model: 1 says nothing.

        Looking changes nothing, so it does not matter how often one looks.
        """
        return self._state.accounts.evidence()

    def breached(self) -> bool:
        """Return whether the active model is worse: evidence has reached 1 / alpha."""
        if self.blocks < self._state.terms.min_blocks:
            return False
        return self.evidence() >= self._threshold

    @property
    def terms(self) -> Terms:
        """What the guard was started with."""
        return self._state.terms

    @property
    def blocks(self) -> int:
        """Number of the current block, 0 for the first and before it."""
        return max(0, self._state.accounts.started - 1)

    @property
    def open(self) -> int:
        """How many bets wait for their outcome, each part counted."""
        return self._state.accounts.open

    @property
    def settled(self) -> int:
        """How many outcomes became known, each part counted."""
        return self._state.settled

    @property
    def lost(self) -> int:
        """How many outcomes can never be known, each part counted."""
        return self._state.lost

    @property
    def episodes(self) -> int:
        """How many event episodes began."""
        return self._state.episodes

    @property
    def run_length(self) -> int:
        """How many predictions there are in `run`."""
        return self._state.run.predictions

    @property
    def run(self) -> Run:
        """The predictions since the excess loss was last not above 0."""
        return self._state.run.seen()


def _check_worst(worst: float) -> None:
    if not 0.0 <= worst < math.inf:
        raise ValueError(f"worst case: expected finite and at least 0, got {worst}")
