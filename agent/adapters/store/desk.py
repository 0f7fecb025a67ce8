"""Where an operator's requests are handed in, and their answers handed out."""

from pathlib import Path
from typing import Self

from agent.adapters.store import rows, schema
from agent.adapters.store.connection import reported, transaction
from agent.adapters.store.handle import Handle
from agent.core.request import Answer, Request
from agent.errors import StateError


class SqliteDesk(Handle):
    """A command's side of the state database, while it waits for an answer.

    The daemon sees at its next tick that somebody has written.
    """

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the desk of the file at `path`, which must be of this schema.

        Raises:
            StateError: No file, no rights, damage, or another schema.
        """
        connection = schema.opened(path)
        # An operator was told that it is asked for: wait for the disk.
        connection.execute("PRAGMA synchronous = FULL")
        return cls(connection, path=path)

    def ask(self, request: Request) -> int:
        """Hand in a request; return its number. It is on disk when this returns.

        Raises:
            StateError: Nothing was written.
        """
        row = (rows.stamp(request.at), rows.text(request))
        with (
            reported(self._path, f"asking for {request.verb}"),
            transaction(self._connection) as connection,
        ):
            number = connection.execute(
                "insert into requests (at, document) values (?, ?) returning id", row
            ).fetchone()[0]
        found: int = number
        return found

    def answer(self, number: int) -> Answer | None:
        """Return what came of a request; None: the daemon has not answered yet.

        Raises:
            StateError: It cannot be read, or no request has this number.
        """
        row = self._row("select answer from requests where id = ?", number)
        if row is None:
            raise StateError(f"{self._path}: no request {number}")
        return rows.answer_of(row[0])
