"""Starts the child that asks a model, and judges how it ended."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from agent.core.manifest import Manifest
from agent.core.target import EventTarget
from agent.errors import ModelError
from central.adapters.scorer.job import Answer, Job
from central.core.golden import Inputs, Scores

_CHILD: Final = "central.adapters.scorer.child"
_ENVIRONMENT: Final = {"ORT_DISABLE_TELEMETRY": "1", "OPENBLAS_NUM_THREADS": "1"}


class ChildScorer:
    """Asks each model in a child of its own, with limits.

    Args:
        wall_s: How long it may take.
    """

    def __init__(self, *, wall_s: float = 60.0) -> None:
        self._wall_s = wall_s

    def scores(self, model: Path, *, manifest: Manifest, inputs: Inputs) -> Scores:
        """Return the model's answers, a row an input; what it cannot answer is NaN.

        Raises:
            ModelError: It raised, died, took too long, or answered another shape.
        """
        assert manifest.model is not None  # noqa: S101 - a survey answers nothing
        job = Job(
            input=manifest.model.input,
            output=manifest.model.output,
            rows=inputs,
            answers=manifest.outputs,
            is_event=isinstance(manifest.target, EventTarget),
            memory_mb=manifest.limits.memory_mb,
        )
        answer = self._answer(model, job)
        if answer.error is not None:
            raise ModelError(f"model: {answer.error}")
        return [
            [math.nan if score is None else score for score in row]
            for row in answer.scores
        ]

    def _answer(self, model: Path, job: Job) -> Answer:
        try:
            done = subprocess.run(  # noqa: S603 - our own module
                [sys.executable, "-I", "-m", _CHILD, str(model.absolute())],
                check=False,
                input=msgspec.json.encode(job),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
                timeout=self._wall_s,
            )
        except subprocess.TimeoutExpired as error:
            raise ModelError(
                f"model: expected scores within {self._wall_s:g} s, got none"
            ) from error
        if done.returncode:
            raise ModelError(
                "model: the child that asked it for scores ended with status "
                f"{done.returncode}"
            )
        return msgspec.json.decode(done.stdout, type=Answer)
