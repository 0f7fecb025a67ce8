"""What the hosts said, read from the fleet's database."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import reduce
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, func, select

from agent.core.envelope import Drift, Health, LineUpReport, ToldEvent, TrialReport
from agent.core.evidence import Evidence
from agent.core.moment import Role
from agent.core.scorecard import Scorecard
from central.adapters.database.instants import maybe_instant, minute, stamp
from central.adapters.database.opening import Database
from central.adapters.database.rows import About, Found
from central.adapters.database.tables import (
    cards,
    drift,
    events,
    evidence,
    holes,
    hosts,
    reports,
    sample_counts,
    standings,
    totals,
    trials,
)
from central.core.numbering import Hole
from central.ports.fleet import CardRow, HostRow, SampleCount, TotalRow

_LineUps = tuple[LineUpReport, ...]
_Query = Select[*tuple[Any, ...]]


class SqlFleet:
    """Each method reads what was stored when it was called, and holds nothing open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hosts(self) -> tuple[HostRow, ...]:
        """Return every host, by id."""
        with self._database.reading() as connection:
            left = _holes(connection)
            rows = connection.execute(_HOSTS).all()
        return tuple(_host(row, left.get(row.id, ())) for row in rows)

    def line_ups(
        self, task: str | None = None
    ) -> Mapping[str, tuple[LineUpReport, ...]]:
        """Return the newest line-ups of each host, by host id."""
        found = {
            host_id: msgspec.json.decode(document, type=_LineUps)
            for host_id, document in self._rows(
                _STANDINGS.add_columns(standings.c.line_ups)
            )
        }
        if task is None:
            return found
        return {
            host_id: tuple(each for each in line_ups if each.task == task)
            for host_id, line_ups in found.items()
        }

    def health(self) -> Mapping[str, Health]:
        """Return how the daemon of each host does, by host id."""
        return {
            host_id: msgspec.json.decode(document, type=Health)
            for host_id, document in self._rows(
                _STANDINGS.add_columns(standings.c.health)
            )
        }

    def cards(
        self, *, task: str | None = None, since: date | None = None
    ) -> tuple[CardRow, ...]:
        """Return scorecards, days merged, by host, task, digest and role."""
        key = (hosts.c.host_id, cards.c.task, cards.c.digest, cards.c.role)
        query = select(*key, cards.c.card).join(hosts, hosts.c.id == cards.c.host)
        rows = self._rows(_of(query, cards, task=task, since=since).order_by(*key))
        return tuple(
            CardRow(
                host_id=host_id, task=name, digest=digest, role=Role(role), card=card
            )
            for (host_id, name, digest, role), card in _merged(rows)
        )

    def totals(
        self, *, task: str | None = None, since: date | None = None
    ) -> tuple[TotalRow, ...]:
        """Return scorecards, days and hosts merged, by task, digest and role."""
        key = (totals.c.task, totals.c.digest, totals.c.role)
        query = _of(select(*key, totals.c.card), totals, task=task, since=since)
        return tuple(
            TotalRow(task=name, digest=digest, role=Role(role), card=card)
            for (name, digest, role), card in _merged(self._rows(query.order_by(*key)))
        )

    def trials(self, task: str, *, digest: str, after: int) -> tuple[TrialReport, ...]:
        """Return what fleet blocks above a number showed of a release, by block."""
        query = (
            select(trials.c.document)
            .where(
                trials.c.task == task,
                trials.c.digest == digest,
                trials.c.block > after,
            )
            .order_by(trials.c.block, trials.c.host)
        )
        return tuple(
            msgspec.json.decode(document, type=TrialReport)
            for (document,) in self._rows(query)
        )

    def drift(self, task: str) -> Mapping[str, Drift]:
        """Return the newest drift of a task on each host that told of it."""
        return {
            host_id: msgspec.json.decode(document, type=Drift)
            for host_id, document in self._rows(_documents(drift, task))
        }

    def evidence(self, task: str) -> Mapping[str, tuple[Evidence, ...]]:
        """Return the newest evidence on each of the guard's questions, by host."""
        found: dict[str, tuple[Evidence, ...]] = defaultdict(tuple)
        query = _documents(evidence, task).order_by(evidence.c.question)
        for host_id, document in self._rows(query):
            found[host_id] += (msgspec.json.decode(document, type=Evidence),)
        return dict(found)

    def events(
        self,
        *,
        host_id: str | None = None,
        names: Sequence[str] = (),
        since: datetime | None = None,
    ) -> tuple[tuple[str, ToldEvent], ...]:
        """Return what hosts told of, oldest first, each with the host's id."""
        query = select(hosts.c.host_id, events.c.document).join(
            hosts, hosts.c.id == events.c.host
        )
        if host_id is not None:
            query = query.where(hosts.c.host_id == host_id)
        if names:
            query = query.where(events.c.name.in_(names))
        if since is not None:
            query = query.join(
                reports,
                (reports.c.host == events.c.host)
                & (reports.c.sequence == events.c.sequence),
            ).where(reports.c.received_at >= stamp(since))
        order = (events.c.at, hosts.c.host_id, events.c.sequence, events.c.place)
        return tuple(
            (host_id, msgspec.json.decode(document, type=ToldEvent))
            for host_id, document in self._rows(query.order_by(*order))
        )

    def count(self, task: str, *, since: datetime) -> SampleCount:
        """Return how many labelled samples came since, to the minute."""
        sums = (func.sum(sample_counts.c.samples), func.sum(sample_counts.c.events))
        query = select(*sums).where(
            sample_counts.c.task == task, sample_counts.c.minute >= minute(since)
        )
        ((rows, happened),) = self._rows(query)
        return SampleCount(rows=int(rows or 0), events=int(happened or 0))

    def _rows(self, query: _Query) -> Sequence[Found]:
        with self._database.reading() as connection:
            return connection.execute(query).all()


def _host(row: Found, left: Sequence[Hole]) -> HostRow:
    about = About(agent="", labels={}, host_name=None)
    if row.about is not None:
        about = msgspec.json.decode(row.about, type=About)
    return HostRow(
        host_id=row.host_id,
        agent=about.agent,
        labels=about.labels,
        host_name=about.host_name,
        enrolled_at=maybe_instant(row.enrolled_at),
        revoked_at=maybe_instant(row.revoked_at),
        reported_at=maybe_instant(row.reported_at),
        received_through=row.received_through,
        holes=tuple(left),
    )


def _holes(connection: Connection) -> Mapping[int, list[Hole]]:
    left: dict[int, list[Hole]] = defaultdict(list)
    for host, first, last in connection.execute(_HOLES):
        left[host].append((first, last))
    return left


def _of(query: _Query, table: Table, *, task: str | None, since: date | None) -> _Query:
    if task is not None:
        query = query.where(table.c.task == task)
    if since is not None:
        query = query.where(table.c.day >= since.isoformat())
    return query


def _documents(table: Table, task: str) -> _Query:
    return (
        select(hosts.c.host_id, table.c.document)
        .join(hosts, hosts.c.id == table.c.host)
        .where(table.c.task == task)
        .order_by(hosts.c.host_id)
    )


def _merged(rows: Iterable[Found]) -> Iterable[tuple[tuple[str, ...], Scorecard]]:
    """Yield each key with its cards as one; the rows come in the order of the keys."""
    for key, days in groupby(rows, key=lambda row: tuple(row[:-1])):
        yield (
            key,
            reduce(Scorecard.merged, map(_card, days)),
        )


def _card(row: Found) -> Scorecard:
    return msgspec.json.decode(row[-1], type=Scorecard)


_HOSTS = (
    select(hosts, standings.c.about)
    .outerjoin(standings, standings.c.host == hosts.c.id)
    .order_by(hosts.c.host_id)
)
_HOLES = select(holes.c.host, holes.c.first, holes.c.last).order_by(
    holes.c.host, holes.c.first
)
_STANDINGS = (
    select(hosts.c.host_id)
    .join(standings, standings.c.host == hosts.c.id)
    .order_by(hosts.c.host_id)
)
