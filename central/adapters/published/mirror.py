"""The published folder, walked through as an agent does, who trusts only the root."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from securesystemslib.signer import (  # type: ignore[attr-defined] # public, unmarked
    Key,
)
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
from agent.errors import ConfigError, TrustError
from central.adapters.published.shelf import targets_of
from central.adapters.published.told import told
from central.core.roles import NAME_FIELD, Holder, Target

_TOP: Final = ("root", "timestamp", "snapshot", "targets")
_PIECE_BYTES: Final = 65_536
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


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
        self._fetcher = _Fetcher(folder)
        self._updater: Updater | None = None

    def refresh(self) -> None:
        """Verify root, timestamp, snapshot and targets."""
        with self._told("root"):
            self._updater = Updater(
                str(self._cache),
                "metadata/",
                target_base_url="targets/",
                fetcher=self._fetcher,
                bootstrap=self._root,
            )
            # Expiry is told role by role, of all of them, and as of any instant: so
            # nothing has expired for this client, and the walk goes on.
            self._updater._trusted_set.reference_time = _LONG_AGO  # noqa: SLF001
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
        return targets_of(found.signed)

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

    def keepers(self) -> Mapping[str, tuple[Holder, ...]]:
        """Return whose signatures count for each role that was verified so far."""
        found: dict[str, tuple[Holder, ...]] = {}
        for above in ("root", "targets"):
            metadata = self._cached(above)
            table = None if metadata is None else _table(metadata.signed)
            if table is not None:
                found |= {
                    role: tuple(_holder(table.keys[keyid]) for keyid in keeper.keyids)
                    for role, keeper in (table.roles or {}).items()
                }
        return found

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
        with self._told(path):
            self._client().download_target(info, filepath=str(place))
        return place

    def _info(self, path: str, *, role: str) -> TargetFile | None:
        with self._told(role):
            return self._client().get_targetinfo(path)

    def _told(self, what: str) -> AbstractContextManager[None]:
        return told(what, asked=lambda: self._fetcher.asked, keepers=self.keepers)

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
    """Reads the paths that the client asks for from a folder.

    Attributes:
        asked: What the client asked for last.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.asked = ""

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.asked = url
        path = self._folder / url
        # Only what is asked for may not climb: the folder itself is the operator's.
        if ".." in Path(url).parts or not path.exists():
            raise exceptions.DownloadHTTPError(f"{url}: no such file", 404)
        if not path.is_file():
            raise DownloadError(f"{url}: expected a regular file")
        return _pieces(path)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


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


def _table(signed: Any) -> Any:  # noqa: ANN401 - a root, a targets' delegations, or None
    return signed if signed.type == "root" else signed.delegations


def _holder(key: Key) -> Holder:
    name = key.unrecognized_fields.get(NAME_FIELD, key.keyid[:8])
    return Holder(name=str(name), key_id=key.keyid)


def check_root(content: bytes, *, source: str) -> None:
    """Raise ConfigError unless a file is the metadata of a root."""
    try:
        found = Metadata[Any].from_bytes(content).signed.type
    except (RepositoryError, RecursionError) as error:
        raise ConfigError(
            f"{source}: expected the metadata of a root, as 1.root.json of the "
            "repository, got something else"
        ) from error
    if found != "root":
        raise ConfigError(f"{source}: expected the metadata of a root, got of {found}")


def is_signed_by(root: bytes, *, folder: Path) -> bool:
    """Return whether a key of a root has signed a root or the timestamp in a folder.

    If none has, it is the root of another fleet, or everything there is damaged.
    """
    known = set(Metadata[Any].from_bytes(root).signed.keys)
    metadata = folder / "metadata"
    signers: set[str] = set()
    for path in (*metadata.glob("*.root.json"), metadata / "timestamp.json"):
        with suppress(OSError, RepositoryError):
            signers |= Metadata[Any].from_bytes(path.read_bytes()).signatures.keys()
    return not known.isdisjoint(signers)
