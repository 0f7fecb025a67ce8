"""What this host keeps of the signed repository, read offline: who vouches for what.

No expiry here: that stops updates, never scoring. Nor is the timestamp asked, which
says what is newest: a release that was signed stays signed.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    DelegatedRole,
    Metadata,
    Root,
    Targets,
)

from agent.adapters.repository.cache import metadata_path, read, root_path, settled
from agent.adapters.repository.signatures import anchored, parsed, signed_role
from agent.core.pointer import manifest_path
from agent.core.trust import SignedRole
from agent.errors import StateError, TamperedError
from agent.ports import Claim


class CachedChain:
    """The chain from the trusted root to a release, by the metadata that is kept.

    Args:
        cache: Folder of the metadata that this host has seen.
        root: The trusted root's bytes, as it came with the trust, never from `cache`.
    """

    def __init__(self, cache: Path, *, root: bytes) -> None:
        self._cache = cache
        self._trusted = root

    def examine(
        self, claims: Iterable[Claim]
    ) -> tuple[Mapping[str, str], tuple[SignedRole, ...]]:
        """Return why claims are not vouched for, by digest, and the roles it read.

        What is damaged is a doubt, too; the next update fetches it anew.

        Raises:
            StateError: The trusted root itself cannot be read.
        """
        trusted = _trusted(self._trusted)
        doubts: dict[str, str] = {}
        with ExitStack() as held:
            # What cannot be held is read as it is: it may not even be there.
            with suppress(OSError):
                held.enter_context(settled(self._cache))
            reading = _Reading(self._cache, trusted)
            root = reading.roles[Root.type]
            reading.roles[Root.type] = anchored(root, self._trusted)
            for claim in claims:
                try:
                    reading.check(claim)
                except TamperedError as error:
                    doubts[claim.digest] = str(error)
        return doubts, tuple(reading.roles.values())


class _Reading:
    """One look at the chain, each file read once.

    Attributes:
        roles: What was verified so far, by name, the root first.
    """

    def __init__(self, cache: Path, root: Metadata[Root]) -> None:
        self._cache = cache
        self._opened: dict[str, Metadata[Any]] = {}
        self._root, self._break = self._newest(root)
        role = signed_role(self._root, name=Root.type, by=self._root.signed)
        self.roles: dict[str, SignedRole] = {Root.type: role}

    def check(self, claim: Claim) -> None:
        """Return if the release is signed by those who may.

        Raises:
            TamperedError: It is not; says which role, expected and got.
        """
        targets = self._verified(Targets.type, by=self._root.signed)
        name = f"release-{claim.task}"
        path = manifest_path(claim.task, claim.version)
        if not _may_sign(targets.signed, role=name, path=path):
            raise TamperedError(
                f"{path}: expected {name} to be let sign it, got no such delegation in "
                f"targets version {targets.signed.version}"
            )
        release = self._verified(name, by=targets.signed).signed
        target = release.targets.get(path)
        got = target.hashes.get("sha256", "no sha256") if target else "nothing"
        if got != claim.digest:
            raise TamperedError(
                f"{path}: expected {name} to have signed {claim.digest[:12]}, got "
                f"{got[:12]} in its version {release.version}"
            )

    def _newest(self, root: Metadata[Root]) -> tuple[Metadata[Root], str]:
        """Return the root that all else was verified by, and why not; may be empty.

        That is the one which `root.json` is a copy of. Newer ones may be there already:
        the poll that brought them did not come to its end.
        """
        last = self._last_version()
        while last is None or root.signed.version < last:
            version = root.signed.version + 1
            path = root_path(self._cache, version)
            if last is None and not path.exists():
                break
            try:
                following = _read(path)
                for above in (root.signed, following.signed):
                    _check_signed(following, name=Root.type, by=above)
            except TamperedError as error:
                return root, f"; root version {version} is not taken: {error}"
            if following.signed.version != version:
                got = following.signed.version
                return root, f"; {path}: expected version {version}, got {got}"
            root = following
        return root, ""

    def _last_version(self) -> int | None:
        """Return where the chain of roots ends; None: as far as there are links."""
        try:
            copy = _read(metadata_path(self._cache, Root.type))
        except TamperedError:
            return None
        version: int = copy.signed.version
        return version

    def _verified(self, name: str, *, by: Root | Targets) -> Metadata[Any]:
        if name not in self._opened:
            try:
                metadata = _read(metadata_path(self._cache, name))
                self.roles[name] = _check_signed(metadata, name=name, by=by)
            except TamperedError as error:
                raise TamperedError(f"{error}{self._break}") from error
            self._opened[name] = metadata
        return self._opened[name]


def _trusted(content: bytes) -> Metadata[Root]:
    root = parsed(content)
    if root is not None and root.signed.type == Root.type:
        with suppress(TamperedError):
            _check_signed(root, name=Root.type, by=root.signed)
            return root
    raise StateError(
        "trusted root: expected the publisher's root.json, signed by its own keys; the "
        "operator must put it there"
    )


def _read(path: Path) -> Metadata[Any]:
    content = read(path)
    if content is None:
        raise TamperedError(f"{path}: not there, or no file that can be read")
    metadata = parsed(content)
    if metadata is None:
        raise TamperedError(f"{path}: damaged: no TUF metadata")
    return metadata


def _check_signed(
    metadata: Metadata[Any], *, name: str, by: Root | Targets
) -> SignedRole:
    expected = name if name == Root.type else Targets.type
    if metadata.signed.type != expected:
        raise TamperedError(
            f"{name}: expected metadata of kind {expected}, got {metadata.signed.type}"
        )
    role = signed_role(metadata, name=name, by=by)
    if len(role.signed_by) < role.threshold:
        raise TamperedError(
            f"{name}: expected valid signatures of {role.threshold} of its keys, got "
            f"{len(role.signed_by)} of {role.threshold} in its version {role.version}"
        )
    return role


def _may_sign(targets: Targets, *, role: str, path: str) -> bool:
    roles = targets.delegations.roles if targets.delegations else None
    found: DelegatedRole | None = (roles or {}).get(role)
    return found is not None and found.is_delegated_path(path)
