"""A host asks a central for a token, and for the root of its repository."""

import ssl
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final

import msgspec
from tuf.api.exceptions import DownloadError

from agent.adapters.http.line import Deadline, Line, pieces, shown, status_text
from agent.adapters.http.post import Desk, Reply
from agent.errors import ConfigError, UnavailableError

_PATH: Final = "/api/v1/enroll"
_ROOT: Final = "/metadata/1.root.json"
_ROOT_BYTES: Final = 512_000
_OK: Final = 200
_REFUSED: Final = range(400, 500)
_ENROLLED_ALREADY: Final = 409
# Of these a later try may do, though the request was at fault for central.
_IN_VAIN_NOW: Final = frozenset({408, 425, 429})


class UnreachableError(UnavailableError):
    """Central cannot be reached; trying again later is enough."""

    exit_status: ClassVar[int] = 69


class _Token(msgspec.Struct, frozen=True):
    token: str


class HttpEnrolment:
    """The door of the central at an http or https URL.

    Args:
        url: Of central.
        context: Whom to trust, and the client certificate.
        proxy: URL; None: what the environment says.
        no_proxy: What is reached without any proxy.

    Raises:
        ConfigError: The proxy cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        context: ssl.SSLContext,
        proxy: str | None = None,
        no_proxy: Sequence[str] = (),
    ) -> None:
        self._url = url.rstrip("/")
        self._desk = Desk(context=context, proxy=proxy, no_proxy=no_proxy)
        self._line = Line(
            context=context, token=None, proxy=proxy, no_proxy=no_proxy, timeout_s=10.0
        )

    def close(self) -> None:
        """Close the connections."""
        self._desk.close()
        self._line.close()

    def token(
        self, host_id: str, *, join_token: str, agent: str, present: str | None = None
    ) -> str:
        """Return the token by which central knows this host from now on.

        Args:
            host_id: Who this is.
            join_token: What the operator was given.
            agent: Version of this program.
            present: The token that this central gave before; None: none.

        Raises:
            ConfigError: Central refuses; says why.
            UnreachableError: Central is not to be had now.
        """
        asked = {"host_id": host_id, "join_token": join_token, "agent": agent}
        if present is not None:
            asked["token"] = present
        url = self._url + _PATH
        try:
            reply = self._desk.post(url, msgspec.json.encode(asked), headers={})
        except DownloadError as error:
            raise UnreachableError(f"{error}; try again") from error
        found = reply.parsed(_Token)
        if reply.status == _OK and found is not None and _fits(found.token):
            return found.token
        got = _without(reply, present).refusal(hidden=join_token).error
        if reply.status in _REFUSED and reply.status not in _IN_VAIN_NOW:
            is_known = reply.status == _ENROLLED_ALREADY
            whose = f" for host {host_id} alone" if is_known else ""
            raise ConfigError(
                f"{shown(url)}: expected to be enrolled, got {got}; ask whoever "
                f"operates central for a join token{whose}"
            )
        raise UnreachableError(f"{shown(url)}: expected a token, got {got}; try again")

    def first_root(self) -> bytes:
        """Return the root metadata that the repository began with, unverified.

        Raises:
            UnreachableError: It is not to be had now.
        """
        url = self._url + _ROOT
        deadline, root = Deadline.within(60.0), bytearray()
        try:
            answer = self._line.sent("GET", url, deadline=deadline, headers={})
            for piece in pieces(answer, url=url, deadline=deadline):
                root += piece
                if len(root) > _ROOT_BYTES:
                    break
        except DownloadError as error:
            raise UnreachableError(f"{error}; try again") from error
        is_whole = answer.status_code == _OK and len(root) <= _ROOT_BYTES
        if not is_whole:
            raise UnreachableError(
                f"{shown(url)}: expected a root of at most {_ROOT_BYTES} bytes, got "
                f"{status_text(answer)}; bring it by --root"
            )
        return bytes(root)


def _without(reply: Reply, secret: str | None) -> Reply:
    """Return an answer without a secret, should the server repeat it."""
    if not secret or reply.body is None:
        return reply
    return replace(reply, body=reply.body.replace(secret.encode(), b"..."))


def _fits(token: str) -> bool:
    """Return whether a header can hold it."""
    return bool(token) and token.isascii() and token.isprintable()
