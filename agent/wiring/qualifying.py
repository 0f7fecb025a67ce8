"""Looks at a model file as an update would, whatever the file may be."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from agent import __version__
from agent.adapters.runtime.trial import ChildTrial
from agent.core import manifest as manifests
from agent.core.manifest import Manifest, parse_manifest
from agent.core.metrics import CATALOGUE
from agent.core.qualify import MAX_MODEL_BYTES, HostFacts, shortcomings
from agent.core.quantity import size_text
from agent.core.scan import ScanPolicy, scan
from agent.core.scan.versions import versions
from agent.errors import ManifestError, ModelError

# Any host: what one site allows or forbids does not make a model better or worse.
_HOST: Final = HostFacts(
    agent=__version__, metrics=frozenset(metric.name for metric in CATALOGUE)
)


class Standing(StrEnum):
    """What is known of a model; `untried`: something else stood in the way."""

    QUALIFIED = "qualified"
    REFUSED = "refused"
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """What was found out about a model file.

    Attributes:
        verdict: Whether it may run.
        reasons: Why it may not.
        is_tried: Whether it was loaded and run; otherwise it was only read.
        latency_ms: Median processor time of one scoring; None where it never scored.
        memory_mb: What loading and scoring added to the resident memory.
        sha256: Of the file's bytes; None where they were not read.
        length: Of the file, in bytes.
        opset: Of the default ONNX domain; None where it cannot be read.
        ir: ONNX file format version; None where it cannot be read.
    """

    verdict: Standing
    reasons: tuple[str, ...] = ()
    is_tried: bool = False
    latency_ms: float | None = None
    memory_mb: float | None = None
    sha256: str | None = None
    length: int | None = None
    opset: int | None = None
    ir: int | None = None


def qualified(
    model: Path, *, manifest: Path | None = None, extra_operators: Iterable[str] = ()
) -> Qualification:
    """Return what an update would say of a model; raises for no file whatsoever.

    Args:
        model: The ONNX file.
        manifest: What is signed about it; without it nothing says what the model
            should answer, so it is read and not tried.
        extra_operators: What the site lets models use beside the scan's own list.
    """
    policy = ScanPolicy(extra_ops=frozenset(extra_operators))
    try:
        document = _read(model, limit=MAX_MODEL_BYTES)
        paper = None if manifest is None else _read(manifest, limit=manifests.MAX_BYTES)
    except OSError as error:
        reason = f"{error.filename or model}: {error.strerror}"
        return Qualification(verdict=Standing.UNTRIED, reasons=(reason,))
    except ModelError as error:
        return _refused(str(error))
    written = versions(document)
    return replace(
        _judged(document, paper, policy=policy),
        sha256=hashlib.sha256(document).hexdigest(),
        length=len(document),
        opset=written.opset,
        ir=written.ir,
    )


def _judged(
    document: bytes, paper: bytes | None, *, policy: ScanPolicy
) -> Qualification:
    if paper is None:
        return _scanned(document, policy=policy)
    try:
        manifest = parse_manifest(paper)
    except ManifestError as error:
        return _refused(str(error))
    reasons = _differences(manifest, document)
    wants = shortcomings(manifest, host=_HOST)
    if reasons or not manifest.golden:
        return _refused(*reasons, *wants)
    tried = _tried(document, paper, policy=policy)
    if not wants:
        return tried
    return replace(tried, verdict=Standing.REFUSED, reasons=(*wants, *tried.reasons))


def _scanned(document: bytes, *, policy: ScanPolicy) -> Qualification:
    findings = tuple(f"scan: {each}" for each in scan(document, policy=policy))
    if findings:
        return _refused(*findings)
    return Qualification(verdict=Standing.QUALIFIED)


def _differences(manifest: Manifest, document: bytes) -> tuple[str, ...]:
    """Return in what the file is not the one that the manifest pins."""
    if manifest.model is None:
        return ("model: the manifest is a survey's, which has none",)
    pinned = {"length": manifest.model.length, "sha256": manifest.model.sha256}
    found = {"length": len(document), "sha256": hashlib.sha256(document).hexdigest()}
    return tuple(
        f"model.{key}: expected {value}, got {found[key]}"
        for key, value in pinned.items()
        if found[key] != value
    )


def _tried(document: bytes, paper: bytes, *, policy: ScanPolicy) -> Qualification:
    try:
        with TemporaryDirectory(prefix="forewarn-") as folder:
            name = f"{hashlib.sha256(document).hexdigest()}.onnx"
            Path(folder, name).write_bytes(document)
            verdict = ChildTrial(Path(folder), policy=policy).verdict(paper)
    except OSError as error:
        reason = f"trial: cannot be prepared: {error}"
        return Qualification(verdict=Standing.UNTRIED, reasons=(reason,))
    against = Standing.REFUSED if verdict.is_conclusive else Standing.UNTRIED
    return Qualification(
        verdict=against if verdict.reasons else Standing.QUALIFIED,
        reasons=verdict.reasons,
        is_tried=True,
        latency_ms=verdict.latency_ms,
        memory_mb=verdict.memory_mb,
    )


def _refused(*reasons: str) -> Qualification:
    return Qualification(verdict=Standing.REFUSED, reasons=reasons)


def _read(path: Path, *, limit: int) -> bytes:
    """Return the bytes of a file, of which no more than the limit are ever read.

    Raises:
        OSError: No regular file can be read there; names it.
        ModelError: It is longer than the limit.
    """
    with open(path, "rb", opener=_opened) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "expected a regular file", str(path))
        document = file.read(limit + 1) if status.st_size <= limit else None
    if document is None or len(document) > limit:
        expected, got = size_text(limit), size_text(max(status.st_size, limit + 1))
        raise ModelError(f"{path}: expected at most {expected}, got {got}")
    return document


def _opened(path: str, flags: int) -> int:
    """Open without waiting, as a FIFO would for somebody to write to it."""
    return os.open(path, flags | os.O_NONBLOCK)
