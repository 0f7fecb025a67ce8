"""Central on the web: reports in, the signed repository out; ASGI by Starlette."""

from central.adapters.web.app import app_of
from central.adapters.web.body import Limits
from central.adapters.web.peer import PeerProtocol
from central.adapters.web.tally import Tally

__all__ = ["Limits", "PeerProtocol", "Tally", "app_of"]
