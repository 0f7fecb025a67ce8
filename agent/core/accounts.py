"""The money of the guard's bettors: what is free, won, staked and reserved."""

import math
from typing import Annotated, Final

import msgspec

# Shares of an account staked a block: ascending, which `bet` relies on.
LAMBDAS: Final = (0.85, 1.7, 3.4, 6.8, 13.6)
# No account may lose more than this share of its base in one block.
RISK: Final = 0.9
# Sum of 1 / (n ln(n)**2) over n >= 2, rounded up: all weights stay below 1 together.
_WEIGHTS: Final = 2.10975
# Nobody needs more evidence, and floats end at 1e308. Giving money away is valid.
_CEILING: Final = 1e100

PerLambda = Annotated[
    list[float], msgspec.Meta(min_length=len(LAMBDAS), max_length=len(LAMBDAS))
]


def weight(block: int) -> float:
    """Return the share of the first money with which a bettor enters at this block.

    Args:
        block: Number of the block, 0 for the first.
    """
    return 1.0 / (_WEIGHTS * (block + 2) * math.log(block + 2) ** 2)


def zeros() -> list[float]:
    """Return nothing, once a lambda."""
    return [0.0] * len(LAMBDAS)


class Book(msgspec.Struct, array_like=True):
    """The bets of one block: one stake a lambda, and how many parts are open."""

    stakes: PerLambda
    open: int = 0


class Accounts(msgspec.Struct, array_like=True):
    """One account a lambda; the letters are those of the formula.

    Attributes:
        block: Id of the current block; -1 before any.
        started: How many blocks were started.
        free: C, the money of bettors that have not entered yet.
        wealth: W, what entered and what was won; open bets not counted.
        reserved: R, the most that the open bets can lose.
        used: Worst cases in this block so far, of those that bet all of them.
        betting: How many lambdas still bet in this block.
        open: How many parts wait for their outcome, over all blocks.
        books: By block id: the current block, and those with open bets.
    """

    block: int = -1
    started: int = 0
    free: float = 1.0
    wealth: PerLambda = msgspec.field(default_factory=zeros)
    reserved: PerLambda = msgspec.field(default_factory=zeros)
    used: float = 0.0
    betting: int = 0
    open: int = 0
    books: dict[int, Book] = {}

    def begin(self, block: int) -> None:
        """Let a fresh bettor enter, and fix the stakes of this block."""
        before = self.books.get(self.block)
        if before is not None and not before.open:
            del self.books[self.block]
        entry = weight(self.started)
        self.free -= entry
        stakes = []
        for j, bet in enumerate(LAMBDAS):
            reserved = self.reserved[j]
            self.wealth[j] = min(self.wealth[j] + entry, reserved + _CEILING)
            stakes.append(bet * max(0.0, self.wealth[j] - reserved))
        self.books[block] = Book(stakes)
        self.block, self.started = block, self.started + 1
        self.used, self.betting = 0.0, len(LAMBDAS)

    def bet(self, worst: float, *, parts: int, ticks: int) -> int:
        """Reserve the worst case of a new bet in the current block.

        Args:
            worst: The most that it can lose for a stake of 1.
            parts: In how many parts it will be settled.
            ticks: Length of the block.

        Returns:
            How many lambdas bet, counted from the smallest.
        """
        # Those that bet are always a prefix of the ascending lambdas: whoever has not
        # stopped took every prediction of this block, so all have used the same risk,
        # and what holds for a lambda (lambda * used <= limit) holds for all below it.
        # Hence one `used` and one `betting` are enough.
        self.used += worst
        while self.betting and LAMBDAS[self.betting - 1] * self.used / ticks > RISK:
            self.betting -= 1
        if self.betting:
            book = self.books[self.block]
            book.open += parts
            self.open += parts
            for j in range(self.betting):
                self.reserved[j] += book.stakes[j] * worst / ticks
        return self.betting

    def has_open(self, block: int) -> bool:
        """Return whether a bet of this block waits for its outcome."""
        book = self.books.get(block)
        return book is not None and book.open > 0

    def settle(
        self, block: int, *, bets: int, worst: float, excess: float, ticks: int
    ) -> None:
        """Give back the reserve of one part, and pay what it won or lost.

        Args:
            block: In which it was placed; it has an open bet.
            bets: How many lambdas bet, 1 or more.
            worst: Its worst case.
            excess: Its x: loss of the active model beyond what is allowed.
            ticks: Length of the block times the parts of a tick.
        """
        book = self.books[block]
        for j in range(bets):
            self.reserved[j] -= book.stakes[j] * worst / ticks
            self.wealth[j] += book.stakes[j] * excess / ticks
        book.open -= 1
        self.open -= 1
        if not book.open and block != self.block:
            del self.books[block]
        if not self.open:
            # Exactly 0, so that roundings do not add up over the years.
            self.reserved = zeros()

    def evidence(self) -> float:
        """Return all money, open bets counted at their worst."""
        net = sum(self.wealth) - sum(self.reserved)
        return self.free + net / len(LAMBDAS)
