"""What the daemon works with, and what it needs of the host before it can start."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

from agent.adapters.clock import SystemClock
from agent.adapters.host.filters import Filters
from agent.adapters.host.host import LocalHost
from agent.adapters.journal import Journal
from agent.adapters.lock import state_lock
from agent.adapters.process import OwnProcess
from agent.adapters.runtime import OnnxModels
from agent.adapters.store import schema
from agent.adapters.store.ledger import SqliteLedger
from agent.config import Collect, Config, Tasks
from agent.core.qualify import is_allowed
from agent.core.sample import Sample
from agent.errors import NotEnrolledError, StateError
from agent.flows.tick import Ticker
from agent.wiring.places import database, models_folder

_FIRST_UPDATE_LIMIT_S = 120.0
# Whoever asks which process is the daemon holds the lock for an instant, too.
_LOCK_WAIT_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """The daemon's working parts; used and closed by one thread."""

    ticker: Ticker
    ledger: SqliteLedger
    host: LocalHost

    def close(self) -> None:
        """Let go of the database and the files of /proc; commits nothing."""
        self.ledger.close()
        self.host.close()


def scoring(config: Config) -> Scoring:
    """Build the daemon's parts for this host, in the thread that will use them.

    Raises:
        StateError: The state folder cannot be used.
    """
    state = config.agent.state_dir
    ledger = SqliteLedger.open(database(state))
    host = LocalHost(filters=filters(config.collect))
    ticker = Ticker(
        host=host,
        ledger=ledger,
        models=OnnxModels(models_folder(state)),
        interval_s=config.agent.interval,
        commit_every_s=config.store.commit_every,
        is_allowed=lambda task: allows(config.tasks, task),
    )
    return Scoring(ticker=ticker, ledger=ledger, host=host)


def get_ready(config: Config, *, courier: Sequence[str], is_standalone: bool) -> None:
    """Make the state folder fit for a daemon, by one run of the courier if it is not.

    Migrating and taking in the first releases need libraries that the daemon does
    without; a folder that is ready costs nothing here.

    Raises:
        NotEnrolledError: There is no central to take releases from.
        StateError: The folder cannot be used.
    """
    if config.central.url is None and not is_standalone:
        raise NotEnrolledError(
            "no central.url is configured: name one in the configuration, or run "
            "`forewarn run --standalone`, which needs none"
        )
    path = database(config.agent.state_dir)
    if _is_ready(config):
        return
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            courier,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            timeout=_FIRST_UPDATE_LIMIT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise StateError(f"{path}: getting ready took too long: {error}") from error
    if not schema.is_current(path):
        raise StateError(
            f"{path}: could not be made ready, the courier ended with status "
            f"{done.returncode}; its own words are above"
        )


def _is_ready(config: Config) -> bool:
    path = database(config.agent.state_dir)
    if not schema.is_current(path):
        return False
    with SqliteLedger.open(path) as ledger:
        return bool(ledger.lineups())


@contextmanager
def only_daemon(config: Config) -> Iterator[None]:
    """Hold the state folder against a second daemon.

    Raises:
        UnavailableError: Another one is at work; names its process.
        StateError: The folder cannot be used.
    """
    with state_lock(config.agent.state_dir, name="daemon", wait_s=_LOCK_WAIT_S):
        yield


def measured(config: Config, *, between_s: float) -> tuple[Sample, Mapping[str, str]]:
    """Return a reading of this host with rates, and which collectors it lacks, why."""
    now = SystemClock().now
    host = LocalHost(filters=filters(config.collect))
    try:
        host.sample(now())
        Event().wait(between_s)
        return host.sample(now()), host.absent
    finally:
        host.close()


def filters(collect: Collect) -> Filters:
    """Return what is left out of the samples: the site's choices over the defaults."""
    names = (field for field in collect.__struct_fields__)
    chosen = {name: getattr(collect, name) for name in names}
    return Filters(**{key: value for key, value in chosen.items() if value is not None})


def allows(tasks: Tasks, name: str) -> bool:
    """Return whether the site's policy lets a task run."""
    return is_allowed(name, allow=tasks.allow, deny=tasks.deny)


def clock() -> SystemClock:
    """Return the host's clock."""
    return SystemClock()


def journal() -> Journal:
    """Return the journal, on stderr."""
    return Journal()


def own_process() -> OwnProcess:
    """Return what tells this process's own cost."""
    return OwnProcess()
