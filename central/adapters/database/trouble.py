"""Turns what a database reports into who must act; no password is ever told."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from agent.errors import ForewarnError, StateError, UnavailableError


class UnfitError(StateError):
    """A row that no column takes; it was refused before, or it is our bug."""


_REPLACE: Final = "the file is damaged or not ours: bring it back from a copy"
# SQLite: the low byte of its error code. What is not here is not expected to mend.
_SQLITE: Final[dict[int, tuple[type[ForewarnError], str]]] = {
    sqlite3.SQLITE_BUSY: (UnavailableError, "another process holds it; try again"),
    sqlite3.SQLITE_LOCKED: (UnavailableError, "another thread holds it; try again"),
    sqlite3.SQLITE_FULL: (StateError, "make room on the disk"),
    sqlite3.SQLITE_IOERR: (StateError, "the disk answers with errors"),
    sqlite3.SQLITE_CANTOPEN: (StateError, "file and folder must be open to this user"),
    sqlite3.SQLITE_PERM: (StateError, "file and folder must be writable by this user"),
    sqlite3.SQLITE_READONLY: (StateError, "it must be writable by this user"),
    sqlite3.SQLITE_CORRUPT: (StateError, _REPLACE),
    sqlite3.SQLITE_NOTADB: (StateError, _REPLACE),
    sqlite3.SQLITE_TOOBIG: (UnfitError, ""),
    sqlite3.SQLITE_CONSTRAINT: (UnfitError, ""),
    sqlite3.SQLITE_MISMATCH: (UnfitError, ""),
}
# PostgreSQL: how SQLSTATE begins, the longest first; appendix A of its manual.
_POSTGRESQL: Final[dict[str, tuple[type[ForewarnError], str]]] = {
    "53100": (StateError, "make room on the server's disk"),
    "25006": (UnavailableError, "the server takes no writes now; try again"),
    "55P03": (UnavailableError, "somebody else holds a lock; try again"),
    "08": (UnavailableError, "the connection broke; try again"),
    "40": (UnavailableError, "two writers were in each other's way; try again"),
    "53": (UnavailableError, "the server is at its limits; try again"),
    "57": (UnavailableError, "the server broke it off; try again"),
    "22": (UnfitError, ""),
    "23": (UnfitError, ""),
    "54": (UnfitError, ""),
    "42501": (StateError, "the user of database.url lacks a right"),
    "42": (StateError, "the tables are not ours"),
}


@contextmanager
def told(place: str) -> Iterator[None]:
    """Turn a database's errors into what can be acted upon.

    Args:
        place: How the database is called in messages, without a password.

    Raises:
        UnavailableError: It cannot be had now; trying again is enough.
        StateError: Somebody must act: damage, rights, room, another schema.
        UnfitError: A row does not fit.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise UnavailableError(
            f"{place}: every connection is in use; try again"
        ) from error
    except DBAPIError as error:
        raise _explained(error.orig or error, place=place) from error
    except OverflowError as error:
        # SQLite's driver says so before SQLite sees it.
        raise UnfitError(f"{place}: {error}") from error
    except sqlite3.Error as error:
        raise _explained(error, place=place) from error
    except SQLAlchemyError as error:
        raise StateError(f"{place}: {_line(error)}") from error


def _explained(cause: BaseException, *, place: str) -> ForewarnError:
    kind, remedy = _remedy(cause)
    return kind(f"{place}: {_line(cause)}{'; ' if remedy else ''}{remedy}")


def _remedy(cause: BaseException) -> tuple[type[ForewarnError], str]:
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        return _SQLITE.get(code, (StateError, ""))
    state = getattr(cause, "sqlstate", None)
    if state is None:
        # psycopg knows no state before a connection stands: the server may be down, or
        # not let us in, or not have this database; its own words are told.
        return UnavailableError, "is the server up, and database.url right?"
    for beginning, found in _POSTGRESQL.items():
        if state.startswith(beginning):
            return found
    return StateError, ""


def _line(cause: BaseException) -> str:
    """Return the first line; what follows may quote the row that was written."""
    return str(cause).strip().partition("\n")[0]
