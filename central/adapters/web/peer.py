"""Connections: whom a client certificate names, and how long a request may begin."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

# Where in the scope of a request the name of its certificate is.
PEER: Final = "forewarn.peer"
_HOST_URI: Final = "urn:forewarn:host:"


class PeerProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn, which by itself tells nobody of a client's certificate.

    Attributes:
        head_deadline_s: A request's head must be there by then, or the connection is
            closed; one that drips would else hold it for ever.
    """

    head_deadline_s: ClassVar[float] = 30.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; from here on the application is told who is at the other end."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        peer = None if tls is None else name_of(tls)
        self.app = _telling(self.app, peer=peer)
        self._expect_request()

    def on_response_complete(self) -> None:
        """Go on with the next request."""
        super().on_response_complete()
        self._expect_request()

    def _expect_request(self) -> None:
        self.loop.call_later(self.head_deadline_s, self._close_unless_begun, self.cycle)

    def _close_unless_begun(self, before: object) -> None:
        if self.cycle is before and not self.transport.is_closing():
            self.transport.close()


def name_of(tls: ssl.SSLObject | ssl.SSLSocket) -> str | None:
    """Return whom the verified certificate at the other end names; None: there is none.

    An address `urn:forewarn:host:ID` among its alternative names counts before the
    subject's common name.
    """
    certificate: Mapping[str, Any] = tls.getpeercert() or {}
    addresses = [
        value.removeprefix(_HOST_URI)
        for kind, value in certificate.get("subjectAltName", ())
        if kind == "URI" and value.startswith(_HOST_URI)
    ]
    names = [
        value
        for part in certificate.get("subject", ())
        for key, value in part
        if key == "commonName"
    ]
    return next(iter([*addresses, *names]), None)


def _telling(app: ASGIApp, *, peer: str | None) -> ASGIApp:
    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, PEER: peer}, receive, send)

    return told
