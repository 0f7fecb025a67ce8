"""The line to a server: who we are, which way, how long; errors as python-tuf's.

What can be wrong with it is said without what a URL may hold of secrets.
"""

import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx
from tuf.api.exceptions import DownloadError, SlowRetrievalError

from agent.adapters.http.proxy import client_of, is_direct
from agent.errors import ConfigError

# First match counts: what the error's text holds, what it means to an operator.
_MEANINGS: Final = (
    (
        "CERTIFICATE_VERIFY_FAILED",
        "expected a certificate that central.ca_file or the system vouches for",
    ),
    (
        "_ALERT_",
        "expected to be let in, with central.client_cert if the server wants one",
    ),
    ("Proxy Authentication", "expected a proxy that lets this host through"),
    ("", "expected an answer"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """When to stop, on the monotonic clock, and how long that was from the start."""

    ends_at_s: float
    allowed_s: float

    @classmethod
    def within(cls, allowed_s: float) -> "Deadline":
        """Return the deadline that is so far away."""
        return cls(ends_at_s=time.monotonic() + allowed_s, allowed_s=allowed_s)

    def left_s(self, url: str, *, received: int) -> float:
        """Return the seconds left; raise SlowRetrievalError if there are none."""
        left_s = self.ends_at_s - time.monotonic()
        if left_s <= 0:
            raise SlowRetrievalError(
                f"{shown(url)}: too slow, not over after {self.allowed_s:g} s, "
                f"got {received} bytes"
            )
        return left_s


class Line:
    """Asks servers, one question after another; no redirect is followed.

    Args:
        context: Whom to trust, and the client certificate.
        token: Sent with every request, as a bearer's.
        proxy: URL; None: what the environment says.
        no_proxy: What is reached without any proxy, as `proxy.is_direct` reads it.
        timeout_s: Longest silence while connecting, sending or receiving.

    Raises:
        ConfigError: Token or proxy cannot be used.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext,
        token: str | None,
        proxy: str | None,
        no_proxy: Sequence[str],
        timeout_s: float,
    ) -> None:
        self._no_proxy = no_proxy
        self._timeout_s = timeout_s
        headers = _headers(token)
        self._client = client_of(context, headers=headers, proxy=proxy)
        self._direct = client_of(context, headers=headers, is_direct=True)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._direct.close()

    def sent(
        self,
        method: str,
        url: str,
        *,
        deadline: Deadline,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> httpx.Response:
        """Return a server's answer, its body still to come; the caller closes it.

        Raises:
            SlowRetrievalError: No answer in time.
            DownloadError: No answer.
        """
        timeout_s = min(self._timeout_s, deadline.left_s(url, received=0))
        with told(url):
            client = self._client_for(httpx.URL(url).host)
            request = client.build_request(
                method, url, headers=headers, content=content, timeout=timeout_s
            )
            return client.send(request, stream=True)

    def _client_for(self, host: str) -> httpx.Client:
        return self._direct if is_direct(host, self._no_proxy) else self._client


def pieces(
    response: httpx.Response, *, url: str, deadline: Deadline
) -> Iterator[bytes]:
    """Yield the body as it comes; close the answer when it is over.

    Raises:
        SlowRetrievalError: It does not come in time.
        DownloadError: It breaks off.
    """
    received = 0
    try:
        with told(url):
            # Bare: asked for pieces of a size, it would wait and hide a drip.
            for piece in response.iter_raw():
                received += len(piece)
                yield piece
                deadline.left_s(url, received=received)
    finally:
        response.close()


def shown(url: str) -> str:
    """Return a URL without name, password and query, as it may be logged."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def status_text(response: httpx.Response) -> str:
    """Return an answer's status in figures and words."""
    phrase = httpx.codes.get_reason_phrase(response.status_code)
    return f"{response.status_code} {phrase}".strip()


@contextmanager
def told(url: str) -> Iterator[None]:
    """Raise httpx's errors as python-tuf's."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise SlowRetrievalError(
            f"{shown(url)}: too slow, no byte came in time ({type(error).__name__})"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        got = str(error) or type(error).__name__
        meaning = next(meaning for part, meaning in _MEANINGS if part in got)
        raise DownloadError(f"{shown(url)}: {meaning}, got: {got}") from error


def _headers(token: str | None) -> dict[str, str]:
    # A packed body could unpack to more than the host has room for.
    headers = {"Accept-Encoding": "identity"}
    if token is None:
        return headers
    if not token or not token.isascii() or not token.isprintable():
        # Not shown: it is a secret.
        raise ConfigError("central.token: expected one line of ASCII, got another text")
    return headers | {"Authorization": f"Bearer {token}"}
