"""How the commands tell of the guard: what it tests, and what it has come to."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Final

import msgspec

from agent.adapters.store.answers import Recorded
from agent.cli.naming import names_of
from agent.cli.output import instant_text, listing
from agent.core.case import Case
from agent.core.event import EventName
from agent.core.evidence import Evidence, Question
from agent.core.lineup import LineUp
from agent.core.moment import BASELINE, Thesis
from agent.core.release import QUARANTINED
from agent.core.turn import Move
from agent.flows.memory import Memory
from agent.wiring.reading import Archive

SILENT: Final = "not yet shown to be as good as the baseline"
_ASKS: Final[Mapping[Thesis, str]] = {
    Thesis.WORSE: "is {} worse than {}?",
    Thesis.NOT_WORSE: "is {} as good as {}?",
    Thesis.BETTER: "is {} better than {}?",
}
_LATELY: Final = timedelta(days=7)
_PIN: Final = frozenset({EventName.VERDICT_HELD, EventName.RELEASE_PINNED})
# As wide as people's terminals: JSON holds what has no column.
_HEADER: Final = (
    "task",
    "the guard asks",
    "evidence",
    "needs",
    "loss",
    "other's",
    "allowed",
    "over",
    "episodes",
)


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """One test that runs, and what it has come to by now.

    Attributes:
        asks: The question in words.
        evidence: Its figures.
    """

    asks: str
    evidence: Evidence


def guard_status(
    archive: Archive, lineups: Sequence[LineUp], *, now: datetime
) -> list[Tested]:
    """Return every test on the releases at work, by task, as far as is committed."""
    names, memories = names_of(archive), archive.memories()
    return [
        Tested(asks=asks(evidence.question, names), evidence=evidence)
        for lineup in lineups
        for evidence in _evidence(lineup, memories.get(lineup.task), now)
    ]


def guard_text(found: Sequence[Tested]) -> str:
    """Return the tests as a table; nothing for none."""
    rows = [
        (
            each.evidence.task,
            each.asks,
            each.evidence.e_value,
            each.evidence.threshold,
            each.evidence.loss,
            each.evidence.reference_loss,
            each.evidence.allowed,
            each.evidence.predictions,
            each.evidence.episodes,
        )
        for each in found
    ]
    return listing(_HEADER, rows=rows)


def guard_problems(
    archive: Archive, lineups: Sequence[LineUp], *, now: datetime
) -> Iterator[str]:
    """Yield what the guard did or would do that a person must know of, one line each.

    A rollback is told for seven days, or until somebody lets the release out of
    quarantine.
    """
    shut = {r.digest[:12] for r in archive.releases() if r.state in QUARANTINED}
    rolled_back = {EventName.RELEASE_ROLLED_BACK}
    for event in archive.history(names=rolled_back, since=now - _LATELY):
        if event.fields.get("digest") in shut:
            yield f"{_who(event)} was rolled back at {_when_and_why(event)}"
    for request, answer in archive.requests():
        if answer is None:
            about = request.task or f"prediction {request.moment}"
            yield (
                f"request {request.id} waits for a daemon: {request.verb} {about}, "
                f"asked by {request.by} at {instant_text(request.at)}"
            )
    for lineup in lineups:
        for event in _held(archive, lineup):
            yield (
                f"{_who(event)} is pinned, but the guard would roll it back since "
                f"{_when_and_why(event)}"
            )


def asks(question: Question, names: Mapping[str, str]) -> str:
    """Return what a test asks, in words."""
    both = (question.release, question.reference)
    return _ASKS[question.thesis].format(*(_named(names, digest) for digest in both))


def evidence_text(evidence: Evidence, names: Mapping[str, str]) -> str:
    """Return what a test came to, in one line."""
    question = evidence.question
    return evidence.in_words(
        release=_named(names, question.release),
        reference=_named(names, question.reference),
    )


def _evidence(
    lineup: LineUp, memory: bytes | None, now: datetime
) -> Iterator[Evidence]:
    """Yield what the tests on a line-up have come to."""
    known = Memory() if memory is None else msgspec.json.decode(memory, type=Memory)
    at_work = {BASELINE, *(digest for _, digest in lineup.roles())}
    for record in known.court.cases:
        if {record.question.release, record.question.reference} <= at_work:
            yield Case.recalled(record).evidence(task=lineup.task, at=now)


def _held(archive: Archive, lineup: LineUp) -> Iterator[Recorded]:
    """Yield the rollback that a task's pin stands against, if there is one."""
    if not lineup.is_pinned:
        return
    told = archive.history(names=_PIN, task=lineup.task)
    under_it = takewhile(lambda e: e.name == EventName.VERDICT_HELD, told)
    against = (e for e in under_it if e.fields.get("would") == Move.ROLL_BACK)
    yield from islice(against, 1)


def _who(event: Recorded) -> str:
    return f"{event.fields.get('task')}: version {event.fields.get('version')}"


def _when_and_why(event: Recorded) -> str:
    return f"{instant_text(event.at)}: {event.fields.get('reason')}"


def _named(names: Mapping[str, str], digest: str) -> str:
    return names.get(digest, digest[:12])
