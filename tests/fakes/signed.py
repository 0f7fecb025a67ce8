"""A signed repository whose every document, key and signature a test can choose."""

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
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

TOP = ("root", "targets", "snapshot", "timestamp")
LONG = timedelta(days=3650)
LIFETIMES = {"snapshot": timedelta(days=90), "timestamp": timedelta(days=30)}


def new_keys(number=1):
    """Return fresh signers."""
    return [CryptoSigner.generate_ed25519() for _ in range(number)]


class Publisher:
    """Keeps a repository with the real roles; what it signs need not make sense.

    `offer` and `publish` leave a good repository. `set_keys` and `sign` can leave any.

    Args:
        folder: Holds `metadata/` and `targets/`.
        now: What is signed counts its life from here.
        root_keys: How many keys the root has, all of which must sign.
    """

    def __init__(self, folder: Path, *, now: datetime, root_keys: int = 1) -> None:
        self.folder = folder
        self.now = now
        self.keys: dict[str, list[CryptoSigner]] = {}
        self.signed: dict[str, Any] = {
            "root": Root(consistent_snapshot=True),
            "targets": Targets(delegations=Delegations(keys={}, roles={})),
            "snapshot": Snapshot(meta={}),
            "timestamp": Timestamp(),
        }
        self._new = set(TOP)
        self.set_keys("root", new_keys(root_keys), threshold=root_keys)
        for role in TOP[1:]:
            self.set_keys(role, new_keys())
        self.sign(*TOP)
        self.root = (folder / "metadata" / "1.root.json").read_bytes()

    def offer(
        self, task: str, manifest: bytes, model: bytes | None, /, **pointer: Any
    ) -> None:
        """Publish a release with its approval; keywords change the pointer's keys."""
        version = pointer.get("version") or json.loads(manifest).get("version", 1)
        path = f"models/{task}/{version}"
        files = {f"{path}/manifest.json": manifest}
        if model is not None:
            files[f"{path}/model.onnx"] = model
        content = {
            "schema": 1,
            "task": task,
            "channel": "stable",
            "serial": version,
            "manifest": f"{path}/manifest.json",
            "sha256": hashlib.sha256(manifest).hexdigest(),
            "length": len(manifest),
            "version": version,
            **pointer,
        }
        approval = {f"channels/{task}/stable.json": json.dumps(content).encode()}
        self.publish(task, release=files, approval=approval)

    def publish(
        self, task: str, *, release: dict[str, bytes], approval: dict[str, bytes]
    ) -> None:
        """Let the two roles of a task sign files, by target path."""
        roles = {f"release-{task}": release, f"approve-{task}": approval}
        changed = {role for role, files in roles.items() if files}
        if self._delegate(task):
            changed |= {*roles, "targets"}
        for role, files in roles.items():
            for path, content in files.items():
                self.put(role, path, content)
        self.sign(*sorted(changed), "snapshot", "timestamp")

    def put(self, role: str, path: str, content: bytes) -> None:
        """Write a target and list it in a role that is not signed anew yet."""
        digest = hashlib.sha256(content).hexdigest()
        place = self.folder / "targets" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.with_name(f"{digest}.{place.name}").write_bytes(content)
        target = TargetFile(len(content), {"sha256": digest}, path)
        self.signed[role].targets[path] = target

    def set_keys(
        self, role: str, keys: list[CryptoSigner], *, threshold: int = 1
    ) -> None:
        """Let these keys sign for a role; who is above it is not signed anew yet."""
        above = self.signed["root" if role in TOP else "targets"]
        delegated = above.get_delegated_role(role)
        for keyid in list(delegated.keyids):
            above.revoke_key(keyid, role)
        for key in keys:
            above.add_key(key.public_key, role)
        delegated.threshold = threshold
        self.keys[role] = keys

    def sign(self, *roles: str, **chosen: Any) -> None:
        """Write roles anew, each with the next version and all of its life.

        `by`, `version` and `expires` say otherwise: signers, a number, an instant.
        """
        for role in roles:
            signed = self.signed[role]
            signed.version = chosen.get("version", signed.version + self._is_old(role))
            life = LIFETIMES.get(role, LONG)
            signed.expires = chosen.get("expires", self.now + life).replace(
                microsecond=0
            )
            metadata = Metadata(signed)
            for key in chosen.get("by", self.keys[role]):
                metadata.sign(key, append=True)
            self.write(role, metadata.to_bytes())

    def write(self, role: str, content: bytes) -> None:
        """Put bytes in the place of a role's metadata; who is above it is told."""
        self.file(role).parent.mkdir(parents=True, exist_ok=True)
        self.file(role).write_bytes(content)
        version = self.signed[role].version
        if role == "snapshot":
            meta = MetaFile.from_data(version, content, ["sha256"])
            self.signed["timestamp"].snapshot_meta = meta
        elif role not in {"root", "timestamp"}:
            self.signed["snapshot"].meta[f"{role}.json"] = MetaFile(version)

    def file(self, role: str) -> Path:
        """Return the file of a role's newest metadata."""
        version = self.signed[role].version
        name = f"{role}.json" if role == "timestamp" else f"{version}.{role}.json"
        return self.folder / "metadata" / name

    def target(self, path: str) -> Path:
        """Return the file of a target, whatever its hash."""
        place = self.folder / "targets" / path
        (found,) = place.parent.glob(f"*.{place.name}")
        return found

    def delegate(self, role: str, paths: list[str]) -> None:
        """Let a role with a fresh key sign for paths; targets is not signed anew."""
        delegated = DelegatedRole(role, [], 1, True, paths)
        self.signed["targets"].delegations.roles[role] = delegated
        self.signed[role] = Targets()
        self._new.add(role)
        self.set_keys(role, new_keys())

    def _delegate(self, task: str) -> bool:
        """Return whether the two roles of a task were not there, and now are."""
        if f"release-{task}" in self.signed:
            return False
        self.delegate(f"release-{task}", [f"models/{task}/*/*"])
        self.delegate(f"approve-{task}", [f"channels/{task}/*"])
        return True

    def _is_old(self, role: str) -> bool:
        is_old = role not in self._new
        self._new.discard(role)
        return is_old
