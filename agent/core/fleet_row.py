"""The row that a host sends a fleet block: what it saw of the release on trial."""

from typing import Annotated, Final

import msgspec

from agent.core.accounts import LAMBDAS, RISK

UNIT: Final = 10**9
NO_BETS: Final = (0,) * len(LAMBDAS)
# Every summand is rounded to 1e-9.
_SLACK: Final = 1e-6

_Amount = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Bets = Annotated[
    tuple[_Amount, ...], msgspec.Meta(min_length=len(LAMBDAS), max_length=len(LAMBDAS))
]


class FleetRow(msgspec.Struct, frozen=True, array_like=True):
    """What one host saw in one fleet block; whole numbers, so adding is exact.

    Only predictions whose deadline is in the block count. Whether one does must be
    known when it is issued: events are known before their deadline, quiet is not.

    Attributes:
        host: The host's id.
        version: The version on trial.
        block: Id of the fleet block: tick // ticks of a fleet block.
        n: Outcomes, each part counted.
        active: Sum of the losses of the version on trial, in 1e-9.
        reference: Of its reference, on the same predictions.
        episodes: Event episodes that began.
        harm: By lambda, the sum of the x it bet on "worse", in 1e-9 of a tick.
        merit: The same for the mirrored guard, "not worse".
    """

    host: str
    version: _Number
    block: _Number
    n: _Amount = 0
    active: _Amount = 0
    reference: _Amount = 0
    episodes: _Amount = 0
    harm: Bets = NO_BETS
    merit: Bets = NO_BETS

    def merged(self, other: "FleetRow") -> "FleetRow":
        """Return both as one; associative and commutative, to the digit.

        Raises:
            ValueError: They are of another host, version or block.
        """
        mine = (self.host, self.version, self.block)
        others = (other.host, other.version, other.block)
        if mine != others:
            raise ValueError(f"row: expected of {mine}, got {others}")
        return FleetRow(
            *mine,
            self.n + other.n,
            self.active + other.active,
            self.reference + other.reference,
            self.episodes + other.episodes,
            tuple(a + b for a, b in zip(self.harm, other.harm, strict=True)),
            tuple(a + b for a, b in zip(self.merit, other.merit, strict=True)),
        )

    def flaw(self, ticks: int) -> str:
        """Return why no honest host sends this for a block of `ticks`; or nothing."""
        if min(self.n, self.active, self.reference, self.episodes) < 0:
            return "counts and sums of losses are never negative"
        if max(self.active, self.reference) > self.n * UNIT:
            return "no loss is above 1"
        for bet, sums in zip(LAMBDAS * 2, self.harm + self.merit, strict=True):
            share = sums / UNIT / ticks
            if not -RISK / bet - _SLACK <= share <= 1 + _SLACK:
                return f"a bet of {bet} cannot end at {share:.6g} a tick"
        return ""


def bet_sums(bets: int, *, excess: float, parts: int = 1) -> Bets:
    """Return what one outcome adds to a row's `harm` or `merit`.

    The host's own guard decides who bets, so nothing more is kept there: its blocks
    risk at most 0.9 of a stake, and so does a fleet block made of whole ones of them.

    Args:
        bets: What the guard's `issue` returned.
        excess: The guard's x of this outcome.
        parts: Of the tick.
    """
    amount = round(excess / parts * UNIT)
    return tuple(amount if j < bets else 0 for j in range(len(LAMBDAS)))
