"""Who is judged, and what a court remembers of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from agent.core.case import CaseRecord
from agent.core.manifest_parts import GuardPolicy
from agent.core.moment import Role
from agent.core.release import OVER, ReleaseState
from agent.flows.live_release import LiveRelease


class CourtRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a court must remember.

    Attributes:
        cases: Every test that runs.
        heard: Releases that were shown to be at least as good as the baseline.
        in_event: Entities whose last outcome happened: what comes next of it is no new
            episode.
    """

    cases: tuple[CaseRecord, ...] = ()
    heard: tuple[str, ...] = ()
    in_event: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A release of the line-up, as the court needs it.

    Attributes:
        guard: How its own manifest wants it to be guarded.
    """

    role: Role
    digest: str
    state: ReleaseState
    guard: GuardPolicy = field(default_factory=GuardPolicy)


def seats(releases: Iterable[LiveRelease]) -> Iterator[Seat]:
    """Yield who is judged: not one that is over, by which only the baseline goes on."""
    for live in releases:
        release = live.release
        if release.state not in OVER:
            yield Seat(
                role=live.role,
                digest=release.digest,
                state=release.state,
                guard=release.manifest.guard,
            )
