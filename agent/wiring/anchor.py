"""What all trust of this host starts from, and whether it vouches for what is at work.

Small on purpose: the daemon waits for it when it starts.
"""

from agent.adapters.repository.chain import CachedChain
from agent.adapters.store.registry import SqliteRegistry
from agent.errors import StateError
from agent.flows.vouch import Vouching, vouch
from agent.wiring import places
from agent.wiring.courier import CourierSettings
from agent.wiring.named import read_named


def vouched(settings: CourierSettings) -> Vouching:
    """Return which releases at work are signed, by what this host keeps.

    Raises:
        StateError: The database or the trusted root cannot be read.
        ConfigError: The file of the trusted root cannot be read.
    """
    state = settings.state_dir
    chain = CachedChain(places.metadata_folder(state), root=trust_root(settings))
    with SqliteRegistry.open(places.database(state)) as registry:
        return vouch(registry, chain)


def trust_root(settings: CourierSettings) -> bytes:
    """Return the root metadata that all trust of this host starts from.

    Raises:
        ConfigError: The file that the configuration names cannot be read.
        StateError: The host's own repository has none.
    """
    if settings.central is not None:
        return read_named(settings.central.trust_root, key="central.trust_root")
    # The first one, by which the host trusts its own repository.
    path = places.first_root(settings.state_dir)
    try:
        return path.read_bytes()
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from error
