"""Replay: a recorded host, lived through again by the very tick that runs live."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.core.event import Event
from agent.core.manifest import Manifest
from agent.core.series import Series, parse_series
from agent.flows.tick import Ticker


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay came to; the predictions themselves are in its ledger.

    Attributes:
        ticks: Rows lived through.
        moments: Predictions made.
        resolved: Of those, how many got an outcome or became void.
        still_open: Of those, how many were not due at the end.
        silent: Tasks that predicted nothing, with what most often kept them.
        events: What else came to pass.
    """

    ticks: int
    moments: int
    resolved: int
    still_open: int
    silent: Mapping[str, str]
    events: list[Event]


def unmet(manifest: Manifest, layout: Sequence[str]) -> tuple[Series, ...]:
    """Return the series that a task reads and a recorded host does not have, sorted."""
    columns = [parse_series(name) for name in layout]
    return tuple(
        wanted
        for wanted in sorted(manifest.all_series())
        if not any(wanted.stands_for(column) for column in columns)
    )


def replay(
    instants: Iterable[datetime], *, ticker: Ticker, on_tick: Callable[[], None]
) -> Replayed:
    """Tick at each instant of a trace, then commit.

    Args:
        instants: Ascending; the ticker's host answers with the trace's rows.
        ticker: Built as for the live path, on a ledger of its own.
        on_tick: Called after each tick, to show progress.
    """
    ticks = moments = resolved = still_open = 0
    events: list[Event] = []
    heard: set[str] = set()
    now: datetime | None = None
    for now in instants:
        result = ticker.tick(now)
        ticks += 1
        moments += len(result.moments)
        heard |= {moment.task for moment in result.moments}
        resolved += len(result.resolved)
        still_open = result.open
        events += result.events
        on_tick()
    if now is not None:
        events += ticker.close(now)
    return Replayed(
        ticks=ticks,
        moments=moments,
        resolved=resolved,
        still_open=still_open,
        silent=_silent(ticker, heard),
        events=events,
    )


def _silent(ticker: Ticker, heard: set[str]) -> dict[str, str]:
    return {
        name: max(task.skipped, key=task.skipped.__getitem__, default="never its time")
        for name, task in ticker.tasks.items()
        if name not in heard
    }
