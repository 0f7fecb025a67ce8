"""The client of The Update Framework: verifies, and knows nothing of forecasting.

python-tuf does the verifying; this module gives it a folder to work in, keeps on disk
what it verified, and says who signed it.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    Metadata,
    Root,
    TargetFile,
    Targets,
)
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater

from agent.adapters.repository.cache import Cache, metadata_path
from agent.adapters.repository.signatures import anchored, one_line, signed_role
from agent.adapters.repository.told import Scene, told
from agent.adapters.repository.witness import Witness
from agent.core.trust import SignedRole
from agent.errors import StateError, TrustError, UnavailableError

_TOP: Final = ("root", "timestamp", "snapshot", "targets")


class TufClient:
    """One poll of a repository; `refresh` first, and once.

    Every method raises TrustError where what came is not what was signed,
    UnavailableError where nothing came, StateError where the disk is the reason.

    Args:
        metadata_dir: Where the metadata that this host has seen is kept.
        metadata_url: Where metadata is fetched from.
        targets_url: Where targets are fetched from.
        root: The trusted root's bytes, as it came with the trust.
        fetcher: How a URL is read.
    """

    def __init__(
        self,
        *,
        metadata_dir: Path,
        metadata_url: str,
        targets_url: str,
        root: bytes,
        fetcher: FetcherInterface,
    ) -> None:
        self._metadata_dir = metadata_dir
        self._urls = (metadata_url, targets_url)
        self._root = root
        self._witness = Witness(fetcher)
        self._roles: dict[str, SignedRole] = {}
        self._cache: Cache
        self._updater: Updater
        self._targets: Metadata[Targets]

    def refresh(self) -> None:
        """Fetch and verify root, timestamp, snapshot and targets.

        New roots are on disk when this returns, also when it raises; see `keep`.
        """
        with told(Scene(what=str(self._metadata_dir))):
            self._cache = Cache(self._metadata_dir)
            self._updater = self._updater_of(self._cache.work)
        with told(self._scene("repository")):
            try:
                self._updater.refresh()
            finally:
                self._cache.keep_roots()
        self._targets = self._verified(Targets.type)
        root = self._verified(Root.type).signed
        for name in _TOP:
            self._roles[name] = signed_role(self._verified(name), name=name, by=root)
        self._roles[Root.type] = anchored(self._roles[Root.type], self._root)

    def keep(self) -> None:
        """Put what was verified so far on disk, all of it at once."""
        with told(self._scene("repository")):
            self._cache.keep()

    def roles(self) -> tuple[SignedRole, ...]:
        """Return every role that was verified in this poll so far, the root first."""
        return tuple(self._roles.values())

    def delegated(self) -> tuple[str, ...]:
        """Return the names of the roles that targets hands its task on to."""
        delegations = self._targets.signed.delegations
        return tuple(delegations.roles or ()) if delegations else ()

    def has(self, role: str) -> bool:
        """Return whether metadata of a role is there, if only of an earlier poll."""
        return metadata_path(self._cache.work, role).exists()

    def follow(self, path: str) -> None:
        """Bring the roles on the way to a target up to date, as far as they can be."""
        # Told where the target itself is asked for.
        with suppress(TrustError, UnavailableError), told(self._scene(path)):
            self._updater.get_targetinfo(path)

    def signed(self, path: str) -> TargetFile | None:
        """Return what was signed about a target; None: no role that may has signed it.

        The metadata of the roles on the way to it is on disk when this returns.
        """
        with told(self._scene(path)):
            try:
                found = self._updater.get_targetinfo(path)
            finally:
                self._cache.keep()
        self._note_roles(path)
        return found

    def is_there(self, signed: TargetFile, path: Path) -> bool:
        """Return whether a file is the target already."""
        return self._updater.find_cached_target(signed, str(path)) is not None

    def download(self, signed: TargetFile, *, to: Path) -> None:
        """Write a target's bytes, once they are verified; no half file stays."""
        with told(Scene(what=signed.path)):
            try:
                self._updater.download_target(signed, filepath=str(to))
            except OSError:
                with suppress(OSError):
                    to.unlink()
                raise

    def content(self, signed: TargetFile) -> bytes:
        """Return a target's bytes."""
        path = self._cache.work / "target"
        self.download(signed, to=path)
        with told(Scene(what=signed.path)):
            return path.read_bytes()

    def _updater_of(self, work: Path) -> Updater:
        metadata_url, targets_url = self._urls
        try:
            return Updater(
                str(work),
                metadata_url,
                target_base_url=targets_url,
                fetcher=self._witness,
                bootstrap=self._root,
            )
        except RepositoryError as error:
            raise StateError(
                "trusted root: expected the publisher's root.json, signed by its own "
                f"keys, got: {one_line(str(error))}; the operator must put it there"
            ) from error

    def _note_roles(self, path: str) -> None:
        """Note which roles were verified on the way to a target."""
        targets = self._targets.signed
        if targets.delegations is None:
            return
        for name, is_last in targets.delegations.get_roles_for_target(path):
            if name not in self._roles and self.has(name):
                role = signed_role(self._verified(name), name=name, by=targets)
                self._roles[name] = role
            if is_last:
                break

    def _verified(self, role: str) -> Metadata[Any]:
        return Metadata[Any].from_file(str(metadata_path(self._cache.work, role)))

    def _scene(self, what: str) -> Scene:
        return Scene(what=what, witness=self._witness, work=self._cache.work)
