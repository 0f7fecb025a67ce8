"""The agent's own judgement of a model: its command `forewarn qualify`, as a child."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from agent.errors import UnavailableError
from central.core.draft import Judgement, ModelFacts, Standing

# Longer than the agent itself waits for a trial.
_WALL_S: Final = 120.0


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the command prints; what a later agent says besides is passed over."""

    verdict: Standing
    reasons: tuple[str, ...]
    latency_ms: float | None = None
    memory_mb: float | None = None
    sha256: str | None = None
    length: int | None = None
    opset: int | None = None
    ir: int | None = None


class AgentQualifier:
    """Asks the agent that is installed beside central.

    Args:
        wall_s: How long it may take.
    """

    def __init__(self, *, wall_s: float = _WALL_S) -> None:
        self._wall_s = wall_s

    def judgement(self, model: Path, *, manifest: bytes | None = None) -> Judgement:
        """Return what the agent says of a model; without a manifest it is only read.

        Raises:
            UnavailableError: The agent gave no answer.
        """
        # -P: a folder named agent where somebody stands is not the agent.
        command = [sys.executable, "-P", "-m", "agent", "qualify", "--json"]
        with TemporaryDirectory(prefix="forewarn-") as folder:
            if manifest is not None:
                paper = Path(folder, "manifest.json")
                paper.write_bytes(manifest)
                command += ["--manifest", str(paper)]
            return _judgement(self._printed([*command, str(model.absolute())]))

    def _printed(self, command: list[str]) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603 - our own program
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._wall_s,
            )
        except subprocess.TimeoutExpired as error:
            raise UnavailableError(
                f"forewarn qualify: not over after {self._wall_s:g} s"
            ) from error
        if not done.stdout:
            words = done.stderr.decode(errors="replace").strip() or "it said nothing"
            raise UnavailableError(
                f"forewarn qualify: no answer, status {done.returncode}: "
                f"{words.splitlines()[-1]}"
            )
        return done.stdout


def _judgement(printed: bytes) -> Judgement:
    try:
        answer = msgspec.json.decode(printed, type=_Answer)
    except msgspec.DecodeError as error:
        raise UnavailableError(f"forewarn qualify: {error}") from error
    facts: ModelFacts | None = None
    if answer.sha256 is not None and answer.length is not None:
        facts = ModelFacts(
            sha256=answer.sha256,
            length=answer.length,
            opset=answer.opset,
            ir=answer.ir,
        )
    return Judgement(
        standing=answer.verdict,
        reasons=answer.reasons,
        facts=facts,
        latency_ms=answer.latency_ms,
        memory_mb=answer.memory_mb,
    )
