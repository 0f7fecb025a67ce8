"""Models whose answers a test has chosen: no ONNX, no file."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from agent.core.release import Release
from agent.errors import ForewarnError, StateError

Matrix: TypeAlias = npt.NDArray[np.float32]
Answer: TypeAlias = float | Exception | Callable[[Matrix], object]


class FixedModels:
    """Loads, for each digest, a model that gives one answer until it is changed.

    Attributes:
        answers: Digest -> a number for every row, a function of the features, or what
            scoring raises.
        broken: Digest -> what loading raises.
        loaded: Digests that were loaded, in order.
        aside: Digests whose file was set aside, in order.
        is_stuck: While set, no file can be set aside.
        given: Digest -> the features of each call.
        latencies_ms: Digest -> what a scoring takes.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        self.answers = dict(answers or {})
        self.broken: dict[str, ForewarnError] = {}
        self.loaded: list[str] = []
        self.aside: list[str] = []
        self.is_stuck = False
        self.given: dict[str, list[Matrix]] = {}
        self.latencies_ms: dict[str, float] = {}

    def load(self, release: Release) -> "FixedModel":
        if release.digest in self.broken:
            raise self.broken[release.digest]
        self.loaded.append(release.digest)
        return FixedModel(self, release)

    def set_aside(self, release: Release) -> None:
        if self.is_stuck:
            raise StateError("aside: Read-only file system")
        self.aside.append(release.digest)


class FixedModel:
    """Answers what its `FixedModels` says at the time."""

    def __init__(self, models: FixedModels, release: Release) -> None:
        self._models, self._digest = models, release.digest
        self._outputs = release.manifest.outputs

    @property
    def latency_ms(self) -> float:
        return self._models.latencies_ms.get(self._digest, 0.0)

    def score(self, features: Matrix) -> Matrix:
        self._models.given.setdefault(self._digest, []).append(features.copy())
        answer = self._models.answers.get(self._digest, 0.5)
        if isinstance(answer, Exception):
            raise answer
        found = answer(features) if callable(answer) else answer
        shape = (len(features), self._outputs)
        return np.broadcast_to(np.asarray(found, dtype=np.float32), shape).copy()


def logistic(features: Matrix) -> Matrix:
    """Return a probability that follows from the features, gaps taken as 0."""
    total = np.nan_to_num(features).sum(axis=1, keepdims=True, dtype=np.float32)
    return (1 / (1 + np.exp(-total))).astype(np.float32)
