"""A release leaves its line-up: what stands by takes the place of what was active."""

from agent.core.lineup import LineUp
from agent.core.release import ReleaseEvent, ReleaseState, after
from agent.core.turn import departed
from agent.ports import Registry


def depart(
    registry: Registry, lineup: LineUp, digest: str, *, event: ReleaseEvent
) -> LineUp:
    """Return the line-up that is left when an event ends a release's work.

    Belongs in a transaction: the releases' states and the line-up change together.

    Raises:
        IllegalTransitionError: The event cannot end the release's life.
    """
    states = {release.digest: release.state for release in registry.releases()}
    left = departed(lineup, digest, states=states, event=event)
    for changed, state in left.states.items():
        registry.set_state(changed, state)
    registry.set_lineup(left.lineup)
    return left.lineup


def step(
    registry: Registry, digest: str, state: ReleaseState, event: ReleaseEvent
) -> ReleaseState:
    """Let an event come to pass in a release's life; return where that leads."""
    reached = after(state, event)
    registry.set_state(digest, reached)
    return reached


def lineup_of(registry: Registry, task: str) -> LineUp:
    """Return the line-up of a task; empty before its first release."""
    found = (lineup for lineup in registry.lineups() if lineup.task == task)
    return next(found, LineUp(task=task))
