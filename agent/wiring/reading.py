"""What the commands read: recorded hosts, and the ledger of a state folder."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from agent.adapters.lock import holder
from agent.adapters.process import OwnProcess
from agent.adapters.store import schema
from agent.adapters.store.archive import Archive, only_reading
from agent.adapters.store.spool import SqliteSpool
from agent.adapters.trace import Trace, read_trace
from agent.errors import UnavailableError
from agent.ports import OwnCost
from agent.wiring.places import database

__all__ = ["Archive", "Trace", "archive_at", "read_trace", "spool_at"]


@contextmanager
def archive_at(state_dir: Path) -> Iterator[Archive]:
    """Yield the ledger of a state folder, to be read only.

    Raises:
        StateError: There is none, or it cannot be read.
    """
    with closing(Archive.open(database(state_dir))) as archive:
        yield archive


@contextmanager
def spool_at(state_dir: Path) -> Iterator[SqliteSpool]:
    """Yield the spool of a state folder, to be read only.

    Raises:
        StateError: There is none, or it cannot be read.
    """
    path = database(state_dir)
    connection = schema.opened(path, query=only_reading(path))
    with closing(SqliteSpool(connection, path=path)) as spool:
        yield spool


def daemon_cost(state_dir: Path) -> OwnCost | None:
    """Return what the daemon of a state folder has cost; None if none is at work."""
    pid = holder(state_dir, name="daemon")
    if pid is None:
        return None
    try:
        return OwnProcess(pid).cost()
    except UnavailableError:
        return None
