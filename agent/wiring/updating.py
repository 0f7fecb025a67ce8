"""The jobs of the courier, each with everything it needs of the world.

Imported by the courier alone: it brings in TUF, cryptography and, for a central that
speaks HTTP, httpx.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from agent import __version__
from agent.adapters import local_repository
from agent.adapters.alarm import limited
from agent.adapters.bundle import copy_bundle
from agent.adapters.clock import SystemClock
from agent.adapters.identity import host_id
from agent.adapters.journal import Journal
from agent.adapters.lock import state_lock
from agent.adapters.model_folder import ModelFolder
from agent.adapters.runtime.trial import ChildTrial
from agent.adapters.store.registry import SqliteRegistry
from agent.core.event import Event, EventName, Field
from agent.core.metrics import CATALOGUE
from agent.core.qualify import HostFacts
from agent.core.scan import ScanPolicy
from agent.errors import ConfigError
from agent.flows.result import UpdateResult
from agent.flows.update import failure_remembered, update
from agent.ports import Clock, UpdatePorts
from agent.wiring import places
from agent.wiring.courier import CourierSettings
from agent.wiring.source import provenance, repository

# A stick is slow, and two gigabytes are many.
_IMPORT_LIMIT_S: Final = 3_600.0


def prepared(settings: CourierSettings, *, clock: Clock) -> UpdateResult:
    """Make the database and, standalone, the repository; take nothing in.

    Raises:
        UnavailableError: Another courier is at work.
        StateError: The state folder cannot be used.
    """
    with _alone(settings, now=clock.now()):
        return UpdateResult()


def updated(settings: CourierSettings, *, clock: Clock) -> UpdateResult:
    """Take in what is offered.

    Raises:
        UnavailableError: Another courier is at work, or central is not to be had.
        TrustError: What came is not what was signed.
        StateError: The state folder cannot be used.
    """
    now = clock.now()
    with (
        _alone(settings, now=now) as registry,
        limited(settings.limit_s, what="the update"),
    ):
        return _update(settings, registry, now=now)


def imported(settings: CourierSettings, *, clock: Clock, source: Path) -> UpdateResult:
    """Take in what a repository offers that was carried here, as over the network.

    A host without a central keeps the copy, and looks into it at each update.

    Raises:
        UnavailableError: Another courier is at work.
        TrustError: It is no repository, or not what was signed; the copy is gone.
        StateError: The state folder cannot be used.
        ConfigError: No trusted root is configured.
    """
    if settings.central is None:
        raise ConfigError(
            "import: a standalone host trusts only itself: configure central.trust_root"
        )
    now = clock.now()
    mirror = places.mirror(settings.state_dir)
    copy = mirror.with_suffix(".new")
    with (
        _alone(settings, now=now) as registry,
        limited(_IMPORT_LIMIT_S, what="the import"),
    ):
        copy_bundle(source, to=copy)
        try:
            result = _update(settings, registry, now=now, carried=copy)
            if settings.central.url is None:
                _replace(mirror, copy)
        finally:
            shutil.rmtree(copy, ignore_errors=True)
    return result


@contextmanager
def _alone(settings: CourierSettings, *, now: datetime) -> Iterator[SqliteRegistry]:
    """Yield the registry of a state folder that no other courier is at work in."""
    state = settings.state_dir
    with (
        state_lock(state, name="courier", wait_s=settings.lock_wait_s),
        SqliteRegistry.open(places.database(state), tell=Journal().write) as registry,
        failure_remembered(registry, now=now),
    ):
        if settings.central is None:
            _prepare(settings, registry, now=now)
        yield registry


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
    settings: CourierSettings,
    registry: SqliteRegistry,
    *,
    now: datetime,
    carried: Path | None = None,
) -> UpdateResult:
    models = places.models_folder(settings.state_dir)
    policy = ScanPolicy(extra_ops=frozenset(settings.extra_operators))
    ports = UpdatePorts(
        repository=repository(settings, now=now, carried=carried),
        models=ModelFolder(models),
        trial=ChildTrial(models, policy=policy),
        registry=registry,
        provenance=provenance(settings),
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


def _replace(folder: Path, copy: Path) -> None:
    """Put a copy in the place of a folder; killed in between, the copy is brought anew.

    Nothing is lost then: what was verified is in the state folder already.
    """
    shutil.rmtree(folder, ignore_errors=True)
    copy.rename(folder)


def clock() -> SystemClock:
    """Return the host's clock."""
    return SystemClock()
