"""The baseline: a forecaster that needs no model, only this host's own record.

For events it sorts the present into a few states (does the condition hold, does the
straight line through the recent past cross the limit within the horizon, how many
standard deviations away is the limit) and answers how often what is predicted came true
from that state on this host. For values it answers persistence, widened by the errors
that persistence made on this host. It is the reference every release is measured
against, and what is left when there is no release to trust.

Source:
    Running event rate by current state, smoothed, from outcomes already known: any rule
    that uses only the past is a valid reference for a paired sequential test (Choe and
    Ramdas, "Comparing sequential forecasters", Operations Research, 2024).
"""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping
from enum import IntEnum
from typing import TypeVar

import msgspec

from agent.core.moment import Moment, Outcome, OutcomeKind
from agent.core.target import EventTarget, Target, ValueMeaning

_PRIOR_WEIGHT = 10.0
_KEPT_ERRORS = 512
_ENOUGH_ERRORS = 64
_NEAR, _MIDDLE = 2.0, 5.0

_Record = TypeVar("_Record")


class State(IntEnum):
    """What the baseline sees at a moment of an event target."""

    HOLDS = 0
    CROSSES_NEAR = 1
    CROSSES_MIDDLE = 2
    CROSSES_FAR = 3
    NEAR = 4
    MIDDLE = 5
    FAR = 6
    UNKNOWN = 7


# What a host without a record is taken to do: each state's rate, worth ten outcomes.
_PRIORS: Mapping[int, float] = {
    State.HOLDS: 0.9,
    State.CROSSES_NEAR: 0.5,
    State.CROSSES_MIDDLE: 0.3,
    State.CROSSES_FAR: 0.1,
    State.NEAR: 0.1,
    State.MIDDLE: 0.02,
    State.FAR: 0.005,
    State.UNKNOWN: 0.05,
}


def state_of(
    *, value: float, limit: float, line: float, spread: float, upward: bool, holds: bool
) -> State:
    """Return what the baseline sees.

    Args:
        value: The target's series now.
        limit: What the condition compares with.
        line: Where the least-squares line through the recent past is at the horizon.
        spread: Standard deviation of the recent past.
        upward: Whether the condition starts to hold as the series grows.
        holds: Whether it holds now.
    """
    if holds:
        return State.HOLDS
    sign = 1.0 if upward else -1.0
    distance, ahead = sign * (limit - value), sign * (limit - line)
    if math.isnan(distance) or math.isnan(ahead):
        return State.UNKNOWN
    crosses = ahead <= 0
    if distance <= _NEAR * spread:
        return State.CROSSES_NEAR if crosses else State.NEAR
    if distance <= _MIDDLE * spread:
        return State.CROSSES_MIDDLE if crosses else State.MIDDLE
    return State.CROSSES_FAR if crosses else State.FAR


class Baseline:
    """The forecaster of one target on this host.

    A record of the other kind of target, which the task had before, is left aside.
    """

    def __init__(self, target: Target, *, record: bytes | None = None) -> None:
        self._target = target
        is_event = isinstance(target, EventTarget)
        self._rates = Rates(record if is_event else None)
        self._changes = Changes(None if is_event else record)

    def predict(self, *, state: int, value: float) -> tuple[float, ...]:
        """Return a probability, or one number a quantile level.

        Args:
            state: What is seen at the moment, for an event.
            value: The target's value at the moment, for a value.
        """
        target = self._target
        if isinstance(target, EventTarget):
            return (self._rates.probability(state),)
        start = 0.0 if target.meaning is ValueMeaning.CHANGE else value
        return tuple(
            start + self._changes.quantile(level) for level in target.quantiles
        )

    def learn(self, moment: Moment, outcome: Outcome) -> None:
        """Take in an outcome that has become known; a void one teaches nothing."""
        target = self._target
        if outcome.kind is OutcomeKind.VOID:
            return
        if isinstance(target, EventTarget):
            happened = outcome.kind is OutcomeKind.HAPPENED
            self._rates.learn(moment.state, happened=happened)
        elif outcome.value is not None:
            is_change = target.meaning is ValueMeaning.CHANGE
            change = outcome.value - (0.0 if is_change else moment.origin)
            if not math.isnan(change):
                self._changes.learn(change)

    @property
    def rate(self) -> float | None:
        """Return the share of all outcomes that happened; None before the first."""
        return self._rates.rate

    @property
    def mean_change(self) -> float | None:
        """Return by how much the value changed on average over a horizon, if known.

        That is the mean absolute error of persistence; None while too few are known.
        """
        return self._changes.mean_size

    def record(self) -> bytes:
        """Return the whole state, for `Baseline(target, record=...)`."""
        is_event = isinstance(self._target, EventTarget)
        return self._rates.record() if is_event else self._changes.record()


class Rates:
    """How often the event came true on this host, by state."""

    def __init__(self, record: bytes | None = None) -> None:
        kept = _decoded(record, list[tuple[int, int]]) or []
        is_whole = len(kept) == len(State)
        self._counts = [list(c) for c in (kept if is_whole else [(0, 0)] * len(State))]

    def probability(self, state: int) -> float:
        """Return the smoothed share of this state's outcomes that happened."""
        resolved, happened = self._counts[state]
        prior = _PRIOR_WEIGHT * _PRIORS[state]
        return (happened + prior) / (resolved + _PRIOR_WEIGHT)

    def learn(self, state: int, *, happened: bool) -> None:
        """Take in one outcome that has become known."""
        count = self._counts[state]
        count[0] += 1
        count[1] += happened

    @property
    def rate(self) -> float | None:
        """Return the share of all outcomes that happened; None before the first."""
        resolved = sum(count[0] for count in self._counts)
        return sum(count[1] for count in self._counts) / resolved if resolved else None

    def record(self) -> bytes:
        """Return the whole state, for `Rates(record)`."""
        return msgspec.json.encode(self._counts)


class Changes:
    """By how much the value changed over one horizon: the last 512 times."""

    def __init__(self, record: bytes | None = None) -> None:
        kept = _decoded(record, list[float]) or []
        self._errors: deque[float] = deque(kept)
        self._sorted = sorted(kept)

    def quantile(self, level: float) -> float:
        """Return the `level` quantile of the known changes; 0 while there are none."""
        if not self._sorted:
            return 0.0
        rank = level * (len(self._sorted) - 1)
        low = int(rank)
        high = min(low + 1, len(self._sorted) - 1)
        part = rank - low
        return self._sorted[low] * (1 - part) + self._sorted[high] * part

    def learn(self, change: float) -> None:
        """Take in one change; the oldest one over 512 is forgotten."""
        self._errors.append(change)
        insort(self._sorted, change)
        if len(self._errors) > _KEPT_ERRORS:
            oldest = self._errors.popleft()
            del self._sorted[bisect_left(self._sorted, oldest)]

    @property
    def mean_size(self) -> float | None:
        """Return the mean absolute change; None while too few are known."""
        known = len(self._sorted)
        return sum(map(abs, self._sorted)) / known if known >= _ENOUGH_ERRORS else None

    def record(self) -> bytes:
        """Return the whole state, for `Changes(record)`."""
        return msgspec.json.encode(list(self._errors))


def _decoded(record: bytes | None, kind: type[_Record]) -> _Record | None:
    """Return what was recorded; None for nothing and for what is of another kind."""
    if record is None:
        return None
    try:
        return msgspec.json.decode(record, type=kind)
    except msgspec.ValidationError:
        return None
