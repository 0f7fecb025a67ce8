"""Scorecards of the hosts, and their sums over the fleet, kept to the digit."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, select, tuple_

from agent.core.envelope import CardReport
from agent.core.scorecard import Scorecard
from central.adapters.database import upserts
from central.adapters.database.rows import Row, text
from central.adapters.database.tables import cards, totals


class _Key(NamedTuple):
    day: str
    host: int
    task: str
    digest: str
    role: str


class _Total(NamedTuple):
    day: str
    task: str
    digest: str
    role: str


@dataclass(frozen=True, slots=True)
class _Card:
    sequence: int
    card: Scorecard


class Cards:
    """The scorecards of some reports, those of the highest number first served."""

    def __init__(self) -> None:
        self._cards: dict[_Key, _Card] = {}

    def add(self, told: Iterable[CardReport], *, host: int, sequence: int) -> None:
        """Take the scorecards of a report."""
        for each in told:
            day = each.day.isoformat()
            key = _Key(day, host, each.task, each.digest, each.role.value)
            if key not in self._cards or self._cards[key].sequence <= sequence:
                self._cards[key] = _Card(sequence, each.card())

    def write(self, connection: Connection) -> None:
        """Write what is newer than what is there, and what that makes of the sums.

        Nobody else writes cards of these hosts before the transaction ends.
        """
        if not self._cards:
            return
        before = self._before(connection)
        newer = {
            key: new
            for key, new in self._cards.items()
            if key not in before or before[key].sequence <= new.sequence
        }
        rows = [
            {**key._asdict(), "sequence": new.sequence, "card": text(new.card)}
            for key, new in newer.items()
        ]
        if rows:
            statement = upserts.replacing(connection.dialect.name, cards, *_Key._fields)
            connection.execute(statement, rows)
        _write_totals(connection, _differences(newer, before))

    def _before(self, connection: Connection) -> dict[_Key, _Card]:
        by_day: dict[str, set[int]] = defaultdict(set)
        for key in self._cards:
            by_day[key.day].add(key.host)
        return {
            _Key(*row[:5]): _Card(row[5], _decoded(row[6]))
            for day, hosts in by_day.items()
            for row in connection.execute(_CARDS, {"day": day, "hosts": sorted(hosts)})
        }


def _differences(
    newer: dict[_Key, _Card], before: dict[_Key, _Card]
) -> dict[_Total, Scorecard]:
    """Return by how much each sum over the fleet changes."""
    changes: dict[_Total, Scorecard] = defaultdict(Scorecard)
    for key, new in newer.items():
        change = new.card
        if key in before:
            change = change.without(before[key].card)
        total = _Total(key.day, key.task, key.digest, key.role)
        changes[total] = changes[total].merged(change)
    return changes


def _write_totals(connection: Connection, changes: dict[_Total, Scorecard]) -> None:
    """Add to the sums, in one order for all writers, who wait here for each other."""
    if not changes:
        return
    dialect, keys = connection.dialect.name, sorted(changes)
    nothing = text(Scorecard())
    connection.execute(
        upserts.first(dialect, totals),
        [{**key._asdict(), "card": nothing} for key in keys],
    )
    found: list[Row] = []
    for row in connection.execute(_TOTALS, {"keys": keys}):
        key = _Total(*row[:4])
        card = _decoded(row[4]).merged(changes[key])
        found.append({**key._asdict(), "card": text(card)})
    statement = upserts.replacing(dialect, totals, *_Total._fields)
    connection.execute(statement, found)


def _decoded(document: str) -> Scorecard:
    return msgspec.json.decode(document, type=Scorecard)


_CARDS = select(
    *(cards.c[name] for name in _Key._fields), cards.c.sequence, cards.c.card
).where(
    cards.c.day == bindparam("day"),
    cards.c.host.in_(bindparam("hosts", expanding=True)),
)
_TOTAL = [totals.c[name] for name in _Total._fields]
_TOTALS = (
    select(*_TOTAL, totals.c.card)
    .where(tuple_(*_TOTAL).in_(bindparam("keys", expanding=True)))
    .order_by(*_TOTAL)
    .with_for_update()
)
