"""Replay: a recorded host, lived through again by the very tick that runs live."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from agent.core.event import Event, Field
from agent.core.manifest import Manifest
from agent.core.series import Series, parse_series
from agent.flows.arrival import arrive
from agent.flows.tick import Ticker
from agent.ports import Registry

# What somebody else does to the ledger just before a tick, at that tick's instant.
Act: TypeAlias = Callable[[datetime], None]
Schedule: TypeAlias = Mapping[int, Sequence[Act]]


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


def offer(
    registry: Registry,
    *,
    digest: str,
    document: bytes,
    manifest: Manifest,
    at: datetime,
) -> None:
    """Take a release in as the courier does: active where its task has none.

    Elsewhere it waits in the shadow, in place of the one that waited there.

    Args:
        registry: Of the ledger that is replayed into.
        digest: The release.
        document: Its manifest's bytes.
        manifest: The same, understood.
        at: When it is offered.

    Raises:
        TrustError: Another release of this task and version was taken in.
        StateError: Nothing was written.
    """
    told: dict[str, Field] = {
        "task": manifest.task,
        "version": manifest.version,
        "digest": digest,
    }
    with registry.transaction():
        registry.admit(digest=digest, manifest=document, at=at)
        arrive(
            registry,
            digest,
            task=manifest.task,
            tell=lambda name: Event(at=at, name=name, fields=told),
        )


def replay(
    instants: Sequence[datetime],
    *,
    ticker: Ticker,
    on_tick: Callable[[], None],
    schedule: Schedule | None = None,
) -> Replayed:
    """Tick at each instant of a trace, then commit.

    Args:
        instants: Ascending; the ticker's host answers with the trace's rows.
        ticker: Built as for the live path, on a ledger of its own.
        on_tick: Called after each tick, to show progress.
        schedule: What others do between the ticks, by the row of the tick after it.
    """
    acts = schedule or {}
    moments = resolved = still_open = 0
    events: list[Event] = []
    heard: set[str] = set()
    for row, now in enumerate(instants):
        for act in acts.get(row, ()):
            act(now)
            ticker.look()
        result = ticker.tick(now)
        moments += len(result.moments)
        heard |= {moment.task for moment in result.moments}
        resolved += len(result.resolved)
        still_open = result.open
        events += result.events
        on_tick()
    if instants:
        events += ticker.close(instants[-1])
    return Replayed(
        ticks=len(instants),
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
