"""A release takes its place: active where its task has none, else in the shadow."""

from collections.abc import Callable
from dataclasses import replace

from agent.core.event import Event, EventName
from agent.core.lineup import LineUp
from agent.core.release import ReleaseEvent, ReleaseState
from agent.core.turn import Move, turned
from agent.flows.departure import lineup_of, step
from agent.ports import Registry


def arrive(
    registry: Registry,
    digest: str,
    *,
    task: str,
    tell: Callable[[EventName], Event],
) -> bool:
    """Let a staged release have its place; return whether it is acted upon at once.

    In the shadow it takes the place of the one that waited there. A survey predicts
    nothing that another could be held against, so it stands by for whoever comes next.
    Belongs in a transaction, which reads the line-up anew: the daemon may have stepped
    back.

    Args:
        registry: Where releases and line-ups are kept.
        digest: The release.
        task: Its task.
        tell: Returns the event of this name about it.
    """
    lineup = lineup_of(registry, task)
    shadow = step(registry, digest, ReleaseState.STAGED, ReleaseEvent.QUALIFIED)
    registry.record(tell(EventName.RELEASE_ADMITTED))
    if lineup.active is None:
        step(registry, digest, shadow, ReleaseEvent.ACTIVATED)
        registry.set_lineup(replace(lineup, active=digest))
        registry.record(tell(EventName.RELEASE_ACTIVATED))
        return True
    if lineup.shadow is not None:
        step(registry, lineup.shadow, shadow, ReleaseEvent.SUPERSEDED)
    waiting = replace(lineup, shadow=digest)
    registry.set_lineup(waiting)
    if not _is_survey(registry, lineup.active):
        return False
    _promote(registry, waiting, digest)
    registry.record(tell(EventName.RELEASE_ACTIVATED))
    return True


def _is_survey(registry: Registry, digest: str) -> bool:
    known = (each for each in registry.releases() if each.digest == digest)
    return any(each.manifest.model is None for each in known)


def _promote(registry: Registry, lineup: LineUp, digest: str) -> None:
    states = {release.digest: release.state for release in registry.releases()}
    left = turned(Move.PROMOTE, digest, lineup=lineup, states=states)
    if left is None:  # who has just come has its place
        return
    for changed, state in left.states.items():
        registry.set_state(changed, state)
    registry.set_lineup(left.lineup)
