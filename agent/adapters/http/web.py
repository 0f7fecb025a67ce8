"""One question to a web server and its answer, bounded in time, errors as python-tuf's.

Only a plain answer counts: no redirect, no encoded body, no status but the one that was
asked for.
"""

import re
import ssl
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final

import httpx
from tuf.api.exceptions import DownloadError, DownloadHTTPError

from agent.adapters.http.line import Deadline, Line, pieces, shown, status_text

_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(?:\d{1,18}|\*)")
_SHOWN_LENGTH: Final = 80


class RangeRefusedError(DownloadError):
    """The server has no rest to give; the whole may still be had."""


class Answer:
    """The body that a server has begun to send.

    Attributes:
        begins_at: Which byte of the file comes first; 0, or what was asked for.
        length: How many bytes the server says will come; 0: it does not say.
    """

    def __init__(
        self, response: httpx.Response, *, url: str, begins_at: int, deadline: Deadline
    ) -> None:
        self.begins_at = begins_at
        self.length = int(response.headers.get("Content-Length", 0))
        self._response = response
        self._url = url
        self._deadline = deadline

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes; close the answer when it is over."""
        return pieces(self._response, url=self._url, deadline=self._deadline)

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
        self._deadline_s = deadline_s
        self._poll = Deadline.within(poll_s)
        self._line = Line(
            context=context,
            token=token,
            proxy=proxy,
            no_proxy=no_proxy,
            timeout_s=timeout_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._line.close()

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
            self._poll,
            Deadline.within(self._deadline_s),
            key=lambda each: each.ends_at_s,
        )
        headers = {"Range": f"bytes={since}-"} if since else {}
        response = self._line.sent("GET", url, deadline=deadline, headers=headers)
        try:
            begins_at = _begins_at(response, url, since=since)
        except DownloadError:
            response.close()
            raise
        return Answer(response, url=url, begins_at=begins_at, deadline=deadline)


def _begins_at(response: httpx.Response, url: str, *, since: int) -> int:
    """Return which byte comes first, 0 or `since`, once the answer is a plain file."""
    status = response.status_code
    encoding = response.headers.get("Content-Encoding", "identity")
    if since and status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise RangeRefusedError(f"{shown(url)}: nothing from byte {since} on")
    if status not in _expected(since):
        expected = " or ".join(str(int(each)) for each in _expected(since))
        raise DownloadHTTPError(
            f"{shown(url)}: expected status {expected}, got {status_text(response)}",
            status,
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
