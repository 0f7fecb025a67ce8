"""The schema of the state database, one function a step, never edited once released.

Instants are whole microseconds since 1970 (UTC), as exact as Python's `datetime`: so a
moment read back is the moment that was scored, and a scorecard computed again from the
ledger is the same to the last digit. Scores are JSON, whose shortest spelling of a
float reads back as the same float; features and samples are little-endian float32.

What is written each minute is a promise, so the tables are laid out for it:

- A table is read by its primary key, or from its newer end; there is no other index.
- Today's scorecards stand side by side (`day` comes first), in a table with rowids: a
  card is about 1 KiB, and without rowids each would get an overflow page of its own.
- A digest of 64 letters is written once, and referred to by a number.
- `layout` is no foreign key: dropping a layout would read every sample.
- Pages are of 1 KiB. Every minute changes a few rows in many places (outcomes go where
  their moments are, one place a horizon), and each place costs a page in the WAL.
  Measured with benchmarks/store.py, KiB a minute for pages of 1, 2 and 4 KiB: 96, 111,
  130. Six hours of samples are read in 6.2, 5.9 and 5.1 ms, and the file is as large.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from agent.adapters.store import tables
from agent.adapters.store.connection import connect, reported, transaction
from agent.errors import StateError

if TYPE_CHECKING:
    from sqlite_utils import Database

PAGE_BYTES = 1_024


def is_current(path: Path) -> bool:
    """Return whether the database is there and of this program's schema.

    Raises:
        StateError: It is damaged, closed to this user, or of a newer schema.
    """
    with reported(path, "reading the schema number"):
        if not path.exists():
            return False
        with closing(connect(path)) as connection:
            return _version(connection, path) == VERSION


def migrate(path: Path) -> None:
    """Bring the database to this program's schema; make file and folder if missing.

    Each step is a transaction of its own, so one that is interrupted is done again
    by the next call.

    Raises:
        StateError: It is damaged, closed to this user, or of a newer schema, and as
            it was before.
    """
    with reported(path, "making the file"):
        _make_file(path)
    with (
        reported(path, "bringing the schema up to date"),
        closing(connect(path)) as connection,
    ):
        if _version(connection, path) < VERSION:
            _take_steps(connection, path)


def _take_steps(connection: sqlite3.Connection, path: Path) -> None:
    # Imported here because it costs a process 5 to 9 MB, and the daemon comes this
    # way only when the schema is not current.
    from sqlite_utils import Database  # noqa: PLC0415

    _shape_file(connection)
    database = Database(connection, execute_plugins=False)
    for number, step in enumerate(_STEPS, start=1):
        with transaction(connection):
            if _version(connection, path) < number:
                step(database)
                connection.execute(f"PRAGMA user_version = {number}")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    check_not_newer(found, path)
    return found


def check_not_newer(found: int, path: Path) -> None:
    """Refuse a schema that only a newer program knows.

    Raises:
        StateError: Says so.
    """
    if found > VERSION:
        raise StateError(
            f"{path}: expected at most schema {VERSION}, got {found}: a newer forewarn "
            "has used it; install that version again, or move the file away"
        )


def opened(path: Path, *, query: str = "mode=rw") -> sqlite3.Connection:
    """Return a connection to a database that must be of this program's schema.

    Args:
        path: The file; it is neither made nor brought up to date.
        query: How to open it, in SQLite's URI words.

    Raises:
        StateError: No file, no rights, damage, or another schema.
    """
    with reported(path, "opening"):
        if not path.exists():
            raise StateError(f"{path}: no state here; has the daemon ever run?")
        connection = connect(path, query=query)
        try:
            _check_current(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def _check_current(connection: sqlite3.Connection, path: Path) -> None:
    found = _version(connection, path)
    if found < VERSION:
        raise StateError(
            f"{path}: expected schema {VERSION}, got {found}; "
            "the daemon brings it up to date when it starts"
        )


def _make_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives -wal and -shm the same mode. An existing file keeps its own.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _shape_file(connection: sqlite3.Connection) -> None:
    """Set what must be set before the first table; later calls change nothing."""
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")


def _first_tables(database: "Database") -> None:
    _execute(database, tables.FIRST_TABLES)


def _trust(database: "Database") -> None:
    _execute(database, tables.TRUST)


def _guard(database: "Database") -> None:
    _execute(database, tables.GUARD)


def _reports(database: "Database") -> None:
    _execute(database, tables.REPORTS)


def _rollups(database: "Database") -> None:
    _execute(database, tables.ROLLUPS)


def _calibrations(database: "Database") -> None:
    _execute(database, tables.CALIBRATIONS)


def _execute(database: "Database", statements: str) -> None:
    # One by one: `executescript` would commit the transaction that this step is in.
    for statement in statements.split(";"):
        database.execute(statement)


_STEPS: tuple[Callable[["Database"], None], ...] = (
    _first_tables,
    _trust,
    _guard,
    _reports,
    _rollups,
    _calibrations,
)
VERSION = len(_STEPS)
