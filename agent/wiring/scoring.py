"""What the daemon works with, and what it needs of the host before it can start."""

import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Event as Flag

from agent.adapters.chance import drawn
from agent.adapters.clock import SystemClock
from agent.adapters.evidence import EvidenceFiles
from agent.adapters.host.filters import Filters
from agent.adapters.host.host import LocalHost
from agent.adapters.journal import Journal
from agent.adapters.lock import state_lock
from agent.adapters.process import OwnProcess
from agent.adapters.runtime import Guard, OnnxModels
from agent.adapters.runtime.mark import Mark, left_at
from agent.adapters.runtime.model import load_engine
from agent.adapters.runtime.watch import Watch
from agent.adapters.store import schema
from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.voucher import CourierVoucher
from agent.config import Collect, Config, Tasks
from agent.core.event import Event, EventName
from agent.core.qualify import is_allowed
from agent.core.sample import Sample
from agent.errors import ConfigError, NotEnrolledError, StateError
from agent.flows.recover import recover
from agent.flows.tick import Ticker
from agent.wiring.places import (
    database,
    evidence_folder,
    mark,
    mirror,
    models_folder,
)
from agent.wiring.policy import guard_policy

_FIRST_UPDATE_LIMIT_S = 120.0
# Whoever asks which process is the daemon holds the lock for an instant, too.
_LOCK_WAIT_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """The daemon's working parts; used and closed by one thread.

    Attributes:
        close: Lets go of files, threads and children; commits nothing.
    """

    ticker: Ticker
    ledger: SqliteLedger
    close: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hurried:
    """Imports what runs models while the child vouches for them: 0.1 s sooner there."""

    voucher: CourierVoucher

    def doubts(self, digests: Collection[str]) -> Mapping[str, str]:
        """Return why a release must not run, for each that is not vouched for."""
        self.voucher.begin()
        load_engine()
        return self.voucher.doubts(digests)


def scoring(
    config: Config, *, voucher: CourierVoucher, watch: Callable[[], Watch] = Watch
) -> Scoring:
    """Build the daemon's parts for this host, in the thread that will use them.

    Args:
        config: What the site wants.
        voucher: Vouches for the releases at work; is asked already.
        watch: Makes what limits the models' runs.

    Raises:
        StateError: The state folder cannot be used.
    """
    state = config.agent.state_dir
    with ExitStack() as opened:
        opened.enter_context(closing(voucher))
        voucher.begin()
        ledger = opened.enter_context(SqliteLedger.open(database(state)))
        guard = Guard(mark=Mark(mark(state)), watch=watch())
        opened.enter_context(closing(guard))
        host = opened.enter_context(closing(LocalHost(filters=filters(config.collect))))
        ticker = Ticker(
            host=host,
            ledger=ledger,
            models=OnnxModels(models_folder(state), guard=guard),
            voucher=_Hurried(voucher=voucher),
            interval_s=config.agent.interval,
            commit_every_s=config.store.commit_every,
            is_allowed=lambda task: allows(config.tasks, task),
            policy=guard_policy(config.guard),
            evidence=EvidenceFiles(evidence_folder(state)),
        )
        return Scoring(ticker=ticker, ledger=ledger, close=opened.pop_all().close)


def recovered(config: Config, *, now: datetime) -> Sequence[Event]:
    """Act on what the last daemon died of, if that was a release; tell what came of it.

    Whatever goes wrong here keeps no daemon from its work.
    """
    state = config.agent.state_dir
    digest = left_at(mark(state))
    if digest is None:
        return ()
    # Only here: a start after a good end does without.
    from agent.adapters.store.registry import SqliteRegistry  # noqa: PLC0415

    try:
        # First: to count a death twice would do harm, to lose one does not.
        Mark(mark(state)).close()
        with SqliteRegistry.open(database(state)) as registry:
            return recover(registry, digest=digest, now=now)
    except Exception as error:  # noqa: BLE001 - told; the daemon starts all the same
        fields = {"reason": f"after the crash of {digest[:12]}: {error}"}
        return (Event(at=now, name=EventName.COMMIT_FAILED, fields=fields),)


def get_ready(config: Config, *, courier: Sequence[str], is_standalone: bool) -> bool:
    """Make the state folder fit for a daemon, by one run of the courier if it is not.

    Migrating and taking in the first releases need libraries that the daemon does
    without; a folder that is ready costs nothing here, and needs no central.

    Returns:
        Whether that was necessary.

    Raises:
        NotEnrolledError: There is nothing to take the first releases from.
        StateError: The folder cannot be used.
        ConfigError: What the configuration names for the courier cannot be used.
    """
    path = database(config.agent.state_dir)
    if _is_ready(config):
        return False
    if not has_source(config, is_standalone=is_standalone):
        raise NotEnrolledError(
            "no central.url is configured and nothing was imported: name a central in "
            "the configuration, bring a repository by `forewarn import`, or run "
            "`forewarn run --standalone`, which needs neither"
        )
    status = _first_status(courier)
    if status == ConfigError.exit_status:
        raise ConfigError(
            "no release can be taken in with this configuration; the courier's own "
            "words are above"
        )
    if not schema.is_current(path):
        raise StateError(
            f"{path}: could not be made ready, the courier ended with status "
            f"{status}; its own words are above"
        )
    return True


def _first_status(courier: Sequence[str]) -> int | None:
    """Return what the courier ended with; None: it took too long, which is no end."""
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            courier,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            timeout=_FIRST_UPDATE_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode


def _is_ready(config: Config) -> bool:
    path = database(config.agent.state_dir)
    if not schema.is_current(path):
        return False
    with SqliteLedger.open(path) as ledger:
        return bool(ledger.lineups())


def has_source(config: Config, *, is_standalone: bool) -> bool:
    """Return whether there is anything that a courier could look for releases in."""
    has_central = config.central.url is not None
    return is_standalone or has_central or mirror(config.agent.state_dir).is_dir()


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
        Flag().wait(between_s)
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


def chance() -> Callable[[], float]:
    """Return what draws a number above 0 and up to 1, each as likely."""
    return drawn


def journal() -> Journal:
    """Return the journal, on stderr."""
    return Journal()


def own_process() -> OwnProcess:
    """Return what tells this process's own cost."""
    return OwnProcess()
