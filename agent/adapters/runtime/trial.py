"""The trial: a model shows what it does in a child process that may be killed."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from agent.core.qualify import Verdict
from agent.core.scan import ScanPolicy

_CHILD: Final = (sys.executable, "-I", "-m", "agent.adapters.runtime.trial_child")
_ENVIRONMENT: Final = {"ORT_DISABLE_TELEMETRY": "1", "OPENBLAS_NUM_THREADS": "1"}
_POLICY: Final = ScanPolicy()
_MAX_ANSWER_BYTES: Final = 65_536
_DEATHS: Final = {
    signal.SIGXCPU: "it used more processor time than a trial may",
    signal.SIGKILL: "it was killed, for processor time or memory",
}
# What a busy or full host does to a fair model, too.
_UNFAIR: Final = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT})


class _Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the child writes, one JSON document."""

    reasons: tuple[str, ...]
    is_conclusive: bool = True
    latency_ms: float | None = None
    memory_mb: float | None = None


class ChildTrial:
    """Tries models of a folder, each in a child with an empty environment and limits.

    Args:
        folder: Where the models are, each named by its digest.
        wall_s: How long a trial may last; processor time comes slowly on a busy host.
        policy: What the site lets a model be.
    """

    def __init__(
        self, folder: Path, *, wall_s: float = 60.0, policy: ScanPolicy = _POLICY
    ) -> None:
        self._folder = folder.absolute()
        self._wall_s = wall_s
        self._policy = msgspec.json.encode(policy).decode()

    def verdict(self, manifest: bytes) -> Verdict:
        """Return what came of trying the kept model of this manifest; never raises."""
        try:
            empty = self._folder / ".empty"
            empty.mkdir(mode=0o500, exist_ok=True)
            return self._tried(manifest, empty=empty)
        except OSError as error:
            return _inconclusive(f"trial: cannot be started: {error}")

    def _tried(self, manifest: bytes, *, empty: Path) -> Verdict:
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb", buffering=0) as answers:
            with os.fdopen(writing, "wb") as answer, _in_memory(manifest) as document:
                child = subprocess.Popen(  # noqa: S603 - our own module
                    [*_CHILD, str(self._folder), self._policy],
                    stdin=document,
                    stdout=answer,
                    stderr=subprocess.DEVNULL,
                    env=_ENVIRONMENT,
                    cwd=empty,
                    start_new_session=True,
                )
            ended = _ended(child, wall_s=self._wall_s)
            os.set_blocking(answers.fileno(), False)
            # Only what fits in the pipe: who writes more waits there to be killed.
            written = answers.read(_MAX_ANSWER_BYTES) if ended == 0 else None
        if ended is None:
            return _inconclusive(f"trial: not over after {self._wall_s:g} s")
        return _answered(written) if ended == 0 else _died(ended)


def _ended(child: subprocess.Popen[bytes], *, wall_s: float) -> int | None:
    """Return the child's exit status, or None if it had to be stopped."""
    try:
        return child.wait(timeout=wall_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child with all that it started, whether or not it has ended itself."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _answered(written: bytes | None) -> Verdict:
    try:
        answer = msgspec.json.decode(written or b"", type=_Answer)
    except msgspec.DecodeError as error:
        return Verdict(reasons=(f"trial: no answer: {error}",))
    return Verdict(
        reasons=answer.reasons,
        is_conclusive=answer.is_conclusive,
        latency_ms=answer.latency_ms,
        memory_mb=answer.memory_mb,
    )


def _died(status: int) -> Verdict:
    if status > 0:
        # Python ends so; models are killed. Half an installation is no fault of theirs.
        return _inconclusive(f"trial: it ended with status {status}")
    killer = signal.Signals(-status)
    reason = _DEATHS.get(killer, f"it died of {killer.name}")
    return Verdict(reasons=(f"trial: {reason}",), is_conclusive=killer not in _UNFAIR)


def _inconclusive(reason: str) -> Verdict:
    return Verdict(reasons=(reason,), is_conclusive=False)


def _in_memory(document: bytes) -> BinaryIO:
    """Return a file without a name that holds the bytes: a pipe could fill up."""
    file = os.fdopen(os.memfd_create("manifest"), "w+b")
    file.write(document)
    file.seek(0)
    return file
