"""What the courier works with: the repository, the trial, the registry; built per job.

Imported by the courier alone: it brings in TUF, cryptography and, for a central that
speaks HTTP, httpx.
"""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from tuf.ngclient.fetcher import FetcherInterface

from agent import __version__
from agent.adapters import local_repository
from agent.adapters.clock import SystemClock
from agent.adapters.identity import host_id
from agent.adapters.lock import state_lock
from agent.adapters.model_folder import ModelFolder
from agent.adapters.repository import FolderFetcher, TufRepository
from agent.adapters.runtime.trial import ChildTrial
from agent.adapters.store.registry import SqliteRegistry
from agent.config import Central, SecretReference, SecretSource
from agent.core.event import Event, EventName, Field
from agent.core.metrics import CATALOGUE
from agent.core.qualify import HostFacts
from agent.errors import ConfigError, ForewarnError
from agent.flows.update import UpdatePorts, UpdateResult, update
from agent.ports import Clock
from agent.wiring import places
from agent.wiring.courier import CourierSettings

_PREPARED: Final = UpdateResult(checked=(), admitted=(), refused=())


def run_job(job: str, settings: CourierSettings, *, clock: Clock) -> UpdateResult:
    """Do one job of the courier, alone in the state folder.

    Args:
        job: `prepare` makes database and, standalone, the repository; `update` does
            that, too, and takes in what is offered.
        settings: What to work with.
        clock: Tells the time.

    Raises:
        UnavailableError: Another courier is at work, or central is not to be had.
        TrustError: What came is not what was signed.
        StateError: The state folder cannot be used.
    """
    state = settings.state_dir
    with (
        state_lock(state, name="courier", wait_s=settings.lock_wait_s),
        SqliteRegistry.open(places.database(state)) as registry,
    ):
        now = clock.now()
        with _failure_recorded(registry, now=now):
            return _done(job, settings, registry, now=now)


def _done(
    job: str, settings: CourierSettings, registry: SqliteRegistry, *, now: datetime
) -> UpdateResult:
    if settings.central is None:
        _prepare(settings, registry, now=now)
    if job == "prepare":
        return _PREPARED
    return _update(settings, registry, now=now)


def _prepare(
    settings: CourierSettings, registry: SqliteRegistry, *, now: datetime
) -> None:
    folder = places.local_repository(settings.state_dir)
    done = local_repository.prepare(folder, settings.starters, now=now)
    if not done.offered and not done.is_new:
        return
    fields: dict[str, Field] = {
        "is_new": done.is_new,
        "tasks": " ".join(done.offered),
    }
    registry.record(Event(at=now, name=EventName.REPOSITORY_PREPARED, fields=fields))


def _update(
    settings: CourierSettings, registry: SqliteRegistry, *, now: datetime
) -> UpdateResult:
    models = places.models_folder(settings.state_dir)
    ports = UpdatePorts(
        repository=_repository(settings),
        models=ModelFolder(models),
        trial=ChildTrial(models),
        registry=registry,
    )
    host = HostFacts(
        agent=__version__,
        metrics=frozenset(metric.name for metric in CATALOGUE),
        host_id=host_id(),
        allow=settings.tasks.allow,
        deny=settings.tasks.deny,
        interval_s=settings.interval_s,
    )
    return update(ports, host=host, now=now)


def _repository(settings: CourierSettings) -> TufRepository:
    cache = places.metadata_folder(settings.state_dir)
    central = settings.central
    if central is None or central.url is None:
        folder = places.local_repository(settings.state_dir)
        source, root = str(folder), local_repository.root_of(folder)
    else:
        source, root = central.url, _trust_root(central.trust_root)
    fetcher = _fetcher(source, central)
    return TufRepository(source, cache=cache, root=root, fetcher=fetcher)


def _fetcher(source: str, central: Central | None) -> FetcherInterface:
    if central is None or not source.startswith(("https://", "http://")):
        return FolderFetcher()
    # 40 ms and 15 MB that a local repository does without.
    from agent.adapters.http import HttpFetcher  # noqa: PLC0415

    return HttpFetcher(
        context=_tls(central), token=_secret(central.token), proxy=central.proxy
    )


def _tls(central: Central) -> ssl.SSLContext:
    """Return whom to trust and how to show who we are.

    Raises:
        ConfigError: A file of certificates or keys cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=central.ca_file)
        if central.client_cert is not None:
            context.load_cert_chain(central.client_cert, central.client_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"central: ca_file, client_cert or client_key: {error}"
        ) from error
    return context


def _secret(reference: SecretReference | None) -> str | None:
    """Return a secret from where it is kept.

    Raises:
        ConfigError: It is not there; says where it was looked for.
    """
    if reference is None:
        return None
    if reference.source is SecretSource.ENV:
        found = os.environ.get(reference.name)
        if found is None:
            raise ConfigError(f"central.token: no variable {reference.name} is set")
        return found.strip()
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "/run/credentials")
    is_file = reference.source is SecretSource.FILE
    path = Path(reference.name) if is_file else Path(folder, reference.name)
    return _read(path, "central.token").decode(errors="replace").strip()


def _trust_root(path: Path) -> bytes:
    return _read(path, "central.trust_root")


def _read(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{key}: {path}: {error.strerror}") from error


@contextmanager
def _failure_recorded(registry: SqliteRegistry, *, now: datetime) -> Iterator[None]:
    """Leave a note in the journal that is kept, and go on raising."""
    try:
        yield
    except ForewarnError as error:
        fields: dict[str, Field] = {"reason": str(error)}
        registry.record(Event(at=now, name=EventName.UPDATE_FAILED, fields=fields))
        raise


def clock() -> SystemClock:
    """Return the host's clock."""
    return SystemClock()
