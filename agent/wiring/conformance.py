"""What the public conformance suite of TUF asks: this agent's client, and no more."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from agent.adapters.http.fetcher import HttpFetcher
from agent.adapters.repository.client import TufClient
from agent.errors import TrustError, UnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the suite's command line asks for.

    Attributes:
        metadata_dir: Where verified metadata is kept.
        metadata_url: Where metadata is.
        targets_url: Where targets are.
        names: The targets that are wanted.
        target_dir: Where they are put.
    """

    metadata_dir: Path
    metadata_url: str
    targets_url: str
    names: Sequence[str]
    target_dir: Path


def init(request: Request, root: Path) -> None:
    """Let a folder of metadata begin with a trusted root; asks nobody."""
    request.metadata_dir.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root, request.metadata_dir / "root.json")


def refresh(request: Request) -> None:
    """Bring the metadata up to date.

    Raises:
        TrustError: What came is not what was signed.
        UnavailableError: Nothing came.
    """
    with _refreshed(request):
        pass


def download(request: Request) -> None:
    """Download targets in order, by one client; what is there and right stays.

    Raises:
        TrustError: What came is not what was signed; no target after it is asked for.
        UnavailableError: Nothing came.
    """
    with _refreshed(request) as client:
        for name in request.names:
            signed = client.signed(name)
            if signed is None:
                raise TrustError(f"{name}: no such target was signed")
            path = request.target_dir / quote(name, safe="")
            if not client.is_there(signed, path):
                client.download(signed, to=path)


@contextmanager
def _refreshed(request: Request) -> Iterator[TufClient]:
    fetcher = HttpFetcher()
    client = TufClient(
        metadata_dir=request.metadata_dir,
        metadata_url=request.metadata_url,
        targets_url=request.targets_url,
        root=(request.metadata_dir / "root.json").read_bytes(),
        fetcher=fetcher,
    )
    try:
        try:
            client.refresh()
        except (TrustError, UnavailableError):
            # The agent keeps no half of a chain; the suite looks at each link.
            client.keep()
            raise
        client.keep()
        yield client
    finally:
        fetcher.close()
