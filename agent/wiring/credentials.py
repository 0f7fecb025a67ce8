"""How this host shows itself to a central, and by what it knows one."""

import os
import ssl
from pathlib import Path

from agent.config import Central, SecretReference, SecretSource
from agent.errors import ConfigError
from agent.wiring.named import read_named


def tls(central: Central, *, url: str) -> ssl.SSLContext:
    """Return whom to trust and how to show who we are.

    Raises:
        ConfigError: A file of certificates or keys cannot be used.
    """
    if central.ca_file is None and url.startswith("http://"):
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


def secret(reference: SecretReference | None) -> str | None:
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
