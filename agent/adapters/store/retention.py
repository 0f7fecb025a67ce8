"""Keeps the state database within its age and its size, and gives the disk back."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

from agent.adapters.store import reads, rollups
from agent.adapters.store.connection import transaction
from agent.adapters.store.rows import instant, stamp, text
from agent.core.event import AUDIT
from agent.ports import Trimmed

# Rows a transaction: tens of milliseconds, so neither the tick nor the courier waits.
_CHUNK = 2_000
_VACUUM_PAGES = 1_000
# A host whose devices come and go makes new layouts; to find those out of use reads
# every sample, so it is done only where there are many.
_MANY_LAYOUTS = 256
# The names of the events that are kept for ever.
_KEPT = text(sorted(AUDIT))


def trim(
    connection: sqlite3.Connection,
    *,
    path: Path,
    now: datetime,
    keep_s: float,
    max_bytes: int,
) -> Trimmed:
    """Drop what is older than `keep_s`, then the oldest days over `max_bytes`.

    Roll-ups stay for as long as expressions read back, whatever `keep_s` is.

    Counted against `max_bytes` are the pages in use. When only the last day is left,
    it goes by the hour. Moments still open, releases, line-ups, scorecards,
    requests and what the audit log lists stay.

    Returns:
        What went; bytes before and after are those of the file and its WAL.

    Raises:
        sqlite3.Error: It stopped part way; what is left is whole.
    """
    bytes_before = size_bytes(path)
    _note(connection)
    _delete(connection, rollups.DELETE_OLD, stamp(now - rollups.KEPT))
    samples, moments = _drop(connection, before=now - timedelta(seconds=keep_s))
    while used_bytes(connection) > max_bytes:
        oldest = _oldest(connection)
        if oldest is None:
            break
        end = _end_of_step(oldest, now=now)
        _delete(connection, rollups.DELETE_OLD, stamp(end))
        more = _drop(connection, before=end)
        samples, moments = samples + more[0], moments + more[1]
    _drop_layouts(connection)
    _give_back(connection)
    return Trimmed(
        samples=samples,
        moments=moments,
        bytes_before=bytes_before,
        bytes_after=size_bytes(path),
    )


def size_bytes(path: Path) -> int:
    """Return what the database and its WAL take on disk."""
    wal = path.with_name(f"{path.name}-wal")
    return sum(file.stat().st_size for file in (path, wal) if file.exists())


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return the bytes of all pages that hold something."""
    pages, free, page_bytes = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    used: int = (pages - free) * page_bytes
    return used


def _drop(connection: sqlite3.Connection, *, before: datetime) -> tuple[int, int]:
    """Drop what may go and is older than `before`; count samples and moments."""
    cut = stamp(before)
    samples = _delete(connection, _OLD_SAMPLES, cut)
    moments = _delete(connection, _OLD_MOMENTS, _first_kept(connection, cut))
    _delete(connection, _OLD_EVENTS, cut, _KEPT)
    _delete(connection, _OLD_EVIDENCE, cut)
    return samples, moments


def _delete(connection: sqlite3.Connection, statement: str, *values: object) -> int:
    total = 0
    while True:
        with transaction(connection):
            count = connection.execute(statement, (*values, _CHUNK)).rowcount
        total += count
        if count < _CHUNK:
            return total


def _first_kept(connection: sqlite3.Connection, cut: int) -> int:
    """Return the first resolved moment at or after `cut`: those below it may go.

    Moments are in the order of time unless the clock went back; then some stay longer.
    """
    row = connection.execute(
        "select o.moment from outcomes as o join moments as m on m.id = o.moment"
        " where m.at >= ? order by o.moment limit 1",
        (cut,),
    ).fetchone()
    return reads.next_moment_id(connection) if row is None else row[0]


def _oldest(connection: sqlite3.Connection) -> datetime | None:
    """Return the instant of the oldest row that may go."""
    found = [
        connection.execute(statement, {"kept": _KEPT}).fetchone()
        for statement in _OLDEST
    ]
    instants = [row[0] for row in found if row is not None and row[0] is not None]
    return instant(min(instants)) if instants else None


def _end_of_step(oldest: datetime, *, now: datetime) -> datetime:
    midnight = oldest.replace(hour=0, minute=0, second=0, microsecond=0)
    next_day = midnight + timedelta(days=1)
    return next_day if next_day <= now else oldest + timedelta(hours=1)


def _drop_layouts(connection: sqlite3.Connection) -> None:
    (count,) = connection.execute("select count(*) from layouts").fetchone()
    if count > _MANY_LAYOUTS:
        with transaction(connection):
            connection.execute(
                "delete from layouts where id not in"
                " (select layout from samples union select layout from rollups)"
            )


def _note(connection: sqlite3.Connection) -> None:
    """Note what the rows that go can tell no more: numbers used, numbers settled."""
    unused = reads.next_moment_id(connection)
    settled = _first_open(connection, unused)
    with transaction(connection):
        connection.executemany(
            "insert into marks (name, value) values (?, ?)"
            " on conflict (name) do update set value = excluded.value",
            [(reads.UNUSED_FROM, unused), (reads.SETTLED_BELOW, settled)],
        )


def _first_open(connection: sqlite3.Connection, unused: int) -> int:
    """Return the lowest open moment's number; the unused one if none is open.

    Its cursors end with it: one that is half read would keep the WAL from being cut.
    """
    found = reads.moments(connection, reads.open_ids(connection))
    return next((moment.id for moment in found), unused)


def _give_back(connection: sqlite3.Connection) -> None:
    while connection.execute("PRAGMA freelist_count").fetchone()[0]:
        connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
    # With a reader at work the WAL is only emptied, and cut at the next time.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


_OLD_SAMPLES = (
    "delete from samples where at in"
    " (select at from samples where at < ? order by at limit ?)"
)
# Only what has an outcome: an open moment is still waited for. Predictions and the
# outcome go with their moment.
_OLD_MOMENTS = (
    "delete from moments where id in"
    " (select moment from outcomes where moment < ? order by moment limit ?)"
)
_OLD_EVENTS = (
    "delete from events where id in"
    " (select id from events"
    " where at < ? and name not in (select value from json_each(?))"
    " order by id limit ?)"
)
_OLD_EVIDENCE = (
    "delete from evidence where id in"
    " (select id from evidence where at < ? order by id limit ?)"
)
_OLDEST = (
    "select min(at) from samples",
    rollups.OLDEST,
    "select at from moments where id = (select min(moment) from outcomes)",
    (
        "select at from events where name not in (select value from json_each(:kept))"
        " order by id limit 1"
    ),
    "select at from evidence order by id limit 1",
)
