"""The models of a folder, for a replay and for a daemon that must outlive them."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.adapters.disk import remove
from agent.adapters.runtime.mark import Mark
from agent.adapters.runtime.model import OnnxModel, load_engine, read_model
from agent.adapters.runtime.watch import Watch
from agent.core.manifest import ModelFile
from agent.core.release import Release
from agent.errors import ModelError, StateError
from agent.ports import Model

_KEPT_ASIDE: Final = 5
# A model that hangs each time may cost the host three times the limit, not more.
_TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What a daemon loads and runs its models under.

    Attributes:
        mark: Names the release that is at it, should the process die.
        watch: Ends what takes too much processor time.
    """

    mark: Mark
    watch: Watch

    def close(self) -> None:
        """Let file and thread go."""
        self.mark.close()
        self.watch.close()


class OnnxModels:
    """The models of a folder of immutable files, each named by its digest.

    Args:
        folder: Where the files are.
        guard: What they are loaded and run under; None: nothing, as in a replay.
    """

    def __init__(self, folder: Path, *, guard: Guard | None = None) -> None:
        self._folder = folder
        self._guard = guard

    def load(self, release: Release) -> Model:
        """Return the release's model, its bytes checked against its digest.

        The bytes are read once and handed on: what becomes of the file after that does
        not matter until the next load.

        Raises:
            TamperedError: The bytes are not those that were signed, or are gone.
            StateError: The file cannot be read.
            ModelError: They cannot be loaded as the manifest says.
        """
        model = release.manifest.model
        if model is None:
            raise ModelError(f"release {release.digest[:12]}: a survey has no model")
        document = read_model(self._path(model), model)
        if self._guard is None:
            return OnnxModel(document, manifest=release.manifest)
        return _GuardedModel(document, release=release, guard=self._guard)

    def set_aside(self, release: Release) -> None:
        """Move a release's file to `aside/`, whatever it is; nothing if it is gone.

        Nothing there is overwritten; the five newest are kept.

        Raises:
            StateError: It cannot be moved.
        """
        model, aside = release.manifest.model, self._folder / "aside"
        if model is None:
            return
        try:
            aside.mkdir(mode=0o750, exist_ok=True)
            kept = sorted(aside.iterdir(), key=_number)
            number = 1 + (_number(kept[-1]) if kept else 0)
            self._path(model).rename(aside / f"{model.sha256}.{number}")
            for old in kept[: max(0, len(kept) + 1 - _KEPT_ASIDE)]:
                remove(old)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StateError(f"{error.filename}: {error.strerror}") from error

    def _path(self, model: ModelFile) -> Path:
        return self._folder / f"{model.sha256}.onnx"


class _GuardedModel:
    """A model whose load and runs are marked and limited."""

    def __init__(self, document: bytes, *, release: Release, guard: Guard) -> None:
        self.latency_ms = 0.0
        self._digest = release.digest
        self._guard = guard
        self._ended = 0
        load_engine()  # if that is what dies, it is not of this release
        with guard.mark.naming(self._digest), guard.watch.limited():
            self._model = OnnxModel(
                document,
                manifest=release.manifest,
                run_options=guard.watch.run_options,
            )

    def score(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the scores of features, as `OnnxModel.score` does.

        Raises:
            ModelError: As there; also if it was ended, or has been so often that it is
                not asked again.
        """
        watch = self._guard.watch
        if self._ended == _TRIES:
            raise ModelError(
                f"{self._model.name}: ended {_TRIES} times in a row, not run again"
            )
        try:
            with self._guard.mark.naming(self._digest), watch.limited():
                began_s = time.thread_time()
                scores = self._model.score(features)
                self.latency_ms = 1000 * (time.thread_time() - began_s)
        except ModelError as error:
            if not watch.has_given_up:
                raise
            self._ended += 1
            raise ModelError(
                f"{self._model.name}: did not answer within {watch.run_limit_s:g} s of "
                "processor time, terminated"
            ) from error
        self._ended = 0
        return scores


def _number(path: Path) -> int:
    """Return the number that a file was set aside under; 0: by somebody else."""
    text = path.suffix.removeprefix(".")
    return int(text) if text.isdecimal() else 0
