"""A turn: a step in the life of a task's releases, and the line-up that it leads to.

Whoever asks for a turn has looked at an older line-up than the one that it meets in the
transaction. So a turn names the release that it is about, and comes to nothing where
that release has lost its place meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from agent.core.event import Event
from agent.core.lineup import LineUp
from agent.core.release import QUARANTINED, ReleaseEvent, ReleaseState, after

States: TypeAlias = Mapping[str, ReleaseState]


class Move(StrEnum):
    """What a turn does with its release."""

    PROMOTE = "promote"  # the shadow is acted upon, what was active stands by
    CONFIRM = "confirm"  # the active one has passed its probation
    ROLL_BACK = "roll_back"  # it leaves for good; if it was active, who stands by is
    RECALL = "recall"  # the standby is acted upon, what was active stands by
    PIN = "pin"  # the active one stays, whatever the evidence says
    UNPIN = "unpin"  # evidence decides again
    CLEAR = "clear"  # it leaves quarantine, and may be taken in again


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A step that was decided.

    Attributes:
        task: Whose line-up it turns.
        move: What is done.
        digest: The release that it is about.
        event: Tells of it, once it has come to pass.
    """

    task: str
    move: Move
    digest: str
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What a turn leads to.

    Attributes:
        lineup: The task's, from now on.
        states: The releases whose state changed, with the new one.
    """

    lineup: LineUp
    states: States


def turned(move: Move, digest: str, *, lineup: LineUp, states: States) -> Turned | None:
    """Return what a move leads to; None: its release has not that place any more.

    Args:
        move: What is done.
        digest: The release that it is about.
        lineup: The task's, as it is now.
        states: Of every release of the task that this program understands.

    Raises:
        IllegalTransitionError: The table of lives does not know such a step.
    """
    return _RULES[move](lineup, digest, states) if digest in states else None


def departed(
    lineup: LineUp, digest: str, *, states: States, event: ReleaseEvent
) -> Turned:
    """Return what is left when an event ends a release's work.

    What stands by takes the place of what was active. One that a newer program took
    in, so that its state is not known here, cannot.

    Raises:
        IllegalTransitionError: The event cannot end the release's life.
    """
    left = lineup.without(digest)
    if left.active is not None and left.active not in states:
        left = left.without(left.active)
    steps = {digest: event}
    if left.active is not None and left.active != lineup.active:
        steps[left.active] = ReleaseEvent.RECALLED
    return _turned(left, steps, states)


def _turned(
    lineup: LineUp, steps: Mapping[str, ReleaseEvent], states: States
) -> Turned:
    reached = {
        digest: after(states[digest], event)
        for digest, event in steps.items()
        if digest in states
    }
    return Turned(lineup=lineup, states=reached)


def _promote(lineup: LineUp, digest: str, states: States) -> Turned | None:
    if lineup.shadow != digest:
        return None
    steps = {digest: ReleaseEvent.ACTIVATED}
    left = replace(lineup, active=digest, shadow=None)
    if lineup.active is None:
        return _turned(left, steps, states)
    steps[lineup.active] = ReleaseEvent.SUPERSEDED
    if lineup.standby is not None:
        steps[lineup.standby] = ReleaseEvent.SUPERSEDED
    return _turned(replace(left, standby=lineup.active), steps, states)


def _confirm(lineup: LineUp, digest: str, states: States) -> Turned | None:
    if lineup.active != digest or states[digest] is not ReleaseState.PROBATION:
        return None
    return _turned(lineup, {digest: ReleaseEvent.CONFIRMED}, states)


def _roll_back(lineup: LineUp, digest: str, states: States) -> Turned | None:
    if all(held != digest for _, held in lineup.roles()):
        return None
    return departed(lineup, digest, states=states, event=ReleaseEvent.BREACHED)


def _recall(lineup: LineUp, digest: str, states: States) -> Turned | None:
    if lineup.standby != digest or lineup.active is None:
        return None
    left = replace(lineup, active=digest, standby=lineup.active)
    steps = {
        lineup.active: ReleaseEvent.SUPERSEDED,
        digest: ReleaseEvent.RECALLED,
    }
    return _turned(left, steps, states)


def _pin(lineup: LineUp, digest: str, states: States) -> Turned | None:
    if lineup.active != digest:
        return None
    return Turned(lineup=replace(lineup, is_pinned=True), states={})


def _unpin(lineup: LineUp, digest: str, states: States) -> Turned | None:
    return Turned(lineup=replace(lineup, is_pinned=False), states={})


def _clear(lineup: LineUp, digest: str, states: States) -> Turned | None:
    if states[digest] not in QUARANTINED:
        return None
    return _turned(lineup, {digest: ReleaseEvent.CLEARED}, states)


_Rule: TypeAlias = Callable[[LineUp, str, States], Turned | None]
_RULES: Final[Mapping[Move, _Rule]] = {
    Move.PROMOTE: _promote,
    Move.CONFIRM: _confirm,
    Move.ROLL_BACK: _roll_back,
    Move.RECALL: _recall,
    Move.PIN: _pin,
    Move.UNPIN: _unpin,
    Move.CLEAR: _clear,
}
