"""The terms of a test: fixed when it begins, for any change would be another test."""

import math
from typing import Final

import msgspec

MIN_BLOCKS: Final = 6


class Terms(msgspec.Struct, frozen=True, array_like=True):
    """What a guard was started with; other terms mean another guard.

    Attributes:
        block: Ticks for which stakes stay as they are.
        margin: How much worse the active model may be: 0.1 means 10 %.
        alpha: Chance that a model that is not worse ever breaches.
        min_blocks: Never breached before the block of this number.
        is_strict: A lost outcome counts as the worst, not as nothing.
    """

    block: int
    margin: float
    alpha: float
    min_blocks: int = MIN_BLOCKS
    is_strict: bool = False

    def __post_init__(self) -> None:
        """Refuse terms under which nothing would be proved; raises ValueError."""
        if self.block < 1:
            raise ValueError(f"block: expected at least 1 tick, got {self.block}")
        if not -1.0 < self.margin < math.inf:
            raise ValueError(f"margin: expected above -1, got {self.margin}")
        if not 0.0 < self.alpha < 1.0:
            raise ValueError(f"alpha: expected between 0 and 1, got {self.alpha}")
