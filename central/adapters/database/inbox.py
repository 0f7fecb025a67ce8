"""Labelled samples between their report and their file, in the fleet's database."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import accumulate
from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from central.adapters.database.locks import Lock, hold
from central.adapters.database.opening import Database
from central.adapters.database.rows import Found, Shelved
from central.adapters.database.tables import batches, hosts, inbox
from central.ports.dataset import Batch, InboxRow

_MAX_CHUNKS: Final = 5_000


class SqlInbox:
    """What one report brought of a task and day is one row, and never parted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, *, limit: int) -> Sequence[Batch]:
        """Return what is to become files, as `central.ports.dataset.Inbox` says."""
        with self._database.writing() as connection:
            hold(connection, Lock.CLAIMING)
            # While the files cannot be written, what is claimed does not grow.
            if connection.execute(_SIZES).first() is None:
                _claim(connection, limit=limit)
            sizes = connection.execute(_SIZES).all()
            oldest = [row.batch for row in _until(limit, sizes)]
            claimed = connection.execute(_CLAIMED, {"batches": oldest}).all()
        held: dict[int, list[Found]] = defaultdict(list)
        for row in claimed:
            held[row.batch].append(row)
        return tuple(_batch(number, rows) for number, rows in held.items())

    def clear(self, batch: int) -> None:
        """Forget a batch: it is in its file for good."""
        with self._database.writing() as connection:
            connection.execute(delete(inbox).where(inbox.c.batch == batch))
            connection.execute(delete(batches).where(batches.c.id == batch))


def _claim(connection: Connection, *, limit: int) -> None:
    """Give the oldest samples that are in no batch to new ones, by task and day."""
    parts: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in _until(limit, connection.execute(_WAITING).all()):
        parts[row.task, row.day].append(row.id)
    for (task, day), chunks in sorted(parts.items()):
        made = insert(batches).values(task=task, day=day).returning(batches.c.id)
        number = connection.execute(made).scalar_one()
        connection.execute(
            _ASSIGN, [{"chunk": each, "number": number} for each in chunks]
        )


def _until(limit: int, rows: Sequence[Found]) -> Iterator[Found]:
    """Yield the first rows, until they hold so many samples."""
    before = [0, *accumulate(row.samples for row in rows)]
    for row, already in zip(rows, before, strict=False):
        if already >= limit:
            break
        yield row


def _batch(number: int, rows: Sequence[Found]) -> Batch:
    return Batch(
        id=number,
        task=rows[0].task,
        day=date.fromisoformat(rows[0].day),
        rows=tuple(each for row in rows for each in _samples(row)),
    )


def _samples(row: Found) -> list[InboxRow]:
    return [
        InboxRow(
            host_id=row.host_id,
            sequence=row.sequence,
            place=each.place,
            row=each.row,
            weight=each.weight,
        )
        for each in msgspec.json.decode(row.document, type=list[Shelved])
    ]


_WAITING = (
    select(inbox.c.id, inbox.c.task, inbox.c.day, inbox.c.samples)
    .where(inbox.c.batch.is_(None))
    .order_by(inbox.c.id)
    .limit(_MAX_CHUNKS)
)
_ASSIGN = (
    update(inbox)
    .where(inbox.c.id == bindparam("chunk"))
    .values(batch=bindparam("number"))
)
_SIZES = (
    select(inbox.c.batch, func.sum(inbox.c.samples).label("samples"))
    .where(inbox.c.batch.is_not(None))
    .group_by(inbox.c.batch)
    .order_by(inbox.c.batch)
)
_CLAIMED = (
    select(
        inbox.c.batch,
        hosts.c.host_id,
        inbox.c.sequence,
        inbox.c.task,
        inbox.c.day,
        inbox.c.document,
    )
    .join(hosts, hosts.c.id == inbox.c.host)
    .where(inbox.c.batch.in_(bindparam("batches", expanding=True)))
    .order_by(inbox.c.batch, hosts.c.host_id, inbox.c.sequence)
)
