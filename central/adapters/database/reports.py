"""Stores reports: each exactly once, with all that it says, or not at all."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Insert, Table, delete, insert, select, tuple_

from agent.core.envelope import Envelope
from agent.errors import ReportError
from central.adapters.database import rows, upserts
from central.adapters.database.cards import Cards
from central.adapters.database.instants import minute, stamp, utc_day
from central.adapters.database.numbers import Numbers
from central.adapters.database.opening import Database
from central.adapters.database.rows import Row
from central.adapters.database.tables import (
    cards,
    drift,
    events,
    evidence,
    inbox,
    reports,
    sample_counts,
    standings,
    totals,
    trials,
)
from central.adapters.database.trouble import UnfitError
from central.ports.fleet import Arrival, Stored

_SLICE = 5_000


class SqlReports:
    """The reports in the fleet's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def store(
        self, envelope: Envelope, *, sha256: str, length: int, now: datetime
    ) -> Stored:
        """Store a report, as `central.ports.fleet.Reports` says."""
        arrival = Arrival(envelope=envelope, sha256=sha256, length=length, at=now)
        (found,) = self.store_many([arrival])
        if isinstance(found, ReportError):
            raise found
        return found

    def store_many(
        self, arrivals: Sequence[Arrival]
    ) -> tuple[Stored | ReportError, ...]:
        """Store reports in one transaction, as `central.ports.fleet.Reports` says.

        What becomes of each is decided before anything is written, so one that is
        refused needs no savepoint, and each table takes all its rows at once. Should
        the database refuse a row nevertheless, each report is stored by itself.
        """
        if not arrivals:
            return ()
        try:
            return self._stored(arrivals)
        except UnfitError as error:
            if len(arrivals) == 1:
                return (ReportError(f"{_called(arrivals[0])}: {error}"),)
        return tuple(found for each in arrivals for found in self.store_many([each]))

    def trim(self, *, now: datetime, keep: timedelta) -> int:
        """Forget old reports, as `central.ports.fleet.Reports` says.

        A slice at a time, so that nobody waits long for a report to be stored.
        """
        before = now - keep
        with self._database.writing() as connection:
            for table in (cards, totals):
                connection.execute(delete(table).where(table.c.day < utc_day(before)))
            for table in (trials, drift, evidence):
                old = table.c.received_at < stamp(before)
                connection.execute(delete(table).where(old))
            old = sample_counts.c.minute < minute(before)
            connection.execute(delete(sample_counts).where(old))
        forgotten = 0
        while gone := self._trim_slice(before):
            forgotten += gone
        return forgotten

    def _stored(self, arrivals: Sequence[Arrival]) -> tuple[Stored | ReportError, ...]:
        with self._database.writing() as connection:
            host_ids = {arrival.envelope.host_id for arrival in arrivals}
            numbers = Numbers(connection, host_ids=host_ids)
            found = tuple(_taken(numbers, arrival) for arrival in arrivals)
            new = [
                arrival
                for arrival, stored in zip(arrivals, found, strict=True)
                if isinstance(stored, Stored) and stored.is_new
            ]
            numbers.write()
            _write(connection, numbers, new)
        return found

    def _trim_slice(self, before: datetime) -> int:
        key = (reports.c.host, reports.c.sequence)
        oldest = (
            select(*key)
            .where(reports.c.received_at < stamp(before))
            .order_by(reports.c.received_at)
            .limit(_SLICE)
        )
        with self._database.writing() as connection:
            # Their events go with them.
            gone = connection.execute(delete(reports).where(tuple_(*key).in_(oldest)))
            return gone.rowcount


def _called(arrival: Arrival) -> str:
    return f"report {arrival.envelope.sequence} of {arrival.envelope.host_id}"


def _taken(numbers: Numbers, arrival: Arrival) -> Stored | ReportError:
    try:
        is_new = numbers.take(arrival)
    except ReportError as refusal:
        return refusal
    through = numbers.through(arrival.envelope.host_id)
    return Stored(received_through=through, is_new=is_new)


def _write(
    connection: Connection, numbers: Numbers, arrivals: Sequence[Arrival]
) -> None:
    written = Cards()
    for arrival in arrivals:
        envelope, host = arrival.envelope, numbers.id_of(arrival.envelope.host_id)
        written.add(envelope.scorecards, host=host, sequence=envelope.sequence)
    for statement, found in _rows(connection.dialect.name, numbers, arrivals):
        if found:
            connection.execute(statement, found)
    # Last: for these sums writers of other hosts wait, too.
    written.write(connection)


def _rows(
    dialect: str, numbers: Numbers, arrivals: Sequence[Arrival]
) -> Iterable[tuple[Insert, list[Row]]]:
    """Return what is written to each table, and how."""
    told = [(arrival, numbers.id_of(arrival.envelope.host_id)) for arrival in arrivals]

    def newest(table: Table, *key: str) -> Insert:
        return upserts.newest(dialect, table, *key)

    return (
        (insert(reports), [rows.report(a, host=h) for a, h in told]),
        (
            newest(standings, "host"),
            [rows.standing(a.envelope, host=h) for a, h in told],
        ),
        (
            insert(events),
            [row for a, h in told for row in rows.events(a.envelope, host=h)],
        ),
        (
            upserts.first(dialect, trials),
            [row for a, h in told for row in rows.trials(a, host=h)],
        ),
        (
            newest(drift, "task", "host"),
            [row for a, h in told for row in rows.drift(a, host=h)],
        ),
        (
            newest(evidence, "task", "host", "question"),
            [row for a, h in told for row in rows.evidence(a, host=h)],
        ),
        (
            insert(inbox),
            [row for a, h in told for row in rows.samples(a.envelope, host=h)],
        ),
        (
            upserts.adding(dialect, sample_counts, "task", "minute"),
            list(rows.sample_counts(arrivals)),
        ),
    )
