"""Trials: what closed fleet blocks showed of the releases on trial here."""

from collections.abc import Iterator, Mapping

import msgspec

from agent.core.case import Case
from agent.core.envelope import TrialReport
from agent.core.evidence import Question
from agent.core.lineup import LineUp
from agent.core.release import Release
from agent.core.trial_rows import (
    Trial,
    TrialState,
    as_of,
    on_trial,
    rows,
    trial_of,
)
from agent.flows.memory import Memory
from agent.ports.reporting import Past


def trials(
    past: Past,
    told: Mapping[str, TrialState],
    *,
    known: Mapping[str, Release],
    host_id: str,
) -> tuple[list[TrialReport], dict[str, TrialState]]:
    """Return what is told of the releases on trial, and what is told of each then.

    Args:
        past: The ledger.
        told: What was told of each before, by digest.
        known: Every release, by digest.
        host_id: Who tells it.
    """
    reports: list[TrialReport] = []
    states: dict[str, TrialState] = {}
    memories = past.memories()
    for lineup in past.lineups():
        for trial in _running(lineup, memories.get(lineup.task), known=known):
            digest = trial.release.digest
            begin = TrialState(through=trial.harm.first_moment - 1)
            found, states[digest] = _rows(
                past, trial, told.get(digest, begin), host_id=host_id
            )
            reports += found
    return reports, states


def _running(
    lineup: LineUp, memory: bytes | None, *, known: Mapping[str, Release]
) -> Iterator[Trial]:
    cases = _cases(memory)
    for question in on_trial(lineup, known):
        release = known[question.release]
        trial = trial_of(question, release=release, cases=cases)
        if trial is not None:
            yield trial


def _cases(memory: bytes | None) -> dict[Question, Case]:
    """Return the tests that a task's court has at work."""
    if memory is None:
        return {}
    court = msgspec.json.decode(memory, type=Memory).court
    return {record.question: Case.recalled(record) for record in court.cases}


def _rows(
    past: Past, trial: Trial, told: TrialState, *, host_id: str
) -> tuple[list[TrialReport], TrialState]:
    """Return the rows of the blocks of which all is known: sampled, and none open."""
    task, newest = trial.release.manifest.task, past.known_until()
    first_open = past.oldest_open().get(task)
    if newest is None:
        return [], told
    until = newest if first_open is None else min(newest, first_open.due_at)
    before = None if first_open is None else first_open.id
    # A later one than the newest sample was made while the clock was ahead.
    resolved = (
        (moment, outcome)
        for moment, outcome in past.resolved(task, after=told.through, before=before)
        if moment.at <= newest
    )
    told = as_of(trial, told, newest=newest)
    return rows(trial, resolved, state=told, until=until, host=host_id)
