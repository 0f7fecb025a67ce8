"""The published folder: as its keepers read it, and as an agent verifies it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from tuf.api import exceptions
from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    DelegatedRole,
    Metadata,
    Role,
    TargetFile,
    Targets,
)
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater

from agent.core.trust import SignedRole
from agent.errors import StateError, TrustError
from central.core.roles import Target

_TOP: Final = ("root", "timestamp", "snapshot", "targets")
_PIECE_BYTES: Final = 65_536


class FolderShelf:
    """What the roles of a published folder sign for; trusts the folder."""

    def __init__(self, folder: Path) -> None:
        self._metadata = folder / "metadata"

    def targets(self, role: str) -> Mapping[str, Target]:
        """Return what a role has signed for, by path; empty: it is not there yet.

        Raises:
            StateError: The repository cannot be read.
        """
        try:
            timestamp = self._signed("timestamp.json")
            snapshot = self._signed(f"{timestamp.snapshot_meta.version}.snapshot.json")
            listed = snapshot.meta.get(f"{role}.json")
            if listed is None:
                return {}
            return _targets(self._signed(f"{listed.version}.{role}.json"))
        except FileNotFoundError as error:
            raise StateError(f"{error.filename}: {error.strerror}") from error
        except (OSError, RepositoryError) as error:
            raise StateError(f"{self._metadata}: {error}") from error

    def _signed(self, name: str) -> Any:  # noqa: ANN401 - one of four kinds
        content = (self._metadata / name).read_bytes()
        return Metadata[Any].from_bytes(content).signed


class FolderMirror:
    """A published folder, walked through by the client that agents have.

    Args:
        folder: Holds `metadata/` and `targets/`.
        root: The root that is trusted.
        cache: An empty folder, for what was verified.
    """

    def __init__(self, folder: Path, *, root: bytes, cache: Path) -> None:
        self._folder = folder
        self._root = root
        self._cache = cache
        self._updater: Updater | None = None

    def refresh(self) -> None:
        """Verify root, timestamp, snapshot and targets."""
        with _told("repository"):
            self._updater = Updater(
                str(self._cache),
                "metadata/",
                target_base_url="targets/",
                fetcher=_Fetcher(self._folder),
                bootstrap=self._root,
            )
            self._updater.refresh()

    def delegated(self) -> tuple[str, ...]:
        """Return the names of the delegated roles, as targets has them."""
        return tuple(self._delegations())

    def targets(self, role: str) -> Mapping[str, Target]:
        """Verify a delegated role and return what it signs for, by path."""
        for pattern in self._delegations()[role].paths or ():
            # Asked for any target of a role, the client verifies the role.
            self._info(pattern.replace("*", "0"), role=role)
        found = self._cached(role)
        if found is None:
            raise TrustError(
                f"{role}: no path leads to it, or another role's comes first"
            )
        return _targets(found.signed)

    def roles(self) -> tuple[SignedRole, ...]:
        """Return every role that was verified so far."""
        root = self._cached("root")
        if root is None:
            return ()
        keepers = {**root.signed.roles, **self._delegations()}
        verified = {name: self._cached(name) for name in (*_TOP, *self._delegations())}
        return tuple(
            _signed_role(name, metadata, keeper=keepers[name])
            for name, metadata in verified.items()
            if metadata is not None
        )

    def check(self, path: str) -> None:
        """Verify a target's file, to its last byte."""
        self._verified(path).unlink()

    def document(self, path: str, *, limit: int) -> bytes:
        """Verify a target and return its bytes, of which there are at most `limit`."""
        place = self._verified(path)
        try:
            if (size := place.stat().st_size) > limit:
                raise TrustError(f"{path}: expected at most {limit} bytes, got {size}")
            return place.read_bytes()
        finally:
            place.unlink()

    def strays(self) -> tuple[str, ...]:
        """Return the files among the targets for which no role has ever signed.

        What was signed for once stays for clients that have not yet seen the change.
        """
        root = self._folder / "targets"
        signed = set(_served(self._folder / "metadata"))
        files = (path for path in root.rglob("*") if not path.is_dir())
        return tuple(sorted({str(path.relative_to(root)) for path in files} - signed))

    def _verified(self, path: str) -> Path:
        """Return a copy of a target's file that is what was signed."""
        info = self._info(path, role=path)
        if info is None:
            raise TrustError(f"{path}: no role that may sign for it does so")
        place = self._cache / "target"
        with _told(path):
            self._client().download_target(info, filepath=str(place))
        return place

    def _info(self, path: str, *, role: str) -> TargetFile | None:
        with _told(role):
            return self._client().get_targetinfo(path)

    def _delegations(self) -> Mapping[str, DelegatedRole]:
        targets = self._cached("targets")
        delegations = None if targets is None else targets.signed.delegations
        return (delegations.roles or {}) if delegations else {}

    def _cached(self, role: str) -> Metadata[Any] | None:
        """Return what the client has verified and kept of a role."""
        path = self._cache / f"{quote(role, safe='')}.json"
        return Metadata[Any].from_bytes(path.read_bytes()) if path.exists() else None

    def _client(self) -> Updater:
        if self._updater is None:
            raise RuntimeError("refresh() comes first")
        return self._updater


class _Fetcher(FetcherInterface):
    """Reads the paths that the client asks for from a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = self._folder / url
        if ".." in path.parts or not path.exists():
            raise exceptions.DownloadHTTPError(f"{url}: no such file", 404)
        if not path.is_file():
            raise DownloadError(f"{url}: expected a regular file")
        return _pieces(path)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _targets(signed: Targets) -> Mapping[str, Target]:
    return {
        path: Target(length=info.length, sha256=info.hashes.get("sha256", ""))
        for path, info in signed.targets.items()
    }


def _signed_role(name: str, metadata: Metadata[Any], *, keeper: Role) -> SignedRole:
    return SignedRole(
        name=name,
        version=metadata.signed.version,
        expires=metadata.signed.expires,
        keyids=tuple(sorted(keeper.keyids)),
        signed_by=tuple(sorted(set(metadata.signatures) & set(keeper.keyids))),
        threshold=keeper.threshold,
    )


def _served(metadata: Path) -> Iterator[str]:
    """Yield the names under which all that was ever signed for is served."""
    for path in metadata.glob("*.json"):
        try:
            signed = Metadata[Any].from_bytes(path.read_bytes()).signed
        except (OSError, RepositoryError):
            continue  # not what a client would read, or found damaged before
        if isinstance(signed, Targets):
            for target in signed.targets.values():
                yield from target.get_prefixed_paths()


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Raise python-tuf's errors as ours, in one line."""
    try:
        yield
    except (RepositoryError, DownloadError, OSError) as error:
        raise TrustError(f"{what}: {' '.join(str(error).split())}") from error
