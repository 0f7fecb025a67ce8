"""Opens the state database, and turns what SQLite reports into who must act."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import StateError

BUSY_MS = 5_000
_REPLACE = (
    "the file is damaged or not ours: move it away together with its -wal and -shm "
    "files, and the next start makes a new one"
)
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another process holds the database; try again",
    sqlite3.SQLITE_CANTOPEN: "file and folder must exist and be open to this user",
    sqlite3.SQLITE_CORRUPT: _REPLACE,
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_IOERR: "the disk answers with errors; see the kernel's log",
    sqlite3.SQLITE_NOTADB: _REPLACE,
    sqlite3.SQLITE_PERM: "file and folder must be writable by this user",
    sqlite3.SQLITE_READONLY: "file and folder must be writable by this user",
}


def connect(path: Path, *, query: str = "mode=rw") -> sqlite3.Connection:
    """Return a connection that begins and ends no transaction by itself.

    Args:
        path: An existing file; it is not made.
        query: How to open it, in SQLite's URI words.

    Raises:
        sqlite3.Error: The file is not there, or closed to this user.
    """
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}",
        uri=True,
        timeout=BUSY_MS / 1000,
        isolation_level=None,
    )


@contextmanager
def reported(path: Path, doing: str) -> Iterator[None]:
    """Turn SQLite's and the file system's errors into what an operator can act on.

    Raises:
        StateError: Says which file, what was being done, why not, and what helps.
    """
    try:
        yield
    except sqlite3.Error as error:
        # The low byte is the kind of error; Python's own errors have none.
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
        remedy = f"; {_REMEDIES[kind]}" if kind in _REMEDIES else ""
        raise StateError(f"{path}: {doing}: {error}{remedy}") from error
    except OSError as error:
        where = "" if error.filename == str(path) else f": {error.filename}"
        raise StateError(f"{path}: {doing}: {error.strerror}{where}") from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Hold the one write transaction; whatever is raised inside leaves no trace.

    It is IMMEDIATE: a transaction that first reads and then writes would be refused
    without waiting if another process wrote in between.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    finally:
        # A full disk has ended the transaction already; another error has not.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
