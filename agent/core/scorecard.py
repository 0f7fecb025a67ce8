"""The scorecard: mergeable counts of one release's resolved predictions.

Losses are summed as whole numbers of 1e-9, so cards merge to the same numbers in any
order, and a card equals its recomputation from the ledger to the last digit.
"""

import math
from collections.abc import Sequence
from itertools import zip_longest
from typing import TypeVar

import msgspec

UNIT = 10**9
BINS = 10
_EPS = 0.001
LEAD_STEP = 1.1


class Bin(msgspec.Struct, array_like=True):
    """Predictions of one tenth of the probabilities.

    Attributes:
        count: How many.
        probability: Their sum, in 1e-9.
        happened: How many came true.
    """

    count: int = 0
    probability: int = 0
    happened: int = 0


class Level(msgspec.Struct, array_like=True):
    """Predictions of one quantile level.

    Attributes:
        count: How many.
        pinball: Sum of the pinball losses, in 1e-9 of the value's unit.
        baseline_pinball: The baseline's on the same moments.
        covered: How many outcomes were not above the prediction.
    """

    count: int = 0
    pinball: int = 0
    baseline_pinball: int = 0
    covered: int = 0


class Scorecard(msgspec.Struct, kw_only=True):
    """Counts and sums over the resolved predictions of one release; see `skill`.

    Attributes:
        resolved: Predictions with an outcome.
        happened: Of those, events that came true.
        voids: Predictions that never got an outcome, by reason.
        brier: Sum of squared errors, in 1e-9; `baseline_brier` on the same moments.
        log_loss: Sum of log losses clipped at 0.001, in 1e-9 nats.
        hits: Alarms (probability at or above the threshold) that came true.
        lead_times: Hits by lead time: bin b holds 1.1**b to 1.1**(b+1) seconds.
        lead_s: Sum of the hits' lead times, in 1e-9 s.
    """

    resolved: int = 0
    happened: int = 0
    voids: dict[str, int] = {}
    brier: int = 0
    baseline_brier: int = 0
    log_loss: int = 0
    baseline_log_loss: int = 0
    bins: list[Bin] = msgspec.field(default_factory=list)
    hits: int = 0
    misses: int = 0
    false_alarms: int = 0
    quiet: int = 0
    lead_s: int = 0
    lead_times: dict[str, int] = {}
    levels: dict[str, Level] = {}

    def add_void(self, reason: str) -> None:
        """Count a prediction that never got an outcome."""
        self.voids[reason] = self.voids.get(reason, 0) + 1

    def add_event(
        self,
        probability: float,
        *,
        baseline: float,
        happened: bool,
        threshold: float,
        lead_s: float,
    ) -> None:
        """Count one resolved probability.

        Args:
            probability: What the release said.
            baseline: What the baseline said at the same moment.
            happened: Whether the event came true.
            threshold: At or above it a prediction is an alarm.
            lead_s: From the moment until it happened, in seconds; 0 if it did not.
        """
        self.resolved += 1
        self.happened += happened
        self.brier += round((probability - happened) ** 2 * UNIT)
        self.baseline_brier += round((baseline - happened) ** 2 * UNIT)
        self.log_loss += _log_loss(probability, happened=happened)
        self.baseline_log_loss += _log_loss(baseline, happened=happened)
        if not self.bins:
            self.bins = [Bin() for _ in range(BINS)]
        tenth = self.bins[min(int(probability * BINS), BINS - 1)]
        tenth.count += 1
        tenth.probability += round(probability * UNIT)
        tenth.happened += happened
        self._add_alarm(probability >= threshold, happened=happened, lead_s=lead_s)

    def add_value(
        self,
        predicted: Sequence[float],
        *,
        baseline: Sequence[float],
        value: float,
        quantiles: Sequence[float],
    ) -> None:
        """Count one resolved value, predicted at these quantile levels."""
        self.resolved += 1
        for level, mine, other in zip(quantiles, predicted, baseline, strict=True):
            sums = self.levels.setdefault(str(level), Level())
            sums.count += 1
            sums.pinball += round(_pinball(mine, value, level) * UNIT)
            sums.baseline_pinball += round(_pinball(other, value, level) * UNIT)
            sums.covered += value <= mine

    def _add_alarm(self, alarm: bool, *, happened: bool, lead_s: float) -> None:
        if alarm and happened:
            self.hits += 1
            self._add_lead(lead_s)
        elif alarm:
            self.false_alarms += 1
        elif happened:
            self.misses += 1
        else:
            self.quiet += 1

    def _add_lead(self, lead_s: float) -> None:
        """Count a hit's lead time; 0: an operator knows of the event, not of when."""
        if lead_s:
            self.lead_s += round(lead_s * UNIT)
            step = str(math.floor(math.log(max(lead_s, 1.0), LEAD_STEP)))
            self.lead_times[step] = self.lead_times.get(step, 0) + 1

    def without(self, other: "Scorecard") -> "Scorecard":
        """Return what is left of a card when what was counted on `other` is not."""
        return self.merged(_negated(other))

    def merged(self, other: "Scorecard") -> "Scorecard":
        """Return both cards as one; associative and commutative, to the digit."""
        sums = {
            name: getattr(self, name) + getattr(other, name)
            for name in self.__struct_fields__
            if isinstance(getattr(self, name), int)
        }
        bins = [
            _summed(a, b)
            for a, b in zip_longest(self.bins, other.bins, fillvalue=Bin())
        ]
        levels = {
            key: _summed(self.levels.get(key, Level()), other.levels.get(key, Level()))
            for key in sorted({*self.levels, *other.levels}, key=float)
        }
        # What is left of nothing is nothing: see `without`.
        return Scorecard(
            **sums,
            voids=_added(self.voids, other.voids),
            lead_times=_added(self.lead_times, other.lead_times),
            bins=bins if any(each.count for each in bins) else [],
            levels={key: each for key, each in levels.items() if each.count},
        )


_Sums = TypeVar("_Sums", Bin, Level)


def merged(cards: Sequence[Scorecard]) -> Scorecard:
    """Return all cards as one; an empty card for none."""
    total = Scorecard()
    for card in cards:
        total = total.merged(card)
    return total


def _negated(card: Scorecard) -> Scorecard:
    """Return the card that takes away what another has counted."""
    numbers = {
        name: -value
        for name in card.__struct_fields__
        if isinstance(value := getattr(card, name), int)
    }
    return Scorecard(
        **numbers,
        voids={key: -count for key, count in card.voids.items()},
        lead_times={key: -count for key, count in card.lead_times.items()},
        bins=[Bin(-b.count, -b.probability, -b.happened) for b in card.bins],
        levels={
            key: Level(-e.count, -e.pinball, -e.baseline_pinball, -e.covered)
            for key, e in card.levels.items()
        },
    )


def _added(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    sums = {
        key: left.get(key, 0) + right.get(key, 0) for key in sorted({*left, *right})
    }
    return {key: count for key, count in sums.items() if count}


def _summed(left: _Sums, right: _Sums) -> _Sums:
    return type(left)(
        *(getattr(left, f) + getattr(right, f) for f in left.__struct_fields__)
    )


def _log_loss(probability: float, *, happened: bool) -> int:
    right = probability if happened else 1 - probability
    return round(-math.log(min(max(right, _EPS), 1 - _EPS)) * UNIT)


def _pinball(predicted: float, value: float, level: float) -> float:
    error = value - predicted
    return max(level * error, (level - 1) * error)
