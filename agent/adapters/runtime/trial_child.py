"""The child that tries a model: manifest on stdin, JSON out.

Run as `python -I -m` with an empty environment; the arguments are the folder and the
site's policy for the scan, as JSON. What the scan refuses is never shown to the
runtime. The limits are set after the imports, so that they bound the model and not the
libraries. Whatever kills this process is for the parent to tell.
"""

import ctypes
import os
import resource
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from agent.adapters.runtime.model import OnnxModel, load_engine, read_model
from agent.core.manifest import Golden, Manifest, ModelFile, parse_manifest
from agent.core.scan import ScanPolicy, scan
from agent.errors import ForewarnError, StateError, TrustError

_PR_SET_PDEATHSIG: Final = 1
_CPU_S: Final = (10, 12)
_HEADROOM_BYTES: Final = 150 * 2**20
_FILES: Final = 32
_ROUNDS: Final = 50
# More than the entities of most hosts: what grows faster than they do shows itself.
_ROWS: Final = 64
# Processor time of the same work differs this much between an idle and a busy host.
_BUSY: Final = 3.0


def main() -> None:
    """Try the model and write what came of it to where stdout was."""
    # Not to outlive a courier that is killed; the parent of an orphan is 1.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    answers = os.dup(1)
    # Whatever a library prints must not get between the answer's bytes.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    folder, policy = sys.argv[1:]
    answer = _tried(
        sys.stdin.buffer.read(),
        folder=Path(folder),
        policy=msgspec.json.decode(policy, type=ScanPolicy),
    )
    os.write(answers, msgspec.json.encode(answer))


def _tried(document: bytes, *, folder: Path, policy: ScanPolicy) -> dict[str, object]:
    """Return the answer: reasons, and what loading and scoring cost."""
    try:
        manifest = parse_manifest(document)
        assert manifest.model is not None  # noqa: S101 - a survey is not tried
        if not manifest.golden:
            raise TrustError("golden: expected a vector to try the model with")
        path = folder / f"{manifest.model.sha256}.onnx"
        content = read_model(path, manifest.model)
        reasons = _scan_reasons(content, manifest.model, policy=policy)
        return {"reasons": reasons} if reasons else _run(content, manifest)
    except StateError as error:
        # Not the model's fault: a disk, or rights.
        return {"reasons": [str(error)], "is_conclusive": False}
    except ForewarnError as error:
        return {"reasons": [str(error)]}


def _scan_reasons(content: bytes, model: ModelFile, *, policy: ScanPolicy) -> list[str]:
    found = scan(content, policy=policy, opset=model.opset, ir=model.ir)
    return [f"scan: {finding}" for finding in found]


def _run(content: bytes, manifest: Manifest) -> dict[str, object]:
    """Load the model and let it score, within limits."""
    latency_ms: float | None = None
    memory_mb: float | None = None
    try:
        load_engine()
        before = _status_bytes("VmHWM")
        _limit(manifest)
        model = OnnxModel(content, manifest=manifest)
        reasons = _golden_reasons(model, manifest)
        latency_ms = _latency_ms(model, manifest)
        # The bytes themselves were read before.
        memory_mb = (_status_bytes("VmHWM") - before + len(content)) / 2**20
        reasons += _cost_reasons(manifest, latency_ms=latency_ms, memory_mb=memory_mb)
    except ForewarnError as error:
        reasons = [str(error)]
    except MemoryError:
        reasons = ["trial: it needs more memory than its limits.memory_mb"]
    return {"reasons": reasons, "latency_ms": latency_ms, "memory_mb": memory_mb}


def _limit(manifest: Manifest) -> None:
    """Bound what the model may take from here on."""
    room = _HEADROOM_BYTES + int(manifest.limits.memory_mb * 2**20)
    space = _status_bytes("VmSize") + room
    for kind, limit in {
        resource.RLIMIT_AS: (space, space),
        resource.RLIMIT_CPU: _CPU_S,
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (_FILES, _FILES),
        resource.RLIMIT_CORE: (0, 0),
    }.items():
        resource.setrlimit(kind, limit)


def _golden_reasons(model: OnnxModel, manifest: Manifest) -> list[str]:
    """Return every golden vector that is missed: each alone, then all, many times.

    Rows are independent entities, so a vector's score may not hang on its neighbours.
    """
    rows = np.concatenate([_row(golden) for golden in manifest.golden])
    times = -(-_ROWS // len(rows))
    many = np.tile(rows, (times, 1))
    answers = [np.concatenate([model.score(row[np.newaxis]) for row in rows])]
    for _ in range(2):
        answers += np.split(model.score(many), times)
    missed = [each for scores in answers for each in _missed(scores, manifest)]
    return sorted(set(missed))[:10]


def _missed(scores: npt.NDArray[np.float32], manifest: Manifest) -> Iterator[str]:
    """Yield which golden vectors the scores miss, one row a vector."""
    vectors = zip(manifest.golden, scores, strict=True)
    for number, (golden, got) in enumerate(vectors, 1):
        if np.abs(got - np.array(golden.score)).max() > golden.tolerance:
            yield (
                f"golden vector {number}: expected {list(golden.score)} within "
                f"{golden.tolerance:g}, got {[round(float(v), 6) for v in got]}"
            )


def _row(golden: Golden) -> npt.NDArray[np.float32]:
    """Return a golden vector as the model takes it; `null` is a gap."""
    values = [np.nan if value is None else value for value in golden.features]
    return np.array([values], dtype=np.float32)


def _latency_ms(model: OnnxModel, manifest: Manifest) -> float:
    """Return the median processor time of one scoring; waiting is the host's fault."""
    row = _row(manifest.golden[0])
    spent: list[float] = []
    for _ in range(_ROUNDS):
        start = time.thread_time()
        model.score(row)
        spent.append(time.thread_time() - start)
    return 1000 * statistics.median(spent)


def _cost_reasons(
    manifest: Manifest, *, latency_ms: float, memory_mb: float
) -> list[str]:
    limits = manifest.limits
    reasons: list[str] = []
    if latency_ms > _BUSY * limits.latency_ms:
        reasons.append(
            f"latency: expected at most {limits.latency_ms:g} ms, got {latency_ms:.1f}"
        )
    if memory_mb > limits.memory_mb:
        reasons.append(
            f"memory: expected at most {limits.memory_mb:g} MB, got {memory_mb:.0f}"
        )
    return reasons


def _status_bytes(key: str) -> int:
    """Return a size of this process; getrusage would count the parent's before exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
