"""Where releases come from: central, what was carried here, or this host's own."""

from datetime import datetime
from pathlib import Path

from tuf.ngclient.fetcher import FetcherInterface

from agent.adapters.provenance import OmsProvenance
from agent.adapters.repository.folder import FolderFetcher
from agent.adapters.repository.repository import TufRepository
from agent.wiring import places
from agent.wiring.anchor import trust_root
from agent.wiring.courier import CourierSettings
from agent.wiring.credentials import secret, tls
from agent.wiring.named import read_named


def repository(
    settings: CourierSettings, *, now: datetime, carried: Path | None = None
) -> TufRepository:
    """Return the repository that this host takes its releases from.

    Args:
        settings: What the configuration says.
        now: The present.
        carried: A private copy of a repository that is to be used instead.

    Raises:
        ConfigError: A file that the configuration names cannot be used.
    """
    source = str(carried) if carried is not None else _source(settings)
    return TufRepository(
        source,
        cache=places.metadata_folder(settings.state_dir),
        root=trust_root(settings),
        fetcher=_fetcher(source, settings, now=now),
        documents=places.documents(settings.state_dir),
    )


def provenance(settings: CourierSettings) -> OmsProvenance | None:
    """Return what the site demands of each model beside the repository's signatures.

    Raises:
        ConfigError: Its key cannot be read or used.
    """
    if settings.provenance_key is None:
        return None
    return OmsProvenance(
        read_named(settings.provenance_key, key="trust.provenance_key")
    )


def _source(settings: CourierSettings) -> str:
    central = settings.central
    if central is None:
        return str(places.local_repository(settings.state_dir))
    if central.url is None:
        return str(places.mirror(settings.state_dir))
    return central.url


def _fetcher(
    source: str, settings: CourierSettings, *, now: datetime
) -> FetcherInterface:
    central = settings.central
    if central is None or not source.startswith(("https://", "http://")):
        return FolderFetcher(spool=settings.state_dir)
    # 40 ms and 15 MB that a local repository does without.
    from agent.adapters.http.fetcher import HttpFetcher  # noqa: PLC0415
    from agent.adapters.http.staging import Staging  # noqa: PLC0415

    return HttpFetcher(
        context=tls(central, url=source),
        token=secret(central.token),
        proxy=central.proxy,
        no_proxy=central.no_proxy,
        staging=Staging(places.staging(settings.state_dir), now=now),
    )
