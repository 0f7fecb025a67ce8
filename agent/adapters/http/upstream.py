"""Central's end of the line, over HTTP: what its answers mean for a report."""

import ssl
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from tuf.api.exceptions import DownloadError

from agent.adapters.http.line import shown
from agent.adapters.http.post import Desk, Reply
from agent.errors import ConfigError
from agent.ports.reporting import Later, Parcel, Refused, Taken

_PATH: Final = "/api/v1/reports"
_TAKEN: Final = 200
_NUMBER_TAKEN: Final = 409
# Of these nothing but another report would help.
_FOR_GOOD: Final = frozenset({400, 413, 422})
# What a person must do about them.
_NOT_LET_IN: Final = {
    401: "expected a central.token or client certificate of this host; enrol it by "
    "`forewarn enroll`",
    403: "expected a host that is not revoked, with a token of its own; ask whoever "
    "operates central, and enrol it anew by `forewarn enroll`",
}


class _Received(msgspec.Struct, frozen=True):
    received_through: int


class HttpUpstream:
    """Sends reports to the central at an http or https URL.

    Args:
        url: Of central; `/api/v1/reports` is below it.
        context: Whom to trust, and the client certificate.
        token: Sent with every report, as a bearer's.
        proxy: URL; None: what the environment says.
        no_proxy: What is reached without any proxy.
        now: The present, for an answer that tells no time of its own.
        timeout_s: Longest silence while connecting, sending or receiving.
        deadline_s: Longest time for one report.

    Raises:
        ConfigError: Token or proxy cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        context: ssl.SSLContext,
        now: datetime,
        token: str | None = None,
        proxy: str | None = None,
        no_proxy: Sequence[str] = (),
        timeout_s: float = 10.0,
        deadline_s: float = 60.0,
    ) -> None:
        self._url = url.rstrip("/") + _PATH
        self._token = token
        self._now = now
        self._desk = Desk(
            context=context,
            token=token,
            proxy=proxy,
            no_proxy=no_proxy,
            timeout_s=timeout_s,
            deadline_s=deadline_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._desk.close()

    def send(self, parcel: Parcel) -> Taken | Refused | Later:
        """Send one report; never raises for what the network does.

        Raises:
            ConfigError: Central does not let this host in.
        """
        packing = {"Content-Encoding": "gzip"}
        try:
            reply = self._desk.post(self._url, parcel.body, headers=packing)
        except DownloadError as error:
            return Later(reason=str(error))
        return self._meaning(reply)

    def _meaning(self, reply: Reply) -> Taken | Refused | Later:
        if reply.status == _TAKEN:
            return self._taken(reply)
        refusal = reply.refusal(hidden=self._token)
        if reply.status in _NOT_LET_IN:
            expected = _NOT_LET_IN[reply.status]
            raise ConfigError(f"{shown(self._url)}: {expected}; got {refusal.error}")
        if reply.status in _FOR_GOOD:
            return Refused(status=reply.status, reason=refusal.error)
        if reply.status == _NUMBER_TAKEN:
            return Refused(
                status=reply.status,
                reason=refusal.error,
                received_through=refusal.received_through,
            )
        return Later(
            reason=f"{shown(self._url)}: expected status 200, got {refusal.error}",
            after_s=reply.retry_after_s(now=self._now),
        )

    def _taken(self, reply: Reply) -> Taken | Later:
        received = reply.parsed(_Received)
        if received is not None:
            return Taken(received_through=received.received_through)
        return Later(
            reason=f"{shown(self._url)}: expected a number, received_through, of "
            "central, got something else; is there a login page in between?"
        )
