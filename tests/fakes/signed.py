"""A signed repository whose every document a test can choose."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.adapters.local_repository.roles import Roles


class Publisher:
    """Keeps a repository with the real roles; what it signs need not make sense."""

    def __init__(self, folder: Path, *, now: datetime) -> None:
        self.folder = folder
        self.root = b""
        self.now = now
        roles = Roles(folder, now=now)
        roles.found()
        roles.publish()
        self.root = (folder / "metadata" / "1.root.json").read_bytes()

    def offer(
        self, task: str, manifest: bytes, model: bytes | None, **pointer: Any
    ) -> None:
        """Publish a release with its approval; keywords change the pointer's keys."""
        version = pointer.get("version", json.loads(manifest).get("version", 1))
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
        roles = Roles(self.folder, now=self.now)
        roles.load()
        for role, path, files in (
            (f"release-{task}", f"models/{task}/*/*", release),
            (f"approve-{task}", f"channels/{task}/*", approval),
        ):
            roles.delegate(role, paths=[path])
            for name, content in files.items():
                roles.put(role, name, content)
        roles.publish()

    def target(self, path: str) -> Path:
        """Return the file of a target, whatever its hash."""
        place = self.folder / "targets" / path
        (found,) = place.parent.glob(f"*.{place.name}")
        return found
