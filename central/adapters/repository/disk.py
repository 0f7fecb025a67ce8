"""Where metadata lies on disk: published, and pending until it is signed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata

from agent.errors import StateError
from central.adapters.repository import files
from central.core.profile import TOP
from central.core.roles import Target

# Any: the signed part is one of four kinds, and `_type` in the file says which.
Signed: TypeAlias = Metadata[Any]
View: TypeAlias = dict[str, Signed]

_MAX_BYTES: Final = 5_000_000


class Disk:
    """The folders `repository/` and `pending/` of a repository."""

    def __init__(self, folder: Path) -> None:
        self._metadata = folder / "repository" / "metadata"
        self._targets = folder / "repository" / "targets"
        self._pending = folder / "pending"

    def is_founded(self) -> bool:
        """Return whether clients, or those who sign, may know of this repository."""
        pending = {path.stem for path in self._pending.glob("*.json")}
        has_root = (self._metadata / "1.root.json").exists()
        is_signed_elsewhere = "root" in pending or (has_root and bool(pending))
        return is_signed_elsewhere or (self._metadata / "timestamp.json").exists()

    def empty(self) -> None:
        """Remove the metadata that an interrupted founding left."""
        for folder in (self._metadata, self._pending):
            for path in folder.glob("*.json"):
                files.remove(path)

    def target(self, path: str, *, sha256: str) -> Path:
        """Return where a target lies, once written."""
        return files.target_file(self._targets, path=path, sha256=sha256)

    def write_target(self, path: str, content: bytes | Path) -> Target:
        """Write a target to where clients read it, though none knows of it yet."""
        return files.write_target(self._targets, content, path=path)

    def roots(self) -> list[Signed]:
        """Return every root that was published, oldest first."""
        count = sum(1 for _ in self._metadata.glob("*.root.json"))
        return [
            read(self._metadata / f"{n}.root.json", role="root")
            for n in range(1, count + 1)
        ]

    def published(self) -> View:
        """Return what clients see: the last root, and what the timestamp reaches."""
        found: View = {}
        if roots := self.roots():
            found["root"] = roots[-1]
        path = self._metadata / "timestamp.json"
        if not path.exists():
            return found
        found["timestamp"] = read(path, role="timestamp")
        version = found["timestamp"].signed.snapshot_meta.version
        path = self._metadata / f"{version}.snapshot.json"
        found["snapshot"] = read(path, role="snapshot")
        for name, meta in found["snapshot"].signed.meta.items():
            role = name.removesuffix(".json")
            path = self._metadata / f"{meta.version}.{name}"
            found[role] = read(path, role=role)
        return found

    def pending(self) -> View:
        """Return the changed roles that still lack signatures."""
        paths = sorted(self._pending.glob("*.json"))
        return {path.stem: read(path, role=path.stem) for path in paths}

    def publish(self, role: str, metadata: Signed) -> None:
        """Write a role's metadata to where clients read it."""
        version = metadata.signed.version
        name = "timestamp.json" if role == "timestamp" else f"{version}.{role}.json"
        files.write(self._metadata / name, metadata.to_bytes())

    def keep(self, role: str, metadata: Signed) -> None:
        """Write a role's metadata to where its signatures are gathered."""
        files.write(self._pending / f"{role}.json", metadata.to_bytes())

    def clear(self, role: str) -> None:
        """Remove what is pending of a role."""
        files.remove(self._pending / f"{role}.json")


def read(path: Path, *, role: str) -> Signed:
    """Return the metadata of a file.

    Raises:
        StateError: It is not there, too long, no metadata or not of this kind of role.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise StateError(f"{path}: expected at most {_MAX_BYTES} bytes, got more")
        found = Metadata[Any].from_bytes(content)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from error
    except (RepositoryError, RecursionError) as error:
        text = " ".join(str(error).split())
        raise StateError(f"{path}: expected TUF metadata: {text}") from error
    kind = role if role in TOP else "targets"
    if found.signed.type != kind:
        raise StateError(f"{path}: expected type {kind}, got {found.signed.type}")
    return found


def delegated(view: View) -> Iterator[str]:
    """Yield the roles that targets hands on to."""
    if "targets" in view:
        yield from view["targets"].signed.delegations.roles
