"""Fetches the repository over HTTP: TLS checked, bounded in time, never redirected."""

import ssl
import time
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx
from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient.fetcher import FetcherInterface

_OK: Final = 200


class HttpFetcher(FetcherInterface):
    """Reads http and https URLs.

    The lengths are bounded by who asks: the client stops at the signed length.

    Args:
        context: Whom to trust, and the client certificate; None: the system's store.
        token: Sent with every request, as a bearer's.
        proxy: URL; None: what the environment says.
        timeout_s: Longest silence while connecting, sending or receiving.
        deadline_s: Longest time for one file, however it drips.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext | None = None,
        token: str | None = None,
        proxy: str | None = None,
        timeout_s: float = 10.0,
        deadline_s: float = 300.0,
    ) -> None:
        self._deadline_s = deadline_s
        # A packed body could unpack to more than the host has room for.
        headers = {"Accept-Encoding": "identity"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.Client(
            # httpx alone would trust certifi's list instead of the system's.
            verify=context or ssl.create_default_context(),
            headers=headers,
            proxy=proxy,
            timeout=timeout_s,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _fetch(self, url: str) -> Iterator[bytes]:
        ends_at = time.monotonic() + self._deadline_s
        try:
            request = self._client.build_request("GET", url)
            response = self._client.send(request, stream=True)
        except httpx.TimeoutException as error:
            raise SlowRetrievalError(f"{_shown(url)}: no answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DownloadError(f"{_shown(url)}: {error}") from error
        encoding = response.headers.get("Content-Encoding", "identity")
        if response.status_code == _OK and encoding == "identity":
            return self._pieces(response, url=url, ends_at=ends_at)
        response.close()
        if response.status_code != _OK:
            raise DownloadHTTPError(
                f"{_shown(url)}: expected status {_OK}, got {response.status_code}",
                response.status_code,
            )
        raise DownloadError(f"{_shown(url)}: encoded body refused: {encoding[:40]}")

    def _pieces(
        self, response: httpx.Response, *, url: str, ends_at: float
    ) -> Iterator[bytes]:
        """Yield the body as it comes: waiting for whole pieces would hide a drip."""
        try:
            for piece in response.iter_raw():
                if time.monotonic() > ends_at:
                    raise SlowRetrievalError(
                        f"{_shown(url)}: not over after {self._deadline_s:g} s"
                    )
                yield piece
        except httpx.TimeoutException as error:
            raise SlowRetrievalError(f"{_shown(url)}: the body stopped") from error
        except httpx.HTTPError as error:
            raise DownloadError(f"{_shown(url)}: {error}") from error
        finally:
            response.close()


def _shown(url: str) -> str:
    """Return a URL without name and password, as it may be logged."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
