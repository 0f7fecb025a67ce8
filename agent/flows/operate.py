"""What operators ask for about a line-up is carried out, or turned down in words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from agent.core.event import Event, EventName
from agent.core.lineup import LineUp
from agent.core.moment import Role
from agent.core.release import QUARANTINED, Release, ReleaseState
from agent.core.request import Answer, Refusal, Request, Verb, answered, refused
from agent.core.turn import Move, Turn, turned
from agent.ports import Ledger, Standing

_TOLD: Final[Mapping[Move, EventName]] = {
    Move.ROLL_BACK: EventName.RELEASE_ROLLED_BACK,
    Move.PROMOTE: EventName.RELEASE_PROMOTED,
    Move.RECALL: EventName.RELEASE_RECALLED,
    Move.PIN: EventName.RELEASE_PINNED,
    Move.UNPIN: EventName.RELEASE_UNPINNED,
    Move.CLEAR: EventName.RELEASE_CLEARED,
}
# How a release comes to be active, by the place that it has.
_ALONE: Final = "the baseline speaks"
_TO_ACTIVE: Final[Mapping[Role, tuple[Move, ...]]] = {
    Role.ACTIVE: (Move.PIN,),
    Role.STANDBY: (Move.RECALL, Move.PIN),
    Role.SHADOW: (Move.PROMOTE, Move.PIN),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a request comes to; events where it is turned down."""

    turns: Sequence[Turn]
    answer: Answer
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """A task's releases, as a request meets them."""

    lineup: LineUp
    releases: Sequence[Release]

    def states(self) -> dict[str, ReleaseState]:
        """Return how far each release has come."""
        return {each.digest: each.state for each in self.releases}

    def version(self, wanted: int | None) -> Release:
        """Return the release of a version."""
        found = [r for r in self.releases if r.manifest.version == wanted]
        if not found:
            known = sorted(r.manifest.version for r in self.releases)
            raise Refusal(
                f"{self.lineup.task}: no version {wanted} here; there is "
                f"{', '.join(map(str, known)) or 'none'}"
            )
        return found[0]

    def role(self, digest: str) -> Role | None:
        """Return the place of a release in the line-up."""
        return next((r for r, held in self.lineup.roles() if held == digest), None)

    def named(self, digest: str | None) -> str:
        """Return what people call a release; the baseline, where there is none."""
        found = [r for r in self.releases if r.digest == digest]
        return f"version {found[0].manifest.version}" if found else "the baseline"


def carry_out(
    ledger: Ledger, *, write: Callable[[Standing, datetime], bool], now: datetime
) -> list[Request]:
    """Carry out what operators ask for, one after the other; return the labels.

    Args:
        ledger: Where requests, line-ups and releases are.
        write: Writes what was decided; returns whether it could.
        now: The present.
    """
    labels: list[Request] = []
    for request in ledger.requests():
        if request.verb is Verb.LABEL:
            labels.append(request)
            continue
        decided = decide(
            request, lineups=ledger.lineups(), releases=ledger.releases(), now=now
        )
        standing = Standing(
            turns=decided.turns, answers=[decided.answer], events=decided.events
        )
        if not write(standing, now):
            break
    return labels


def decide(
    request: Request,
    *,
    lineups: Iterable[LineUp],
    releases: Iterable[Release],
    now: datetime,
) -> Decided:
    """Return what a request about a line-up comes to.

    Args:
        request: Anything but a label.
        lineups: Of every task.
        releases: Every release that was ever taken in.
        now: The present.
    """
    try:
        scene = _scene(request.task, lineups=lineups, releases=releases)
        moves, digest = _WISHES[request.verb](scene, request)
    except Refusal as refusal:
        words = str(refusal)
        told = refused(request, now, words=words)
        answer = answered(request, now, words=words)
        return Decided(turns=(), answer=answer, events=[told])
    left = _after(scene, moves, digest)
    words = _words(request, scene, left, digest=digest)
    turns = [
        Turn(
            task=request.task,
            move=move,
            digest=digest,
            event=_event(move, request, scene, left, digest=digest, now=now),
        )
        for move in moves
    ]
    answer = answered(request, now, words=words, is_done=True)
    return Decided(turns=turns, answer=answer)


def _scene(
    task: str, *, lineups: Iterable[LineUp], releases: Iterable[Release]
) -> _Scene:
    known = {lineup.task: lineup for lineup in lineups}
    if task not in known:
        there = ", ".join(sorted(known)) or "none"
        raise Refusal(f'no task "{task}" here; there is {there}')
    own = [release for release in releases if release.manifest.task == task]
    return _Scene(lineup=known[task], releases=own)


_Wish: TypeAlias = tuple[tuple[Move, ...], str]


def _rollback(scene: _Scene, request: Request) -> _Wish:
    active = scene.lineup.active
    if active is None:
        raise Refusal(
            f"{request.task}: no release is active, the baseline speaks already"
        )
    return (Move.ROLL_BACK,), active


def _pin(scene: _Scene, request: Request) -> _Wish:
    release = scene.version(request.version)
    role = scene.role(release.digest)
    version = f"{request.task}: version {request.version}"
    if release.state in QUARANTINED:
        raise Refusal(
            f"{version} is in quarantine; `forewarn quarantine clear {request.task} "
            f"{request.version}` lets the next update take it in again"
        )
    if role is None:
        raise Refusal(
            f"{version} is {release.state} and has no place in the line-up; operations "
            "must offer it again before it can be pinned"
        )
    if role is Role.ACTIVE and scene.lineup.is_pinned:
        raise Refusal(f"{version} is pinned already")
    return _TO_ACTIVE[role], release.digest


def _unpin(scene: _Scene, request: Request) -> _Wish:
    if not scene.lineup.is_pinned:
        raise Refusal(f"{request.task}: nothing is pinned")
    return (Move.UNPIN,), scene.lineup.active or ""


def _clear(scene: _Scene, request: Request) -> _Wish:
    release = scene.version(request.version)
    made = turned(
        Move.CLEAR, release.digest, lineup=scene.lineup, states=scene.states()
    )
    if made is None:
        raise Refusal(
            f"{request.task}: version {request.version} is {release.state}, not in "
            "quarantine"
        )
    return (Move.CLEAR,), release.digest


_WISHES: Final[Mapping[Verb, Callable[[_Scene, Request], _Wish]]] = {
    Verb.ROLLBACK: _rollback,
    Verb.PIN: _pin,
    Verb.UNPIN: _unpin,
    Verb.CLEAR: _clear,
}


def _after(scene: _Scene, moves: Iterable[Move], digest: str) -> LineUp:
    """Return the line-up that moves lead to."""
    lineup, states = scene.lineup, scene.states()
    for move in moves:
        made = turned(move, digest, lineup=lineup, states=states)
        if made is not None:
            lineup, states = made.lineup, {**states, **made.states}
    return lineup


def _words(request: Request, scene: _Scene, left: LineUp, *, digest: str) -> str:
    name = scene.named(digest)
    active = f"{scene.named(left.active)} is active" if left.active else _ALONE
    words = {
        Verb.ROLLBACK: f"{name} is rolled back and in quarantine; {active}",
        Verb.PIN: f"{name} is pinned: it stays active until it is unpinned, and is "
        "heard as far as it was shown to be as good as the baseline",
        Verb.UNPIN: f"{name} is not pinned any more: evidence decides",
        Verb.CLEAR: f"{name} left quarantine; the next update may take it in again",
    }
    return f"{request.task}: {words[request.verb]}"


def _event(
    move: Move,
    request: Request,
    scene: _Scene,
    left: LineUp,
    *,
    digest: str,
    now: datetime,
) -> Event:
    found = [r.manifest.version for r in scene.releases if r.digest == digest]
    return Event(
        at=now,
        name=_TOLD[move],
        fields={
            "task": request.task,
            "version": found[0] if found else None,
            "digest": digest[:12],
            "reason": "an operator asked for it",
            "by": request.by,
            "active": scene.named(left.active),
        },
    )
