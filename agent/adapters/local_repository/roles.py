"""The signed roles of a local repository: changed in memory, published in order."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from agent.adapters.local_repository.files import write
from agent.adapters.local_repository.keys import Keys
from agent.errors import StateError

_LONG: Final = timedelta(days=3650)
# The courier signs anew what has less than half left, whenever it starts.
_LIFETIMES: Final = {"snapshot": timedelta(days=90), "timestamp": timedelta(days=30)}
_LAST: Final = ("snapshot", "timestamp")


class Roles:
    """What the roles of one repository say, and which of them are to be signed anew.

    Args:
        folder: Holds `keys/`, `metadata/` and `targets/`.
        now: When what is signed now is signed.
    """

    def __init__(self, folder: Path, *, now: datetime) -> None:
        self._folder = folder
        self._keys = Keys(folder / "keys")
        self._now = now.replace(microsecond=0)
        self._signed: dict[str, Any] = {}
        self._changed: set[str] = set()
        self._new: set[str] = set()

    def found(self) -> None:
        """Begin a repository without any target: fresh keys, all roles version 1."""
        root = Root(consistent_snapshot=True)
        for role in ("root", "targets", "snapshot", "timestamp"):
            root.add_key(self._keys.signer(role).public_key, role)
        self._add("root", root)
        self._add("targets", Targets(delegations=Delegations(keys={}, roles={})))
        self._add("snapshot", Snapshot(meta={}))
        self._add("timestamp", Timestamp())

    def load(self) -> None:
        """Read what was published last: what the timestamp reaches, and the root."""
        metadata = self._folder / "metadata"
        versions = [int(p.name.split(".")[0]) for p in metadata.glob("*.root.json")]
        self._load("root", f"{max(versions, default=1)}.root.json")
        timestamp = self._load("timestamp", "timestamp.json")
        version = timestamp.snapshot_meta.version
        snapshot = self._load("snapshot", f"{version}.snapshot.json")
        for name, meta in snapshot.meta.items():
            self._load(name.removesuffix(".json"), f"{meta.version}.{name}")

    def targets(self, role: str) -> dict[str, TargetFile]:
        """Return what a role has signed, by path; empty for a role not yet made."""
        return dict(self._signed[role].targets) if role in self._signed else {}

    def delegate(self, role: str, *, paths: list[str]) -> None:
        """Make a role that alone may sign for `paths`; nothing if it is there."""
        delegations = self._signed["targets"].delegations
        if role in delegations.roles:
            return
        delegations.roles[role] = DelegatedRole(role, [], 1, True, paths)
        self._signed["targets"].add_key(self._keys.signer(role).public_key, role)
        self._changed.add("targets")
        self._add(role, Targets())

    def put(self, role: str, path: str, content: bytes) -> None:
        """Let a role sign for a file, which is written under its hash's name."""
        digest = hashlib.sha256(content).hexdigest()
        place = self._folder / "targets" / path
        write(place.with_name(f"{digest}.{place.name}"), content)
        self._signed[role].targets[path] = TargetFile(
            len(content), {"sha256": digest}, path
        )
        self._changed.add(role)

    def renew(self) -> None:
        """Mark every role that has less than half of its life left."""
        for role, signed in self._signed.items():
            if signed.expires - self._now < _lifetime(role) / 2:
                self._changed.add(role)

    def publish(self) -> tuple[str, ...]:
        """Sign and write what changed, the timestamp last; return the roles.

        Until the timestamp is written nothing new can be seen, so an interrupted call
        leaves the repository as it was.

        Raises:
            StateError: A key is not the one that the repository knows.
        """
        signed = tuple(self._in_order())
        for role in signed:
            self._write(role)
        self._changed.clear()
        self._new.clear()
        return signed

    def _in_order(self) -> Iterator[str]:
        yield from sorted(self._changed - {*_LAST})
        if self._changed - {"root", "timestamp"}:
            yield "snapshot"
        if self._changed - {"root"}:
            yield "timestamp"

    def _write(self, role: str) -> None:
        signed = self._signed[role]
        signed.version += role not in self._new
        signed.expires = self._now + _lifetime(role)
        signer = self._keys.signer(role)
        if signer.public_key.keyid not in self._keyids(role):
            raise StateError(
                f"{self._folder}: keys/{role}.pem is not the key that was made for it; "
                "remove the folder to begin anew"
            )
        metadata = Metadata(signed)
        metadata.sign(signer)
        name = f"{role}.json"
        path = name if role == "timestamp" else f"{signed.version}.{name}"
        content = metadata.to_bytes()
        write(self._folder / "metadata" / path, content)
        self._told_upward(role, content)

    def _told_upward(self, role: str, content: bytes) -> None:
        """Let the role above know the version that was just written."""
        version = self._signed[role].version
        if role == "snapshot":
            meta = MetaFile.from_data(version, content, ["sha256"])
            self._signed["timestamp"].snapshot_meta = meta
        elif role not in {"root", "timestamp"}:
            self._signed["snapshot"].meta[f"{role}.json"] = MetaFile(version)

    def _keyids(self, role: str) -> list[str]:
        top = self._signed["root"].roles
        known = top if role in top else self._signed["targets"].delegations.roles
        keyids: list[str] = known[role].keyids
        return keyids

    def _add(self, role: str, signed: object) -> None:
        self._signed[role] = signed
        self._new.add(role)
        self._changed.add(role)

    def _load(self, role: str, name: str) -> Any:  # noqa: ANN401 - one of four kinds
        path = self._folder / "metadata" / name
        self._signed[role] = Metadata[Any].from_bytes(path.read_bytes()).signed
        return self._signed[role]


def _lifetime(role: str) -> timedelta:
    return _LIFETIMES.get(role, _LONG)
