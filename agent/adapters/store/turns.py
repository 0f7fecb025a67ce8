"""Carries out turns on the line-ups and states that the database holds now."""

import sqlite3
from collections.abc import Iterable

from agent.adapters.store import reads, rows, statements
from agent.core.event import Event
from agent.core.lineup import LineUp
from agent.core.turn import Turn, Turned, turned


def carry_out(connection: sqlite3.Connection, turns: Iterable[Turn]) -> list[Event]:
    """Carry out turns in order, each on what the one before has left.

    The transaction is the caller's: in it nobody else can change a line-up.

    Returns:
        The events of those that came to pass; the others leave no trace.

    Raises:
        IllegalTransitionError: The table of lives does not know such a step.
    """
    return [turn.event for turn in turns if _comes_to_pass(connection, turn)]


def _comes_to_pass(connection: sqlite3.Connection, turn: Turn) -> bool:
    lineup = _lineup_of(connection, turn.task)
    states = {
        release.digest: release.state
        for release in reads.releases(connection)
        if release.manifest.task == turn.task
    }
    left = turned(turn.move, turn.digest, lineup=lineup, states=states)
    if left is None:
        return False
    _write(connection, left, before=lineup)
    connection.execute(statements.EVENT, rows.event_row(turn.event))
    return True


def _lineup_of(connection: sqlite3.Connection, task: str) -> LineUp:
    found = (lineup for lineup in reads.lineups(connection) if lineup.task == task)
    return next(found, LineUp(task=task))


def _write(connection: sqlite3.Connection, left: Turned, *, before: LineUp) -> None:
    for digest, state in left.states.items():
        connection.execute(statements.STATE, (state, digest))
    if left.lineup != before:
        connection.execute(statements.LINEUP, rows.lineup_row(left.lineup))
