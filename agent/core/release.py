"""The life of a release on one host: one table; what has no row cannot happen."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from agent.core.manifest import Manifest
from agent.errors import IllegalTransitionError


class ReleaseState(StrEnum):
    """How far a release has come on this host."""

    STAGED = "staged"
    SHADOW = "shadow"
    PROBATION = "probation"
    CONFIRMED = "confirmed"
    STANDBY = "standby"
    RETIRED = "retired"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled_back"
    WITHDRAWN = "withdrawn"


# A release that has no place in a line-up any more.
OVER: Final = frozenset(
    {
        ReleaseState.RETIRED,
        ReleaseState.REJECTED,
        ReleaseState.ROLLED_BACK,
        ReleaseState.WITHDRAWN,
    }
)


# A digest that this host will not run again, until an operator clears it.
QUARANTINED: Final = frozenset({ReleaseState.REJECTED, ReleaseState.ROLLED_BACK})


class ReleaseEvent(StrEnum):
    """What can come to pass in a release's life."""

    VERIFIED = "verified"
    QUALIFIED = "qualified"
    FAILED = "failed"
    ACTIVATED = "activated"
    CONFIRMED = "confirmed"
    BREACHED = "breached"
    RECALLED = "recalled"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    CLEARED = "cleared"


LIVES: dict[tuple[ReleaseState, ReleaseEvent], ReleaseState] = {
    (ReleaseState.STAGED, ReleaseEvent.QUALIFIED): ReleaseState.SHADOW,
    (ReleaseState.STAGED, ReleaseEvent.FAILED): ReleaseState.REJECTED,
    (ReleaseState.STAGED, ReleaseEvent.SUPERSEDED): ReleaseState.RETIRED,
    (ReleaseState.SHADOW, ReleaseEvent.ACTIVATED): ReleaseState.PROBATION,
    (ReleaseState.SHADOW, ReleaseEvent.BREACHED): ReleaseState.REJECTED,
    (ReleaseState.SHADOW, ReleaseEvent.SUPERSEDED): ReleaseState.RETIRED,
    (ReleaseState.PROBATION, ReleaseEvent.CONFIRMED): ReleaseState.CONFIRMED,
    (ReleaseState.PROBATION, ReleaseEvent.BREACHED): ReleaseState.ROLLED_BACK,
    (ReleaseState.PROBATION, ReleaseEvent.SUPERSEDED): ReleaseState.STANDBY,
    (ReleaseState.CONFIRMED, ReleaseEvent.SUPERSEDED): ReleaseState.STANDBY,
    (ReleaseState.CONFIRMED, ReleaseEvent.BREACHED): ReleaseState.ROLLED_BACK,
    (ReleaseState.STANDBY, ReleaseEvent.RECALLED): ReleaseState.CONFIRMED,
    (ReleaseState.STANDBY, ReleaseEvent.BREACHED): ReleaseState.ROLLED_BACK,
    (ReleaseState.STANDBY, ReleaseEvent.SUPERSEDED): ReleaseState.RETIRED,
    (ReleaseState.SHADOW, ReleaseEvent.WITHDRAWN): ReleaseState.WITHDRAWN,
    (ReleaseState.PROBATION, ReleaseEvent.WITHDRAWN): ReleaseState.WITHDRAWN,
    (ReleaseState.CONFIRMED, ReleaseEvent.WITHDRAWN): ReleaseState.WITHDRAWN,
    (ReleaseState.STANDBY, ReleaseEvent.WITHDRAWN): ReleaseState.WITHDRAWN,
    (ReleaseState.RETIRED, ReleaseEvent.VERIFIED): ReleaseState.STAGED,
    (ReleaseState.WITHDRAWN, ReleaseEvent.VERIFIED): ReleaseState.STAGED,
    (ReleaseState.REJECTED, ReleaseEvent.CLEARED): ReleaseState.RETIRED,
    (ReleaseState.ROLLED_BACK, ReleaseEvent.CLEARED): ReleaseState.RETIRED,
}


def after(state: ReleaseState, event: ReleaseEvent) -> ReleaseState:
    """Return the state that `event` leads to.

    Raises:
        IllegalTransitionError: The table has no such row.
    """
    try:
        return LIVES[state, event]
    except KeyError:
        raise IllegalTransitionError(
            f"no release that is {state} can be {event}"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One signed model version of one task, as this host took it in.

    Attributes:
        digest: SHA-256 of the manifest, which pins the model and all the rest.
        manifest: What was signed about it.
        state: How far it has come on this host.
    """

    digest: str
    manifest: Manifest
    state: ReleaseState
