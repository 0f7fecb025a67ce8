"""The releases that the package ships, read and checked before they are signed."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from agent.core.manifest import Manifest, parse_manifest
from agent.errors import TrustError


@dataclass(frozen=True, slots=True, kw_only=True)
class Starter:
    """A release as the package ships it.

    Attributes:
        document: The manifest's bytes.
        model: The model's bytes; None for a survey.
    """

    manifest: Manifest
    document: bytes
    model: bytes | None


def read_starters(folder: Path) -> tuple[Starter, ...]:
    """Return what `folder/TASK/{manifest.json,model.onnx}` hold, by task.

    Raises:
        TrustError: A manifest or model is not what it says; the package is damaged.
        OSError: A file cannot be read.
    """
    return tuple(
        _starter(path.parent) for path in sorted(folder.glob("*/manifest.json"))
    )


def _starter(folder: Path) -> Starter:
    document = (folder / "manifest.json").read_bytes()
    manifest = parse_manifest(document)
    if manifest.task != folder.name:
        raise TrustError(f"{folder}: expected task {folder.name}, got {manifest.task}")
    if manifest.model is None:
        return Starter(manifest=manifest, document=document, model=None)
    model = (folder / "model.onnx").read_bytes()
    expected, got = manifest.model.sha256, hashlib.sha256(model).hexdigest()
    if got != expected:
        raise TrustError(f"{folder}/model.onnx: expected sha256 {expected}, got {got}")
    return Starter(manifest=manifest, document=document, model=model)
