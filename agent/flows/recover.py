"""Recovery: what the last daemon died of is remembered, and steps back if it goes on.

Called at the start, before the first tick, with what the last daemon left marked.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from agent.core.crash import CRASHES, WITHIN, is_too_often
from agent.core.event import Event, EventName, Field
from agent.core.lineup import LineUp
from agent.core.release import Release, ReleaseEvent
from agent.flows.departure import depart
from agent.ports import Registry


def recover(registry: Registry, *, digest: str, now: datetime) -> list[Event]:
    """Remember a crash; take the release off if it was not the first of late.

    All of it is one transaction. A release that has left its line-up meanwhile is
    remembered only.

    Args:
        registry: Where releases and line-ups are kept.
        digest: The release that was loading or scoring when the daemon died.
        now: The present.

    Returns:
        What came to pass, recorded already.

    Raises:
        StateError: Nothing was written.
        IllegalTransitionError: The table of lives does not let it go; as before.
    """
    with registry.transaction():
        registry.add_crash(digest, at=now)
        crashes = registry.crashes(digest, since=now - WITHIN, until=now)
        events = [_crashed(digest, crashes, now)]
        if is_too_often(crashes):
            events += _rolled_back(registry, digest, now)
        for event in events:
            registry.record(event)
    return events


def _crashed(digest: str, crashes: int, now: datetime) -> Event:
    fields: dict[str, Field] = {"digest": digest[:12], "crashes_of_late": crashes}
    return Event(at=now, name=EventName.RELEASE_CRASHED, fields=fields)


def _rolled_back(registry: Registry, digest: str, now: datetime) -> Iterator[Event]:
    """Take a release off its line-up, if it is in one, and yield what is to be told."""
    releases = {release.digest: release for release in registry.releases()}
    lineup = _lineup_with(registry, digest)
    if lineup is None or digest not in releases:
        return
    left = depart(registry, lineup, digest, event=ReleaseEvent.BREACHED)
    hours = WITHIN / timedelta(hours=1)
    fields: dict[str, Field] = {
        "task": lineup.task,
        "version": releases[digest].manifest.version,
        "digest": digest[:12],
        "reason": f"the daemon died of it {CRASHES} times within {hours:g} hours",
        "speaks": _speaker(left, releases),
    }
    yield Event(at=now, name=EventName.RELEASE_ROLLED_BACK, fields=fields)


def _lineup_with(registry: Registry, digest: str) -> LineUp | None:
    for lineup in registry.lineups():
        if any(held == digest for _, held in lineup.roles()):
            return lineup
    return None


def _speaker(lineup: LineUp, releases: Mapping[str, Release]) -> str:
    active = releases.get(lineup.active or "")
    if active is None or active.manifest.model is None:
        return "the baseline"
    return f"version {active.manifest.version} (active)"
