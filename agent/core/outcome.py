"""The outcome: what the samples after a moment say about it.

For an event the samples of `(t, t + within]` decide. The condition has *happened* at
the first of them at which it has held, without a gap, for as many grid steps as
`sustained` covers. One that was seen happening stays happened, whatever is missing
beside it; one that was not seen is *did not* only where enough samples are there to
have seen it, else void.
"""

from datetime import datetime

import numpy as np
import numpy.typing as npt

from agent.core.moment import Moment, Outcome, OutcomeKind, Void
from agent.core.target import EventTarget, ValueMeaning
from agent.core.window import Window


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
        min_coverage: Share of the horizon's samples without which nothing is known.
        now: When the outcome is read.
    """
    issued, due = window.slot_of(moment.at), window.slot_of(moment.due_at)
    run = window.count(target.sustained_s)
    steps = due - issued
    column = window.columns.get(str(target.series.bound(moment.entity)))
    seen = np.full(steps, np.nan)
    happened: int | None = None
    if column is not None:
        before = min(run - 1, window.capacity - steps)
        values = window.rows(before + steps)[:, column].astype(np.float64)
        holds = target.condition.holds(values, _limit(moment))
        seen = values[before:]
        happened = _first_run_end(holds, run=run, after=before)
    if happened is not None:
        return Outcome(
            kind=OutcomeKind.HAPPENED,
            resolved_at=now,
            happened_at=window.instant_of(issued + 1 + happened),
        )
    if void := _reboot(moment, window):
        return Outcome(kind=OutcomeKind.VOID, resolved_at=now, void=void)
    present = steps - np.count_nonzero(np.isnan(seen))
    if present < min_coverage * steps:
        return Outcome(kind=OutcomeKind.VOID, resolved_at=now, void=Void.GAP)
    return Outcome(kind=OutcomeKind.DID_NOT, resolved_at=now)


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


def _limit(moment: Moment) -> float:
    return np.nan if moment.limit is None else moment.limit


def _first_run_end(holds: npt.NDArray[np.bool_], *, run: int, after: int) -> int | None:
    """Return where a run of `run` True first ends, counted from `after`, or None."""
    if not holds.any():
        return None
    length = 0
    for index, held in enumerate(holds.tolist()):
        length = length + 1 if held else 0
        if length >= run and index >= after:
            return index - after
    return None


def _reboot(moment: Moment, window: Window) -> Void | None:
    """Return the reason if the host started anew between the moment and its due."""
    booted = window.booted_at_s
    # Half a step of grace: uptime and the moment are read at slightly other instants.
    grace = window.interval_s / 2
    if booted is None or booted <= moment.at.timestamp() + grace:
        return None
    return Void.REBOOT if booted <= moment.due_at.timestamp() else None
