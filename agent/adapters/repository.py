"""The signed repository of central, or of this host itself, by The Update Framework.

python-tuf's client verifies; this module asks it for what an update needs, and turns
its errors into one line that says what, expected, got and who must act.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import unquote, urlsplit

from tuf.api import exceptions
from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    Metadata,
    TargetFile,
    Targets,
)
from tuf.api.serialization import DeserializationError
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater

from agent.core import manifest as manifests
from agent.core import pointer as pointers
from agent.core.manifest import Manifest
from agent.core.pointer import Pointer, model_path, parse_pointer, pointer_path
from agent.errors import ForewarnError, StateError, TrustError, UnavailableError

CHANNEL: Final = "stable"
_APPROVES: Final = "approve-"
_TASK = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PIECE_BYTES: Final = 65_536


class UnreachableError(UnavailableError):
    """The repository cannot be reached; trying again later is enough."""

    exit_status = 69


# First match counts: what went wrong, whose error that is, what is to be done.
_TELLING: Final[tuple[tuple[type[Exception], type[ForewarnError], str], ...]] = (
    (
        exceptions.UnsignedMetadataError,
        TrustError,
        "refused; its keepers must sign it with keys that this host trusts",
    ),
    (
        exceptions.ExpiredMetadataError,
        TrustError,
        "refused; its keepers must sign it anew, or this host's clock is wrong",
    ),
    (
        exceptions.BadVersionNumberError,
        TrustError,
        "refused; older metadata was offered than was seen before",
    ),
    (
        exceptions.LengthOrHashMismatchError,
        TrustError,
        "dropped; what came is not what was signed",
    ),
    (DeserializationError, TrustError, "not TUF metadata: a proxy or a login page?"),
    (exceptions.RepositoryError, TrustError, "refused; the publisher must act"),
    (
        exceptions.DownloadLengthMismatchError,
        TrustError,
        "dropped; it is longer than what was signed",
    ),
    (exceptions.DownloadError, UnreachableError, "tried again at the next update"),
    (OSError, StateError, "the state folder must be writable"),
)


class TufRepository:
    """One poll of a repository; `refresh` first, and once.

    Args:
        source: URL or folder that holds `metadata/` and `targets/`.
        cache: Folder of the metadata that this host has seen.
        root: The trusted root's bytes, as it came with the trust, never from `cache`.
        fetcher: How a URL below `source` is read.
    """

    def __init__(
        self, source: str, *, cache: Path, root: bytes, fetcher: FetcherInterface
    ) -> None:
        self._source = source.rstrip("/")
        self._cache = cache
        self._root = root
        self._fetcher = fetcher
        self._updater: Updater | None = None

    def refresh(self) -> None:
        """Fetch and verify root, timestamp, snapshot and targets.

        Raises:
            TrustError: What came is not what was signed; nothing of it is kept.
            UnreachableError: The repository cannot be reached.
            StateError: The cache cannot be written.
        """
        with _told("repository"):
            self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            updater = Updater(
                str(self._cache),
                f"{self._source}/metadata/",
                target_base_url=f"{self._source}/targets/",
                fetcher=self._fetcher,
                bootstrap=self._root,
            )
            updater.refresh()
        self._updater = updater

    def tasks(self) -> tuple[str, ...]:
        """Return the tasks that operations may approve releases of, sorted."""
        with _told("targets"):
            # Public API has no view of the delegations; the file was just verified.
            content = (self._cache / "targets.json").read_bytes()
            targets = Metadata[Targets].from_bytes(content)
        delegations = targets.signed.delegations
        roles = delegations.roles if delegations and delegations.roles else {}
        named = (
            role.removeprefix(_APPROVES) for role in roles if role.startswith(_APPROVES)
        )
        return tuple(sorted(task for task in named if _TASK.fullmatch(task)))

    def pointer(self, task: str) -> Pointer:
        """Return what operations approved for a task."""
        path = pointer_path(task, CHANNEL)
        document = self._document(self._signed(path), limit=pointers.MAX_BYTES)
        return parse_pointer(document, task=task, channel=CHANNEL)

    def manifest(self, pointer: Pointer) -> bytes:
        """Return the manifest that both the approval and the data team signed."""
        signed = self._signed(pointer.manifest)
        _agree(signed, sha256=pointer.sha256, length=pointer.length, by="the approval")
        return self._document(signed, limit=manifests.MAX_BYTES)

    def download(self, manifest: Manifest, *, to: Path) -> None:
        """Write the verified model of a manifest to a file."""
        model = manifest.model
        if model is None:
            raise TrustError(f"task {manifest.task}: a survey has no model")
        signed = self._signed(model_path(manifest.task, manifest.version))
        _agree(signed, sha256=model.sha256, length=model.length, by="the manifest")
        with _told(signed.path):
            self._client().download_target(signed, filepath=str(to))

    def _signed(self, path: str) -> TargetFile:
        """Return what was signed about a target.

        Raises:
            TrustError: No role that may sign this path has signed it.
        """
        with _told(path):
            signed = self._client().get_targetinfo(path)
        if signed is None:
            raise TrustError(f"{path}: no such target was signed")
        return signed

    def _document(self, signed: TargetFile, *, limit: int) -> bytes:
        if signed.length > limit:
            raise TrustError(
                f"{signed.path}: expected at most {limit} bytes, got {signed.length}"
            )
        with _told(signed.path), TemporaryDirectory(dir=self._cache) as folder:
            path = Path(folder, "target")
            self._client().download_target(signed, filepath=str(path))
            return path.read_bytes()

    def _client(self) -> Updater:
        if self._updater is None:
            raise RuntimeError("refresh() comes first")
        return self._updater


class FolderFetcher(FetcherInterface):
    """Reads `file://` URLs and plain paths: a mirror on disk, or this host's own."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = Path(unquote(urlsplit(url).path) if _is_file_url(url) else url)
        try:
            size = path.stat().st_size
        except (FileNotFoundError, NotADirectoryError) as error:
            raise exceptions.DownloadHTTPError(f"{path}: no such file", 404) from error
        if not path.is_file():
            raise exceptions.DownloadError(f"{path}: expected a regular file")
        return _pieces(path, size=size)


def _is_file_url(url: str) -> bool:
    return url.startswith("file://")


def _pieces(path: Path, *, size: int) -> Iterator[bytes]:
    """Yield a file's bytes; the client wraps what fails before the first one only."""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece
    except OSError as error:
        raise exceptions.DownloadError(
            f"{path}: {error.strerror} within its {size} bytes"
        ) from error


def _agree(signed: TargetFile, *, sha256: str, length: int, by: str) -> None:
    """Raise TrustError unless a target is the very file that another document names."""
    got = signed.hashes.get("sha256", "no sha256")
    if (got, signed.length) != (sha256, length):
        raise TrustError(
            f"{signed.path}: {by} is for another file: expected sha256 {sha256[:12]} "
            f"of {length} bytes, the data team signed {got[:12]} of {signed.length}"
        )


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Raise python-tuf's errors as ours, in one line, sorted by who must act."""
    try:
        yield
    except tuple(kind for kind, _, _ in _TELLING) as error:
        ours, advice = next(
            (ours, advice) for kind, ours, advice in _TELLING if isinstance(error, kind)
        )
        text = " ".join(str(error).split())
        raise ours(f"{what}: {text}; {advice}") from error
