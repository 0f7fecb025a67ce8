"""What a recording works with: this host or its ledger, and the file."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from agent.adapters.clock import SystemClock
from agent.adapters.ending import until_told
from agent.adapters.host.host import LocalHost
from agent.adapters.store import schema
from agent.adapters.store.archive import only_reading
from agent.adapters.store.kept import kept_samples
from agent.adapters.trace import Recording, recording
from agent.config import Config
from agent.core.sample import Sample
from agent.wiring.places import database
from agent.wiring.scoring import filters

__all__ = ["Recording", "clock", "kept_at", "live_host", "recording", "until_told"]


@contextmanager
def live_host(config: Config) -> Iterator[LocalHost]:
    """Yield this host, with what the site wants measured."""
    with closing(LocalHost(filters=filters(config.collect))) as host:
        yield host


@contextmanager
def kept_at(state_dir: Path, *, since: datetime | None) -> Iterator[Iterator[Sample]]:
    """Yield the samples that the daemon of a state folder has kept, oldest first.

    Raises:
        StateError: There is no ledger, or it cannot be read.
    """
    path = database(state_dir)
    with closing(schema.opened(path, query=only_reading(path))) as connection:
        yield kept_samples(connection, path=path, since=since)


def clock() -> SystemClock:
    """Return the host's clock."""
    return SystemClock()
