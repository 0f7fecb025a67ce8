"""The cases: who is offered when, and what came to pass on one recorded host."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from tracing.machines import Machine, trace_of
from tracing.school import DAMAGED, School, Who

from agent.core.event import EventName
from agent.core.evidence import Evidence
from agent.core.moment import Thesis
from agent.core.request import Verb
from agent.flows.replay import Replayed, replay
from agent.wiring.places import evidence_folder
from agent.wiring.reading import archive_at
from agent.wiring.replay import Offer, Wish, replaying

_DAY_S: Final = 86_400.0
_OFFERED: Final = 3
_FORCED: Final = 7
_ALL: Final = 10**9
_TOLD: Final = {
    EventName.RELEASE_HEARD: "heard",
    EventName.RELEASE_CONFIRMED: "confirmed",
    EventName.RELEASE_PROMOTED: "promoted",
    EventName.RELEASE_ROLLED_BACK: "rolled_back",
}


class How(NamedTuple):
    """How a release comes to a host.

    Attributes:
        name: In words.
        day: When it is offered.
        is_forced: Whether an operator makes it the active one.
    """

    name: str
    day: int
    is_forced: bool = False


FIRST: Final = How("first", 0)
SHADOW: Final = How(f"offered on day {_OFFERED}", _OFFERED)
FORCED: Final = How(f"made active on day {_FORCED}", _FORCED, is_forced=True)


class Case(NamedTuple):
    """What is tried; if it is not the first release, a good one is active before."""

    who: Who
    how: How


CASES: Final = (
    Case(Who.GOOD, FIRST),
    Case(Who.GOOD_TOO, SHADOW),
    *(Case(who, how) for how in (FORCED, SHADOW, FIRST) for who in DAMAGED),
)


class Step(NamedTuple):
    """A step in a release's life.

    Attributes:
        hours: Since the release that is tried was offered.
        did: What came to pass, such as `rolled_back`.
        reason: As the event tells it.
        speaks: Who is acted upon then.
        evidence: What was shown; None: it needed none, or is in words only.
    """

    hours: float
    did: str
    reason: str
    speaks: str
    evidence: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What came of a case.

    Attributes:
        steps: In the life of the release that is tried.
        others: In that of the good one that was there before.
        highest: The largest evidence ever seen that the tried one is worse.
        highest_other: The same of the other one.
        warnings: What should not happen.
    """

    steps: Sequence[Step]
    others: Sequence[Step]
    highest: float
    highest_other: float
    warnings: Sequence[str]


def lived(case: Case, *, machine: Machine, school: School) -> Course:
    """Replay a machine with a case's releases; return what came of it."""
    task = school.task
    trace = trace_of(machine, task.series, column=task.column(machine.kind))
    row = int(case.how.day * _DAY_S / trace.interval_s)
    offers, wishes, version = _schedule(case, school, row)
    with tempfile.TemporaryDirectory() as folder:
        state_dir = Path(folder)
        with replaying(trace, offers, state_dir=state_dir, wishes=wishes) as (
            ticker,
            acts,
        ):
            done = replay(
                trace.instants, ticker=ticker, on_tick=lambda: None, schedule=acts
            )
        with archive_at(state_dir) as archive:
            points = archive.evidence(limit=_ALL)
        kept = _kept(evidence_folder(state_dir))
    digests = {offer.release.manifest.version: offer.release.digest for offer in offers}
    began = trace.instants[row]
    return Course(
        steps=_steps(done, version, kept=kept, began=began),
        others=_steps(done, 3 - version, kept=kept, began=began),
        highest=_highest(points, digests.get(version)),
        highest_other=_highest(points, digests.get(3 - version)),
        warnings=[*_warnings(done)],
    )


def _schedule(
    case: Case, school: School, row: int
) -> tuple[list[Offer], list[Wish], int]:
    """Return offers, wishes and the version that is tried."""
    if case.how is FIRST:
        return [Offer(school.release(case.who, version=1))], [], 1
    offers = [
        Offer(school.release(Who.GOOD, version=1)),
        Offer(school.release(case.who, version=2), row),
    ]
    if not case.how.is_forced:
        return offers, [], 2
    name = school.task.name
    wishes = [Wish(row, Verb.PIN, name, 2), Wish(row + 1, Verb.UNPIN, name)]
    return offers, wishes, 2


def _kept(folder: Path) -> dict[tuple[int, str], dict[str, Any]]:
    """Return the evidence that was kept, by version and instant."""
    found = [json.loads(path.read_text()) for path in folder.glob("*.json*")]
    return {(each["version"], _instant(each["at"])): each for each in found}


def _instant(text: str) -> str:
    return datetime.fromisoformat(text).isoformat()


def _steps(
    done: Replayed, version: int, *, kept: dict[Any, Any], began: datetime
) -> list[Step]:
    steps = []
    for event in done.events:
        fields = event.fields
        if event.name not in _TOLD or fields["version"] != version:
            continue
        document = kept.get((version, event.at.isoformat()))
        steps.append(
            Step(
                hours=(event.at - began).total_seconds() / 3600,
                did=_TOLD[event.name],
                reason=str(fields["reason"]),
                speaks=str(fields["speaks"]),
                evidence=None if document is None else document["verdict"],
            )
        )
    return steps


def _highest(points: Sequence[Evidence], digest: str | None) -> float:
    found = (
        each.e_value
        for each in points
        if each.question.release == digest and each.question.thesis is Thesis.WORSE
    )
    return max(found, default=0.0)


def _warnings(done: Replayed) -> Iterator[str]:
    usual = {*_TOLD, EventName.LINEUP_CHANGED, EventName.RELEASE_PINNED}
    usual |= {EventName.RELEASE_UNPINNED, EventName.RELEASE_ACTIVATED}
    # Who is promoted is tested on other terms than in the shadow.
    usual.add(EventName.GUARD_RENEWED)
    for event in done.events:
        if event.name not in usual:
            yield event.line()
    for name, reason in done.silent.items():
        yield f"{name} predicted nothing: {reason}"
