"""The outcome: what the samples after a moment say about it.

For an event the samples of `(t, t + within]` decide. The condition has *happened* at
the first of them at which it has held, without a gap, for as many grid steps as
`sustained` covers. One that was seen happening stays happened, whatever is missing
beside it; one that was not seen is *did not* only where enough samples are there to
have seen it, else void.
"""

import math
from datetime import datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from agent.core.moment import Moment, Outcome, OutcomeKind, Void
from agent.core.points import needed
from agent.core.series import Series
from agent.core.target import EventTarget, ValueMeaning
from agent.core.window import Window

# Share of a grid step by which spans and intervals are off where they were measured.
_ROUNDING = 1e-3


def read_event(
    moment: Moment,
    *,
    target: EventTarget,
    window: Window,
    min_coverage: float,
    now: datetime,
) -> Outcome:
    """Return what came of an event moment.

    Args:
        moment: Due at the window's newest slot or before it.
        target: The event.
        window: Reaches back to the moment, or what it no longer holds is a gap.
        min_coverage: Share of the horizon's samples without which nothing is known;
            without a single one nothing ever is.
        now: When the outcome is read.
    """
    issued = window.slot_of(moment.at)
    steps = _steps(moment, window, issued=issued)
    run = max(1, math.ceil(target.sustained_s / window.interval_s - _ROUNDING))
    # An onset's run begins after the moment, at which the condition did not hold.
    before = 0 if target.onset else run - 1
    values = _values(
        _column_of(target.series, moment.entity),
        window=window,
        count=before + steps,
        until=issued + steps,
    )
    holds = target.condition.holds(values, _limit(moment))
    end = _first_run_end(holds, run=run)
    if end is not None:
        return Outcome(
            kind=OutcomeKind.HAPPENED,
            resolved_at=now,
            happened_at=window.instant_of(issued + 1 + end - before),
        )
    if void := _reboot(moment, window):
        return Outcome(kind=OutcomeKind.VOID, resolved_at=now, void=void)
    if not _is_enough(values[before:], min_coverage=min_coverage):
        return Outcome(kind=OutcomeKind.VOID, resolved_at=now, void=Void.GAP)
    return Outcome(kind=OutcomeKind.DID_NOT, resolved_at=now)


def is_covered(
    moment: Moment, *, target: EventTarget, window: Window, min_coverage: float
) -> bool:
    """Return whether an event that did not happen would have been seen not to.

    What was seen happening stays happened beside gaps, so that people are told of it.
    A rate that counted it there, and could not count the opposite, would grow with
    every gap.
    """
    issued = window.slot_of(moment.at)
    steps = _steps(moment, window, issued=issued)
    name = _column_of(target.series, moment.entity)
    values = _values(name, window=window, count=steps, until=issued + steps)
    is_enough = _is_enough(values, min_coverage=min_coverage)
    return is_enough and _reboot(moment, window) is None


def read_value(
    moment: Moment,
    *,
    meaning: ValueMeaning,
    value: float,
    window: Window,
    now: datetime,
) -> Outcome:
    """Return what came of a value moment, given the expression's `value` when due."""
    if void := _reboot(moment, window):
        return Outcome(kind=OutcomeKind.VOID, resolved_at=now, void=void)
    if meaning is ValueMeaning.CHANGE:
        value -= moment.origin
    if not np.isfinite(value):
        return Outcome(kind=OutcomeKind.VOID, resolved_at=now, void=Void.GAP)
    return Outcome(kind=OutcomeKind.VALUE, resolved_at=now, value=float(value))


def _steps(moment: Moment, window: Window, *, issued: int) -> int:
    """Return how many slots lie in `(at, due_at]`; to round could add one beyond."""
    rounded = window.slot_of(moment.due_at) - issued
    horizon_s = (moment.due_at - moment.at).total_seconds()
    return min(rounded, math.floor(horizon_s / window.interval_s + _ROUNDING))


# The same few columns are looked for at every moment.
@lru_cache(maxsize=256)
def _column_of(series: Series, entity: str) -> str:
    return str(series.bound(entity))


def _values(
    name: str, *, window: Window, count: int, until: int
) -> npt.NDArray[np.float64]:
    """Return a series up to a slot; what the window does not hold is a gap."""
    column = window.columns.get(name)
    back = 0 if window.slot is None else window.slot - until
    held = min(count, window.capacity - back)
    if column is None or held <= 0:
        return np.full(count, np.nan)
    found = window.rows(held, back=back)[:, column].astype(np.float64)
    if held == count:
        return found
    return np.concatenate([np.full(count - held, np.nan), found])


def _is_enough(values: npt.NDArray[np.float64], *, min_coverage: float) -> bool:
    present = len(values) - np.count_nonzero(np.isnan(values))
    return bool(present >= needed(len(values), min_coverage=min_coverage))


def _limit(moment: Moment) -> float:
    return np.nan if moment.limit is None else moment.limit


def _first_run_end(holds: npt.NDArray[np.bool_], *, run: int) -> int | None:
    """Return where a run of `run` True first ends, or None."""
    if np.count_nonzero(holds) < run:
        return None
    length = 0
    for index, held in enumerate(holds.tolist()):
        length = length + 1 if held else 0
        if length == run:
            return index
    return None


def _reboot(moment: Moment, window: Window) -> Void | None:
    """Return the reason if the host started anew between the moment and its due."""
    if not window.boots_s:
        return None
    # Half a step of grace: uptime and the moment are read at slightly other instants.
    after_s = moment.at.timestamp() + window.interval_s / 2
    due_s = moment.due_at.timestamp()
    came = any(after_s < boot_s <= due_s for boot_s in window.boots_s)
    return Void.REBOOT if came else None
