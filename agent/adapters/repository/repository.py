"""What an update needs of the signed repository, asked of the client of TUF."""

import re
from pathlib import Path
from typing import Final

from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    TargetFile,
)
from tuf.ngclient.fetcher import FetcherInterface

from agent.adapters.repository.client import TufClient
from agent.adapters.repository.documents import Documents
from agent.core import manifest as manifests
from agent.core import pointer as pointers
from agent.core.manifest import Manifest
from agent.core.pointer import (
    Pointer,
    manifest_path,
    model_path,
    parse_pointer,
    pointer_path,
)
from agent.core.trust import SignedRole
from agent.errors import TrustError

CHANNEL: Final = "stable"
_BUNDLE_BYTES: Final = 65_536
_APPROVES: Final = "approve-"
_RELEASES: Final = "release-"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class TufRepository:
    """One poll of a repository; `refresh` first, and once.

    Args:
        source: URL or folder that holds `metadata/` and `targets/`.
        cache: Folder of the metadata that this host has seen.
        root: The trusted root's bytes, as it came with the trust, never from `cache`.
        fetcher: How a URL below `source` is read.
        documents: Folder of pointers and manifests that came before; None: each poll
            fetches them.
    """

    def __init__(
        self,
        source: str,
        *,
        cache: Path,
        root: bytes,
        fetcher: FetcherInterface,
        documents: Path | None = None,
    ) -> None:
        base = source.rstrip("/")
        self._client = TufClient(
            metadata_dir=cache,
            metadata_url=f"{base}/metadata/",
            targets_url=f"{base}/targets/",
            root=root,
            fetcher=fetcher,
        )
        self._documents = None if documents is None else Documents(documents)

    def refresh(self) -> None:
        """Fetch and verify root, timestamp, snapshot and targets, and keep them.

        The roles that vouch for what is at work here are kept with them: where the data
        team has new keys, its former ones stand for nothing from here on.

        Raises:
            TrustError: What came is not what was signed; nothing of it is kept.
            UnreachableError: The repository cannot be reached.
            StateError: The cache cannot be written, or the trusted root is none.
        """
        self._client.refresh()
        for role in self._client.delegated():
            if role.startswith(_RELEASES) and self._client.has(role):
                task = role.removeprefix(_RELEASES)
                self._client.follow(manifest_path(task, 1))
        self._client.keep()

    def roles(self) -> tuple[SignedRole, ...]:
        """Return every role that was verified so far, the root first."""
        return self._client.roles()

    def tasks(self) -> tuple[str, ...]:
        """Return the tasks that operations may approve releases of, sorted.

        One with a name that no task can have is among them, in quotes: asking for its
        pointer says what is wrong with it.
        """
        named = (
            role.removeprefix(_APPROVES)
            for role in self._client.delegated()
            if role.startswith(_APPROVES)
        )
        return tuple(sorted(t if _NAME.fullmatch(t) else ascii(t)[:80] for t in named))

    def pointer(self, task: str) -> Pointer | None:
        """Return what operations approved for a task; None: nothing yet."""
        if not _NAME.fullmatch(task):
            raise TrustError(
                f"task {task}: bad name: expected at most 64 of a-z 0-9 . _ - and no "
                "sign first; the keepers of targets must rename it"
            )
        # Also where the approval is not meant for this host: a release may be at work.
        self._client.follow(manifest_path(task, 1))
        signed = self._found(pointer_path(task, CHANNEL))
        if signed is None:
            return None
        document = self._document(signed, limit=pointers.MAX_BYTES)
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
        self._client.download(signed, to=to)

    def provenance(self, manifest: Manifest) -> bytes | None:
        """Return the bundle that tells a model's provenance; None if there is none."""
        model = model_path(manifest.task, manifest.version)
        signed = self._found(model.removesuffix("onnx") + "sig")
        return None if signed is None else self._document(signed, limit=_BUNDLE_BYTES)

    def _signed(self, path: str) -> TargetFile:
        """Return what was signed about a target.

        Raises:
            TrustError: It has a name that no target may have, or no role that may sign
                this path has signed it.
        """
        if not all(_NAME.fullmatch(part) for part in path.split("/")):
            raise TrustError(
                f"{ascii(path)[:80]}: bad name: expected only a-z 0-9 . _ - in each "
                "part; the publisher must rename it"
            )
        signed = self._found(path)
        if signed is None:
            task = path.split("/")[1]
            raise TrustError(
                f"{path}: no such target was signed for task {task} by a role that "
                "may; the publisher must sign it"
            )
        return signed

    def _found(self, path: str) -> TargetFile | None:
        """Return what was signed about a target; None: no role that may has.

        Raises:
            TrustError: It is not named by a SHA-256 alone.
        """
        signed = self._client.signed(path)
        if signed is not None:
            _check_hashes(signed)
        return signed

    def _document(self, signed: TargetFile, *, limit: int) -> bytes:
        if signed.length > limit:
            raise TrustError(
                f"{signed.path}: expected at most {limit} bytes, got {signed.length}"
            )
        if self._documents is None:
            return self._client.content(signed)
        content = self._documents.get(signed)
        if content is None:
            content = self._client.content(signed)
            self._documents.keep(content)
        return content


def _check_hashes(signed: TargetFile) -> None:
    """Raise TrustError unless a target has one hash, which can be part of a name.

    With several, whoever signs chooses which of them the URL is made of.
    """
    hashes = signed.hashes
    if set(hashes) != {"sha256"} or not _SHA256.fullmatch(hashes["sha256"]):
        raise TrustError(
            f"{signed.path}: bad hashes: expected sha256 alone, of 64 digits 0-9 a-f, "
            f"got {ascii(hashes)[:80]}; the publisher must sign it anew"
        )


def _agree(signed: TargetFile, *, sha256: str, length: int, by: str) -> None:
    """Raise TrustError unless a target is the very file that another document names."""
    got = signed.hashes.get("sha256", "no sha256")
    if (got, signed.length) != (sha256, length):
        raise TrustError(
            f"{signed.path}: {by} is for another file: expected sha256 {sha256[:12]} "
            f"of {length} bytes, the data team signed {got[:12]} of {signed.length}"
        )
