"""What the autopilot remembers of each task, in the fleet's database."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select, text

from agent.errors import StateError, UnavailableError
from central.adapters.database import upserts
from central.adapters.database.opening import Database
from central.adapters.database.tables import plans
from central.adapters.database.trouble import told

# Anything that nobody else locks; see `schema`.
_PLANNING: Final = 7_368_741_003
Check = Callable[[], object]
_BUSY: Final = "another autopilot is at work; try again"


class SqlPlans:
    """Plans, and the right to change them, which one process has at a time.

    A transaction may last as long as publishing a release does. So it is no
    transaction of the database, in which every report would wait: it holds a lock of
    its own, keeps what it is told in memory, and writes that at its end.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed: dict[str, bytes] | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Yield; what is set meanwhile is written at the end, all of it or nothing.

        Raises:
            UnavailableError: Another one is at work, or the database is not to be had.
            StateError: It is damaged, full or closed to this user; nothing is written.
        """
        with told(self._database.place), _held(self._database.engine) as check:
            self._changed = {}
            try:
                yield
                check()
                self._write(self._changed)
            finally:
                self._changed = None

    def plan(self, task: str) -> bytes | None:
        """Return what is remembered of a task; None: nothing yet."""
        if self._changed is not None and task in self._changed:
            return self._changed[task]
        query = select(plans.c.document).where(plans.c.task == task)
        with self._database.reading() as connection:
            found: bytes | None = connection.execute(query).scalar()
        return found

    def set_plan(self, task: str, document: bytes) -> None:
        """Remember it; at once, unless within a transaction."""
        if self._changed is None:
            self._write({task: document})
        else:
            self._changed[task] = document

    def _write(self, changed: dict[str, bytes]) -> None:
        if not changed:
            return
        rows = [{"task": task, "document": each} for task, each in changed.items()]
        with self._database.writing() as connection:
            connection.execute(
                upserts.replacing(connection.dialect.name, plans, "task"), rows
            )


def _held(engine: Engine) -> AbstractContextManager[Check]:
    """Return a lock that ends with this process, however that ends.

    What it yields raises if the lock was lost meanwhile.
    """
    if engine.dialect.name == "postgresql":
        return _advisory(engine)
    return _file(Path(f"{engine.url.database}-autopilot"))


@contextmanager
def _advisory(engine: Engine) -> Iterator[Check]:
    """Hold a lock of this session, on a connection that is in no transaction."""
    key = {"key": _PLANNING}
    with engine.connect() as connection:
        free = connection.execution_options(isolation_level="AUTOCOMMIT")
        if not free.execute(text("select pg_try_advisory_lock(:key)"), key).scalar():
            raise UnavailableError(_BUSY)
        try:
            # A session that answers is the one that got the lock.
            yield lambda: free.execute(text("select 1"))
        finally:
            if not free.invalidated:
                free.execute(text("select pg_advisory_unlock(:key)"), key)


@contextmanager
def _file(path: Path) -> Iterator[Check]:
    try:
        number = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from error
    try:
        _lock(number)
        yield lambda: None
    finally:
        os.close(number)


def _lock(number: int) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UnavailableError(_BUSY) from error
