"""What the training of models needs of the world."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from central.core.recording import HostTrace


class Traces(Protocol):
    """Where recorded hosts are read from."""

    def hosts(self) -> Sequence[str]:
        """Return the names of the recorded hosts, sorted."""
        ...

    def read(self, host: str, *, column: str) -> HostTrace:
        """Return one column of a host.

        Raises:
            TraceError: The file or the column is not there.
        """
        ...


class TrainedModel(Protocol):
    """A model as it will be shipped."""

    @property
    def document(self) -> bytes:
        """The ONNX file's bytes."""
        ...

    @property
    def opset(self) -> int:
        """Version of the default ONNX domain."""
        ...

    @property
    def ir(self) -> int:
        """Version of the ONNX file format."""
        ...

    def score(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the probabilities of features (n, n_features), shape (n,)."""
        ...


class Trainer(Protocol):
    """What turns examples into a model."""

    def train(
        self,
        features: npt.NDArray[np.float32],
        happened: npt.NDArray[np.bool_],
        *,
        signs: Sequence[int],
    ) -> TrainedModel:
        """Return a model; `signs` say which way each feature may move its answer."""
        ...


class Sketch(Protocol):
    """Where a starter's card gets its picture from."""

    def picture(
        self,
        happened: npt.NDArray[np.bool_],
        *,
        ranked: Mapping[str, npt.NDArray[np.float64]],
        said: Mapping[str, npt.NDArray[np.float64]],
    ) -> bytes:
        """Return a PNG file: precision over recall, and reliability.

        Args:
            happened: What came at each moment, shape (n,).
            ranked: Scores by name, shape (n,) each; the higher, the sooner an alarm.
            said: Probabilities by name, shape (n,) each.
        """
        ...


class ReleaseFolder(Protocol):
    """Where releases are written to."""

    def write(self, task: str, files: dict[str, bytes]) -> None:
        """Write a task's files, each whole or not at all."""
        ...
