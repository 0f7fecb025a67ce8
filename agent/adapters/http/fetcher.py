"""What python-tuf's client asks to fetch: metadata into memory, targets onto disk.

A long target is written to a part that outlives this process, and the next poll asks
for the rest of it. No validator (If-Range) goes along: the names of targets hold their
hashes, and a body that turns out to be another is dropped by its hash.
"""

import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from tuf.api.exceptions import DownloadLengthMismatchError
from tuf.ngclient.fetcher import FetcherInterface

from agent.adapters.http.line import shown
from agent.adapters.http.staging import Staging
from agent.adapters.http.web import Answer, RangeRefusedError, Web

# Shorter ones are asked for anew sooner than they are found again.
_WORTH_RESUMING_BYTES: Final = 65_536


class HttpFetcher(FetcherInterface):
    """Reads http and https URLs, for one poll of the repository.

    Args:
        context: Whom to trust, and the client certificate; None: the system's store.
        token: Sent with every request, as a bearer's.
        proxy: URL; None: what the environment says.
        no_proxy: What is reached without any proxy, as `proxy.is_direct` reads it.
        staging: Where parts of long targets wait; None: nothing is resumed.
        timeout_s: Longest silence while connecting, sending or receiving.
        deadline_s: Longest time for one file, however it drips.
        poll_s: Longest time for all files, from now on.

    Raises:
        ConfigError: Token or proxy cannot be used.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext | None = None,
        token: str | None = None,
        proxy: str | None = None,
        no_proxy: Sequence[str] = (),
        staging: Staging | None = None,
        timeout_s: float = 10.0,
        deadline_s: float = 200.0,
        poll_s: float = 240.0,
    ) -> None:
        self._staging = staging
        self._web = Web(
            # httpx alone would trust certifi's list instead of the system's.
            context=context or ssl.create_default_context(),
            token=token,
            proxy=proxy,
            no_proxy=no_proxy,
            timeout_s=timeout_s,
            deadline_s=deadline_s,
            poll_s=poll_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._web.close()

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Return a file's bytes; for metadata, which is short.

        Raises:
            DownloadError: It is longer than `max_length`, or cannot be had.
        """
        file = BytesIO()
        self._fetch_into(file, url, max_length=max_length)
        return file.getvalue()

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """Yield a file on disk, at its first byte; for targets, which may be long.

        What came before an interruption stays, and only the rest is asked for next
        time; but for a body that its taker refuses by its hash.

        Raises:
            DownloadError: It is longer than `max_length`, or cannot be had.
            OSError: The disk is full, or may not be written.
        """
        is_resumed = self._staging is not None and max_length >= _WORTH_RESUMING_BYTES
        with self._spool(url, is_resumed=is_resumed) as file:
            self._fetch_into(file, url, max_length=max_length)
            file.seek(0)
            yield file

    def _fetch(self, url: str) -> Iterator[bytes]:
        # No generator: the client wraps only what fails while this very call runs.
        return self._web.ask(url).pieces()

    @contextmanager
    def _spool(self, url: str, *, is_resumed: bool) -> Iterator[IO[bytes]]:
        if self._staging is not None and is_resumed:
            with self._staging.part(url) as part:
                yield part
            return
        with SpooledTemporaryFile(max_size=_WORTH_RESUMING_BYTES) as file:
            yield file

    def _fetch_into(self, file: IO[bytes], url: str, *, max_length: int) -> None:
        """Write what a file lacks of the body at `url`."""
        received = file.seek(0, os.SEEK_END)
        if received == max_length:
            return  # Whole: it was only not taken, the last time.
        since = received if received < max_length else 0
        with closing(self._answer(url, since=since)) as answer:
            _check_length(answer.begins_at + answer.length, url, max_length=max_length)
            file.truncate(file.seek(answer.begins_at))
            for piece in answer.pieces():
                _check_length(file.tell() + len(piece), url, max_length=max_length)
                file.write(piece)

    def _answer(self, url: str, *, since: int) -> Answer:
        try:
            return self._web.ask(url, since=since)
        except RangeRefusedError:
            return self._web.ask(url)


def _check_length(length: int, url: str, *, max_length: int) -> None:
    if length > max_length:
        raise DownloadLengthMismatchError(
            f"{shown(url)}: expected at most {max_length} bytes, got {length}"
        )
