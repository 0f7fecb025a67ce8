"""Where releases come from: central, what was carried here, or this host's own."""

import os
import ssl
from datetime import datetime
from pathlib import Path

from tuf.ngclient.fetcher import FetcherInterface

from agent.adapters.provenance import OmsProvenance
from agent.adapters.repository.folder import FolderFetcher
from agent.adapters.repository.repository import TufRepository
from agent.config import Central, SecretReference, SecretSource
from agent.errors import ConfigError
from agent.wiring import places
from agent.wiring.anchor import read_named, trust_root
from agent.wiring.courier import CourierSettings


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
    from agent.adapters.http import HttpFetcher, Staging  # noqa: PLC0415

    return HttpFetcher(
        context=_tls(central, source=source),
        token=_secret(central.token),
        proxy=central.proxy,
        no_proxy=central.no_proxy,
        staging=Staging(places.staging(settings.state_dir), now=now),
    )


def _tls(central: Central, *, source: str) -> ssl.SSLContext:
    """Return whom to trust and how to show who we are.

    Raises:
        ConfigError: A file of certificates or keys cannot be used.
    """
    if central.ca_file is None and source.startswith("http://"):
        # The system's store is 20 ms and 3 MB.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context = ssl.create_default_context(cafile=central.ca_file)
        if central.client_cert is not None:
            # A key with a passphrase must be an error, not a question.
            context.load_cert_chain(
                central.client_cert, central.client_key, password=str
            )
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
    return read_named(path, key="central.token").decode(errors="replace").strip()
