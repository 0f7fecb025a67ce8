"""How long two models disagree: the ratio by which the guard's block is chosen.

Blocks that are too short look like independent evidence and are not. Variances are kept
as whole numbers, so hosts are pooled to the same numbers in any order.
"""

from typing import Final, Self

import msgspec

UNIT: Final = 10**9
LIMIT: Final = 3.5
MIN_DAYS: Final = 5
MIN_BLOCKS: Final = 20
# A day with more gaps than this tells nothing of days; nor do its blocks then.
_FULL_DAY: Final = 0.9


class Spread(msgspec.Struct, array_like=True):
    """Sums of many numbers, enough for their variance.

    Attributes:
        count: How many.
        total: Their sum, in 1e-9.
        squares: Sum of their squares, in 1e-18.
    """

    count: int = 0
    total: int = 0
    squares: int = 0

    def add(self, value: int) -> None:
        """Count one number, in 1e-9."""
        self.count += 1
        self.total += value
        self.squares += value * value

    def take(self, other: "Spread") -> None:
        """Count all that `other` counted."""
        self.count += other.count
        self.total += other.total
        self.squares += other.squares


class Variance(msgspec.Struct, frozen=True, array_like=True):
    """Variance within hosts: deviations are from each host's own mean.

    Attributes:
        count: How many numbers.
        freedom: Degrees of freedom: numbers less hosts.
        deviations: Sum of squared deviations, in 1e-18.
    """

    count: int = 0
    freedom: int = 0
    deviations: int = 0

    @classmethod
    def of(cls, spread: Spread) -> Self:
        """Return the variance of one host's numbers."""
        if not spread.count:
            return cls()
        mean_square = spread.total * spread.total // spread.count
        return cls(spread.count, spread.count - 1, spread.squares - mean_square)

    def merged(self, other: "Variance") -> "Variance":
        """Return both as one; exact, so in any order."""
        return Variance(
            self.count + other.count,
            self.freedom + other.freedom,
            self.deviations + other.deviations,
        )

    def value(self) -> float:
        """Return the variance in 1e-18; 0 where nothing is known."""
        return self.deviations / self.freedom if self.freedom else 0.0


class Pool(msgspec.Struct, frozen=True, array_like=True):
    """Day sums and block sums of one or many hosts.

    Attributes:
        base: Ticks of the shortest block; level i has base * 2**i.
        ticks_per_day: Ticks of a day.
        days: Variance of the day sums.
        blocks: Variance of the block sums, by level.
    """

    base: int
    ticks_per_day: int
    days: Variance
    blocks: tuple[Variance, ...]

    def merged(self, other: "Pool") -> "Pool":
        """Return both as one; associative and commutative, to the digit.

        Raises:
            ValueError: They were not measured by the same blocks.
        """
        if (self.base, self.ticks_per_day) != (other.base, other.ticks_per_day):
            raise ValueError(
                f"pool: expected blocks of {self.base} in {self.ticks_per_day} ticks, "
                f"got {other.base} in {other.ticks_per_day}"
            )
        pairs = zip(self.blocks, other.blocks, strict=True)
        return Pool(
            self.base,
            self.ticks_per_day,
            self.days.merged(other.days),
            tuple(mine.merged(others) for mine, others in pairs),
        )

    def ratio(self, level: int) -> float | None:
        """Return the dependence of blocks of base * 2**level ticks.

        Variance of the day sums / (blocks per day * variance of the block sums): 1
        where blocks are independent; h where h of them say the same thing.

        Returns:
            None below 5 full days or 20 blocks, or where no two blocks differed.
        """
        blocks = self.blocks[level]
        variance = blocks.value()
        too_few = self.days.count < MIN_DAYS or blocks.count < MIN_BLOCKS
        if too_few or not variance:
            return None
        per_day = self.ticks_per_day / (self.base << level)
        return self.days.value() / (per_day * variance)

    def best(self, limit: float = LIMIT) -> int:
        """Return the shortest block, in ticks, with a dependence up to `limit`.

        The first one that nothing is known of where all shorter ones depend too much:
        the shortest of all while nothing is known. The longest where none is left.
        """
        for level in range(len(self.blocks) - 1):
            ratio = self.ratio(level)
            if ratio is None or ratio <= limit:
                return self.base << level
        return self.base << (len(self.blocks) - 1)


class _Level(msgspec.Struct, array_like=True):
    """Blocks of one length: the one that fills, those of today, those of full days."""

    current: int = 0
    today: Spread = msgspec.field(default_factory=Spread)
    kept: Spread = msgspec.field(default_factory=Spread)


class _State(msgspec.Struct, array_like=True, tag="dependence-1"):
    base: int
    ticks_per_day: int
    levels: list[_Level]
    tick: int = -1
    today_ticks: int = 0
    today: int = 0
    days: Spread = msgspec.field(default_factory=Spread)


class Dependence:
    """Running sums of one host, for blocks of base, 2 base, 4 base ... up to a day.

    Days and blocks are counted in ticks, not by the clock. Only days with at least
    90 % of their ticks count, they and their blocks; the rest of a day that is no
    whole block counts for the day alone. Memory does not grow.

    Args:
        base: Ticks of the shortest block.
        ticks_per_day: Ticks of a day, at least `base`.

    Raises:
        ValueError: No block fits in a day.
    """

    def __init__(self, *, base: int, ticks_per_day: int) -> None:
        if not 1 <= base <= ticks_per_day:
            raise ValueError(
                f"base: expected 1 to {ticks_per_day} ticks, got {base}",
            )
        levels = (ticks_per_day // base).bit_length()
        self._state = _State(base, ticks_per_day, [_Level() for _ in range(levels)])

    @classmethod
    def load(cls, state: str | bytes) -> Self:
        """Return what `state()` described.

        Raises:
            ValueError: Not a state of this version.
        """
        kept = msgspec.json.decode(state, type=_State)
        loaded = cls(base=kept.base, ticks_per_day=kept.ticks_per_day)
        loaded._state = kept
        return loaded

    def state(self) -> str:
        """Return all that `load` needs, as JSON."""
        return msgspec.json.encode(self._state).decode()

    def add(self, t: int, x: float) -> None:
        """Count the excess loss `x` of tick `t`.

        Args:
            t: Tick number, from 0, greater than the one before; ticks may be missing.
            x: The guard's x, the mean over the tick's parts.

        Raises:
            ValueError: The tick goes backwards; nothing was changed.
        """
        state = self._state
        if t <= state.tick:
            raise ValueError(f"tick: expected after {state.tick}, got {t}")
        self._close_until(t)
        amount = round(x * UNIT)
        state.tick = t
        state.today_ticks += 1
        state.today += amount
        for level in state.levels:
            level.current += amount

    def _close_until(self, t: int) -> None:
        """Close the blocks, or the day, that ended between the last tick and `t`."""
        state = self._state
        if state.tick < 0:
            return
        (last_day, before), (day, now) = (
            divmod(tick, state.ticks_per_day) for tick in (state.tick, t)
        )
        for number, level in enumerate(state.levels):
            length = state.base << number
            block = before // length
            if day == last_day and now // length == block:
                continue
            if (block + 1) * length <= state.ticks_per_day:
                level.today.add(level.current)
            level.current = 0
        if day != last_day:
            self._close_day()

    def _close_day(self) -> None:
        state = self._state
        is_full = state.today_ticks >= _FULL_DAY * state.ticks_per_day
        if is_full:
            state.days.add(state.today)
        for level in state.levels:
            if is_full:
                level.kept.take(level.today)
            level.today = Spread()
        state.today_ticks = state.today = 0

    def pool(self) -> Pool:
        """Return the full days so far, to be merged with other hosts'."""
        state = self._state
        return Pool(
            state.base,
            state.ticks_per_day,
            Variance.of(state.days),
            tuple(Variance.of(level.kept) for level in state.levels),
        )

    def ratio(self, level: int) -> float | None:
        """Return this host's own dependence; see `Pool.ratio`."""
        return self.pool().ratio(level)

    def best(self, limit: float = LIMIT) -> int:
        """Return the block by this host's own dependence; see `Pool.best`."""
        return self.pool().best(limit)
