"""The child that tries a model: manifest on stdin, folder as argument, JSON out.

Run as `python -I -m` with an empty environment. The limits are set after the imports,
so that they bound the model and not the libraries. Whatever kills this process is for
the parent to tell.
"""

import ctypes
import os
import resource
import signal
import statistics
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from agent.adapters.runtime.model import OnnxModel, load_engine, read_model
from agent.core.manifest import Golden, Manifest, parse_manifest
from agent.errors import ForewarnError

_PR_SET_PDEATHSIG: Final = 1
_CPU_S: Final = (10, 12)
_HEADROOM_BYTES: Final = 150 * 2**20
_FILES: Final = 32
_ROUNDS: Final = 50
# Processor time of the same work differs this much between an idle and a busy host.
_BUSY: Final = 3.0


def main() -> None:
    """Try the model and write what came of it to where stdout was."""
    # Not to outlive a courier that is killed; the parent of an orphan is 1.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    answers = os.dup(1)
    # Whatever a library prints must not get between the answer's bytes.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    document = sys.stdin.buffer.read()
    answer = _tried(document, folder=Path(sys.argv[1]))
    os.write(answers, msgspec.json.encode(answer))


def _tried(document: bytes, *, folder: Path) -> dict[str, object]:
    latency_ms: float | None = None
    memory_mb: float | None = None
    try:
        manifest = parse_manifest(document)
        load_engine()
        before = _status_bytes("VmHWM")
        _limit(manifest)
        model = _loaded(manifest, folder=folder)
        reasons = _golden_reasons(model, manifest)
        latency_ms = _latency_ms(model, manifest)
        memory_mb = (_status_bytes("VmHWM") - before) / 2**20
        reasons += _cost_reasons(manifest, latency_ms=latency_ms, memory_mb=memory_mb)
    except ForewarnError as error:
        reasons = [str(error)]
    except MemoryError:
        reasons = ["trial: it needs more memory than its limits.memory_mb"]
    return {"reasons": reasons, "latency_ms": latency_ms, "memory_mb": memory_mb}


def _loaded(manifest: Manifest, *, folder: Path) -> OnnxModel:
    assert manifest.model is not None  # noqa: S101 - a survey is not tried
    document = read_model(folder / f"{manifest.model.sha256}.onnx", manifest.model)
    return OnnxModel(document, manifest=manifest)


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
    """Return every golden vector that is missed: each alone, then all together, twice.

    Rows are independent entities, so a vector's score may not hang on its neighbours.
    """
    vectors = manifest.golden
    together = np.concatenate([_row(golden) for golden in vectors])
    alone = np.concatenate([model.score(_row(golden)) for golden in vectors])
    reasons: list[str] = []
    for scores in (alone, model.score(together), model.score(together)):
        for number, (golden, got) in enumerate(zip(vectors, scores, strict=True), 1):
            off = np.abs(got - np.array(golden.score)).max()
            if off > golden.tolerance:
                reasons.append(
                    f"golden vector {number}: expected {list(golden.score)} within "
                    f"{golden.tolerance:g}, got {[round(float(v), 6) for v in got]}"
                )
    return sorted(set(reasons))[:10]


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
