"""One question to a web server and its answer, bounded in time, errors as python-tuf's.

Only a plain answer counts: no redirect, no encoded body, no status but the one that was
asked for. What can be wrong with it is said without what a URL may hold of secrets.
"""

import re
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx
from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError

from agent.adapters.http.proxy import client_of, is_direct
from agent.errors import ConfigError

_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(?:\d{1,18}|\*)")
_SHOWN_LENGTH: Final = 80

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


class RangeRefusedError(DownloadError):
    """The server has no rest to give; the whole may still be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deadline:
    """When to stop, on the monotonic clock, and how long that was from the start."""

    ends_at_s: float
    allowed_s: float

    def left_s(self, url: str, *, received: int) -> float:
        """Return the seconds left; raise SlowRetrievalError if there are none."""
        left_s = self.ends_at_s - time.monotonic()
        if left_s <= 0:
            raise SlowRetrievalError(
                f"{shown(url)}: too slow, not over after {self.allowed_s:g} s, "
                f"got {received} bytes"
            )
        return left_s


class Answer:
    """The body that a server has begun to send.

    Attributes:
        begins_at: Which byte of the file comes first; 0, or what was asked for.
        length: How many bytes the server says will come; 0: it does not say.
    """

    def __init__(
        self, response: httpx.Response, *, url: str, begins_at: int, deadline: _Deadline
    ) -> None:
        self.begins_at = begins_at
        self.length = int(response.headers.get("Content-Length", 0))
        self._response = response
        self._url = url
        self._deadline = deadline

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes; close the answer when it is over."""
        received = 0
        try:
            with _told(self._url):
                # Bare: asked for pieces of a size, it would wait and hide a drip.
                for piece in self._response.iter_raw():
                    received += len(piece)
                    yield piece
                    self._deadline.left_s(self._url, received=received)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the connection, however much is still to come."""
        self._response.close()


class Web:
    """Asks for files, one after another; as `HttpFetcher` says.

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
        deadline_s: float,
        poll_s: float,
    ) -> None:
        self._no_proxy = no_proxy
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._poll = _deadline(poll_s)
        headers = _headers(token)
        self._client = client_of(context, headers=headers, proxy=proxy)
        self._direct = client_of(context, headers=headers, is_direct=True)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._direct.close()

    def ask(self, url: str, *, since: int = 0) -> Answer:
        """Return a server's answer about a file.

        Args:
            url: Of the file; http or https.
            since: First byte that is wanted; the server may begin at 0 all the same.

        Raises:
            RangeRefusedError: There is nothing to be had from `since` on.
            SlowRetrievalError: No answer in time.
            DownloadHTTPError: Another status than a file comes with.
            DownloadError: No answer, or one that is no plain file.
        """
        deadline = min(
            self._poll, _deadline(self._deadline_s), key=lambda each: each.ends_at_s
        )
        response = self._sent(url, since=since, deadline=deadline)
        try:
            begins_at = _begins_at(response, url, since=since)
        except DownloadError:
            response.close()
            raise
        return Answer(response, url=url, begins_at=begins_at, deadline=deadline)

    def _sent(self, url: str, *, since: int, deadline: _Deadline) -> httpx.Response:
        timeout_s = min(self._timeout_s, deadline.left_s(url, received=0))
        headers = {"Range": f"bytes={since}-"} if since else {}
        with _told(url):
            client = self._client_for(httpx.URL(url).host)
            request = client.build_request(
                "GET", url, headers=headers, timeout=timeout_s
            )
            return client.send(request, stream=True)

    def _client_for(self, host: str) -> httpx.Client:
        return self._direct if is_direct(host, self._no_proxy) else self._client


def shown(url: str) -> str:
    """Return a URL without name, password and query, as it may be logged."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _deadline(allowed_s: float) -> _Deadline:
    return _Deadline(ends_at_s=time.monotonic() + allowed_s, allowed_s=allowed_s)


def _headers(token: str | None) -> dict[str, str]:
    # A packed body could unpack to more than the host has room for.
    headers = {"Accept-Encoding": "identity"}
    if token is None:
        return headers
    if not token or not token.isascii() or not token.isprintable():
        # Not shown: it is a secret.
        raise ConfigError("central.token: expected one line of ASCII, got another text")
    return headers | {"Authorization": f"Bearer {token}"}


def _begins_at(response: httpx.Response, url: str, *, since: int) -> int:
    """Return which byte comes first, 0 or `since`, once the answer is a plain file."""
    status = response.status_code
    encoding = response.headers.get("Content-Encoding", "identity")
    if since and status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise RangeRefusedError(f"{shown(url)}: nothing from byte {since} on")
    if status not in _expected(since):
        expected = " or ".join(str(int(each)) for each in _expected(since))
        got = f"{status} {httpx.codes.get_reason_phrase(status)}".strip()
        raise DownloadHTTPError(
            f"{shown(url)}: expected status {expected}, got {got}", status
        )
    if encoding.lower() != "identity":
        raise DownloadError(
            f"{shown(url)}: expected a plain body, got an encoded one; "
            f"encoded body refused: {encoding[:_SHOWN_LENGTH]}"
        )
    return 0 if status == HTTPStatus.OK else _rest(response, url, since=since)


def _expected(since: int) -> tuple[HTTPStatus, ...]:
    only_rest = (HTTPStatus.PARTIAL_CONTENT,) if since else ()
    return (HTTPStatus.OK, *only_rest)


def _rest(response: httpx.Response, url: str, *, since: int) -> int:
    got = response.headers.get("Content-Range", "none")
    match = _RANGE.fullmatch(got)
    if match is None or int(match[1]) != since:
        raise RangeRefusedError(
            f"{shown(url)}: expected the bytes from {since} on, got Content-Range "
            f"{got[:_SHOWN_LENGTH]}"
        )
    return since


@contextmanager
def _told(url: str) -> Iterator[None]:
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
