"""Remembers the metadata that came last: python-tuf's errors do not say what it was."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import unquote

from tuf.api.metadata import Metadata
from tuf.ngclient.fetcher import FetcherInterface

from agent.adapters.repository.signatures import parsed


class Witness(FetcherInterface):
    """Passes everything on to another fetcher.

    Attributes:
        name: The file that was asked for last, as far as it was metadata.
    """

    def __init__(self, fetcher: FetcherInterface) -> None:
        self._fetcher = fetcher
        self._content = b""
        self.name = ""

    def metadata(self) -> Metadata[Any] | None:
        """Return what came last; None: nothing, or it was no metadata."""
        return parsed(self._content)

    def signers(self) -> set[str]:
        """Return whose signatures stand under the JSON that came last."""
        return {str(each["keyid"]) for each in json.loads(self._content)["signatures"]}

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Return metadata; see `FetcherInterface`."""
        self.name, self._content = unquote(url.rpartition("/")[2]), b""
        self._content = self._fetcher.download_bytes(url, max_length)
        return self._content

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """Yield a target; see `FetcherInterface`."""
        with self._fetcher.download_file(url, max_length) as file:
            yield file

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self._fetcher.fetch(url)
