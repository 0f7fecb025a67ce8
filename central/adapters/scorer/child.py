"""The child that asks a model: a job on stdin, the model's file as argument, JSON out.

Run as `python -I -m` with an empty environment. The limits are set after the imports,
so that they bound the model and not the libraries.
"""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime

from central.adapters.scorer.job import Answer, Job

_PR_SET_PDEATHSIG: Final = 1
_CPU_S: Final = (10, 12)
_HEADROOM_BYTES: Final = 150 * 2**20
_FILES: Final = 32
_BOTH_CLASSES: Final = 2


def main() -> None:
    """Ask the model and write its answers to where stdout was."""
    # Not to outlive a command that is killed; the parent of an orphan is 1.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    answers = os.dup(1)
    # Whatever a library prints must not get between the answer's bytes.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    document = Path(sys.argv[1]).read_bytes()
    _limit(job)
    with os.fdopen(answers, "wb") as file:
        file.write(msgspec.json.encode(_answered(document, job)))


def _answered(document: bytes, job: Job) -> Answer:
    try:
        session = _session(document)
        rows = [_asked(session, row, job) for row in job.rows]
    except Exception as error:  # noqa: BLE001 - the runtime's errors share no base
        first = (str(error).splitlines() or [""])[0]
        return Answer(error=f"raised {type(error).__name__}: {first}")
    return Answer(scores=tuple(tuple(map(_finite, row)) for row in rows))


def _session(document: bytes) -> Any:  # noqa: ANN401 - untyped library
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        document,
        sess_options=options,
        providers=["CPUExecutionProvider"],
        enable_fallback=False,
    )


def _asked(session: Any, row: tuple[float | None, ...], job: Job) -> list[float]:  # noqa: ANN401
    values = [np.nan if value is None else value for value in row]
    features = np.array([values], dtype=np.float32)
    (answer,) = session.run([job.output], {job.input: features})
    return _shaped(np.asarray(answer), job)


def _shaped(answer: npt.NDArray[Any], job: Job) -> list[float]:
    """Return one row's scores, of every shape that the agent takes."""
    if answer.shape == (1, job.answers) or (answer.shape, job.answers) == ((1,), 1):
        scores = answer.reshape(-1)
    elif job.is_event and answer.shape == (1, _BOTH_CLASSES):
        scores = answer[0, 1:]
    else:
        raise ValueError(
            f'output "{job.output}": expected shape (1, {job.answers}), '
            f"got {answer.shape}"
        )
    return [float(score) for score in scores]


def _finite(score: float) -> float | None:
    return score if np.isfinite(score) else None


def _limit(job: Job) -> None:
    """Bound what the model may take from here on."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = _HEADROOM_BYTES + int(job.memory_mb * 2**20)
    space = pages * resource.getpagesize() + room
    for kind, limit in {
        resource.RLIMIT_AS: (space, space),
        resource.RLIMIT_CPU: _CPU_S,
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (_FILES, _FILES),
        resource.RLIMIT_CORE: (0, 0),
    }.items():
        resource.setrlimit(kind, limit)


if __name__ == "__main__":
    main()
