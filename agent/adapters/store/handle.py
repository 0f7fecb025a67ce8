"""A process's own handle on the state database: how it reads, writes and lets go."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from agent.adapters.store import rows, schema, statements
from agent.adapters.store.connection import connect, reported, transaction
from agent.core.event import Event

_Found = TypeVar("_Found")


class Handle:
    """A connection that is let go at the end, whose errors say who must act."""

    def __init__(self, connection: sqlite3.Connection, *, path: Path) -> None:
        self._connection = connection
        self._path = path

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, read: Callable[[sqlite3.Connection], _Found]) -> _Found:
        with reported(self._path, "reading"):
            return read(self._connection)

    def _rows(self, query: str, *values: object) -> list[Any]:
        with reported(self._path, "reading"):
            return self._connection.execute(query, values).fetchall()

    def _row(self, query: str, *values: object) -> Any:  # noqa: ANN401 - of any columns
        return next(iter(self._rows(query, *values)), None)


def to_nobody(event: Event) -> None:
    """Leave an event to those who read the database."""


class WritingHandle(Handle):
    """What a short-lived process changes; the daemon sees it at its next tick.

    A write outside `transaction` is a transaction of its own.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        path: Path,
        tell: Callable[[Event], None] = to_nobody,
    ) -> None:
        super().__init__(connection, path=path)
        self._tell = tell

    @classmethod
    def open(cls, path: Path, *, tell: Callable[[Event], None] = to_nobody) -> Self:
        """Return a handle on the file at `path`, made or migrated where needed.

        Args:
            path: The database.
            tell: Takes every event that is recorded, for the journal.

        Raises:
            StateError: The file is damaged, closed to this user, or of a newer schema.
        """
        if not schema.is_current(path):
            schema.migrate(path)
        with reported(path, "opening"):
            connection = connect(path)
            connection.execute("PRAGMA foreign_keys = ON")
            # Rare and small, and nobody will do it again: wait for the disk.
            connection.execute("PRAGMA synchronous = FULL")
            return cls(connection, path=path, tell=tell)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Return a context whose writes all happen, or none.

        Raises:
            StateError: Nothing was written.
        """
        with reported(self._path, "writing"), transaction(self._connection):
            yield

    def record(self, event: Event) -> None:
        """Add an event to the journal that is kept."""
        self._write(f"recording {event.name}", statements.EVENT, *rows.event_row(event))
        self._tell(event)

    def _write(self, doing: str, statement: str, *values: object) -> int:
        """Write, and return how many rows that changed."""
        with reported(self._path, doing):
            return self._connection.execute(statement, values).rowcount
