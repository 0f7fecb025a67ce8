"""The signed repository of central, or of this host itself, by The Update Framework.

`client` speaks TUF and nothing else, `repository` is what an update needs of it,
`chain` reads what this host keeps of it, offline. Each is imported when it is asked
for: the conformance command wants the client without numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agent.adapters.repository.chain import CachedChain
    from agent.adapters.repository.folder import FolderFetcher
    from agent.adapters.repository.repository import TufRepository
    from agent.adapters.repository.told import UnreachableError

__all__ = ["CachedChain", "FolderFetcher", "TufRepository", "UnreachableError"]

_HOMES: Final = {
    "FolderFetcher": "folder",
    "CachedChain": "chain",
    "TufRepository": "repository",
    "UnreachableError": "told",
}


def __getattr__(name: str) -> object:
    """Import what is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
