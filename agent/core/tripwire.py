"""Tripwires: what is wrong with a release's answers, seen before any outcome."""

from collections.abc import Sequence
from typing import Final

import msgspec

# A model may be silent where nothing happens. One that stays at the very same number
# while what it is compared with swings, block after block, has died.
_CONSTANT_BLOCKS: Final = 4


class Tripwire(msgspec.Struct, kw_only=True):
    """Watches the first number of each answer, block by block.

    Attributes:
        block: The block that is watched.
        count: Answers of it; `total` is their sum.
        lowest: The lowest answer, and the `highest`.
        reference_lowest: The lowest answer of the reference, and its highest.
        stood_at: Where the release stood still in the block before; None: it did not.
        constant_blocks: In how many blocks in a row the release stood still there
            while its reference did not.
    """

    block: int = 0
    count: int = 0
    total: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0
    reference_lowest: float = 0.0
    reference_highest: float = 0.0
    stood_at: float | None = None
    constant_blocks: int = 0

    def watch(
        self,
        answers: Sequence[tuple[float, float]],
        *,
        block: int,
        swing: float,
        declared: tuple[float, float] | None = None,
    ) -> str | None:
        """Take in the answers of one instant; return what the last block tripped over.

        Args:
            answers: Of release and reference, one pair an entity.
            block: The block that they belong to.
            swing: From which spread on the reference does not stand still.
            declared: Between what the publisher declares the mean of a block to lie.
        """
        found = None
        if block != self.block:
            found = self._wrong(swing=swing, declared=declared)
            self.block, self.count, self.total = block, 0, 0.0
        for own, reference in answers:
            if not self.count:
                self.lowest = self.highest = own
                self.reference_lowest = self.reference_highest = reference
            self.count += 1
            self.total += own
            self.lowest = min(self.lowest, own)
            self.highest = max(self.highest, own)
            self.reference_lowest = min(self.reference_lowest, reference)
            self.reference_highest = max(self.reference_highest, reference)
        return found

    def _wrong(
        self, *, swing: float, declared: tuple[float, float] | None
    ) -> str | None:
        """Return what is wrong with the block that has ended; None: nothing."""
        if not self.count:
            return None
        mean = self.total / self.count
        if declared is not None and not declared[0] <= mean <= declared[1]:
            return (
                f"its mean answer over a block was {mean:.4g}, the manifest declares "
                f"{declared[0]:g} to {declared[1]:g}"
            )
        swings = self.reference_highest - self.reference_lowest >= swing
        stands_at = self.lowest if self.highest == self.lowest and swings else None
        is_same = stands_at is not None and stands_at == self.stood_at
        self.constant_blocks = self.constant_blocks + 1 if is_same else 1
        self.stood_at = stands_at
        if stands_at is None:
            self.constant_blocks = 0
        if self.constant_blocks >= _CONSTANT_BLOCKS:
            return (
                f"it answered {self.lowest:.4g} and nothing else over "
                f"{_CONSTANT_BLOCKS} blocks, while its reference moved"
            )
        return None
