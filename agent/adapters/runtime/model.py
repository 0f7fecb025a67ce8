"""A model run by ONNX Runtime, its bytes checked against the signed digest."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agent.core.manifest import Manifest, ModelFile
from agent.core.target import EventTarget
from agent.errors import AnswerError, ModelError, StateError, TamperedError

_Run = Callable[[list[str], dict[str, npt.NDArray[np.float32]], object], list[Any]]
_FLOAT: Final = "tensor(float)"
_TELEMETRY_OFF: Final = "ORT_DISABLE_TELEMETRY"
_BOTH_CLASSES: Final = 2
# What opening says of a name that is free, or of no regular file: a link, a folder, a
# socket or device.
_NO_FILE: Final = {errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.ENXIO}
# The float32 mean of a hundred trees that all say 1 may come out as 1.0000001.
_ROUNDING: Final = 1e-5


class OnnxModel:
    """One loaded model; `score` is called for every moment and is kept thin.

    Args:
        document: The ONNX bytes, already checked.
        manifest: What was signed about them.
        run_options: What every run is given; None: nothing.

    Attributes:
        name: What it is called in messages.
        latency_ms: 0: nobody measures here.

    Raises:
        ModelError: The bytes cannot be loaded as the manifest says.
    """

    def __init__(
        self, document: bytes, *, manifest: Manifest, run_options: object = None
    ) -> None:
        if manifest.model is None:
            raise ModelError(f"task {manifest.task}: a survey has no model")
        self.name = f"model {manifest.model.sha256[:12]}"
        self.latency_ms = 0.0
        self._errors = _engine_errors()
        session = self._session(document)
        _check_interface(session, manifest=manifest, name=self.name)
        self._run: _Run = session.run
        self._run_options = run_options
        self._input = manifest.model.input
        self._outputs = [manifest.model.output]
        self._width = len(manifest.features)
        self._answers = manifest.outputs
        self._is_event = isinstance(manifest.target, EventTarget)
        self._lowest = 0.0 if self._is_event else float(np.finfo(np.float32).min)
        self._highest = 1.0 if self._is_event else float(np.finfo(np.float32).max)

    def score(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the scores, shape (n, outputs), of features, shape (n, n_features).

        Raises:
            AnswerError: The model answered another shape or type, a number that is not
                finite, or a probability outside 0..1; names the row.
            ModelError: It raised.
        """
        if not len(features):
            return np.empty((0, self._answers), dtype=np.float32)
        try:
            (answer,) = self._run(
                self._outputs, {self._input: features}, self._run_options
            )
        except self._errors as error:
            raise ModelError(f"{self.name}: raised {_first_line(error)}") from error
        scores = self._shaped(answer, rows=len(features))
        # Most answers are one number, which Python compares faster than numpy would. A
        # NaN makes the comparison false.
        lowest, highest = self._lowest, self._highest
        if all(lowest <= each <= highest for each in scores.ravel().tolist()):
            return scores
        return self._rounded(scores)

    def _shaped(self, answer: object, *, rows: int) -> npt.NDArray[np.float32]:
        if not isinstance(answer, np.ndarray) or answer.dtype != np.float32:
            kind = getattr(answer, "dtype", type(answer).__name__)
            raise AnswerError(f"{self.name}: expected float32 answers, got {kind}")
        if answer.shape == (rows, self._answers):
            return answer
        if self._answers == 1 and answer.shape == (rows,):
            return answer.reshape(rows, 1)
        if self._is_event and answer.shape == (rows, _BOTH_CLASSES):
            return answer[:, 1:]
        raise AnswerError(
            f"{self.name}: expected answers of shape ({rows}, {self._answers}), "
            f"got {answer.shape}"
        )

    def _rounded(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return scores that left the range by a rounding only, brought back."""
        is_good = (scores >= self._lowest - _ROUNDING) & (
            scores <= self._highest + _ROUNDING
        )
        if is_good.all():
            return scores.clip(self._lowest, self._highest)
        raise self._out_of_range(scores, is_good=is_good)

    def _out_of_range(
        self, scores: npt.NDArray[np.float32], *, is_good: npt.NDArray[np.bool_]
    ) -> AnswerError:
        bad = np.flatnonzero(~is_good.all(axis=1))
        first = int(bad[0])
        expected = "a probability in 0..1" if self._is_event else "a finite number"
        got = float(scores[first][~is_good[first]][0])
        return AnswerError(
            f"{self.name}: expected {expected}, got {got:g} in row {first + 1} of "
            f"{len(scores)} ({len(bad)} such)"
        )

    def _session(self, document: bytes) -> Any:  # noqa: ANN401 - untyped library
        engine = load_engine()
        try:
            session = engine.InferenceSession(
                document,
                sess_options=_options(engine),
                providers=["CPUExecutionProvider"],
                enable_fallback=False,
            )
        except self._errors as error:
            raise ModelError(
                f"{self.name}: cannot be loaded: {_first_line(error)}"
            ) from error
        # It keeps the file's bytes only to fall back on another provider.
        vars(session).pop("_model_bytes", None)
        return session


def read_model(path: Path, model: ModelFile) -> bytes:
    """Return the bytes of a model file: opened once, whole, and those that were signed.

    Raises:
        TamperedError: No regular file of the signed length and hash is there.
        StateError: The file cannot be read.
    """
    name = f"model {model.sha256[:12]}"
    try:
        document = _read_regular(path, model.length)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise TamperedError(
                f"{name}: expected a regular file, got {error.strerror}"
            ) from error
        raise StateError(f"{path}: {error.strerror}; see its rights") from error
    if document is None or len(document) != model.length:
        got = "something else" if document is None else f"{len(document)} bytes"
        raise TamperedError(
            f"{name}: expected a regular file of {model.length} bytes, got {got}"
        )
    digest = hashlib.sha256(document).hexdigest()
    if digest != model.sha256:
        raise TamperedError(f"{name}: expected sha256 {model.sha256}, got {digest}")
    return document


def _read_regular(path: Path, length: int) -> bytes | None:
    """Return at most one byte more than `length`, or None if `path` is no file."""
    # O_NONBLOCK: opening a FIFO that stands in the file's place must not wait.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        parts: list[bytes] = []
        missing = length + 1
        while missing > 0 and (part := file.read(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def _check_interface(session: Any, *, manifest: Manifest, name: str) -> None:  # noqa: ANN401
    """Raise ModelError unless the model takes and gives what the manifest says."""
    model = manifest.model
    assert model is not None  # noqa: S101 - the caller has seen it
    taken = {i.name: (i.type, i.shape) for i in session.get_inputs()}
    given = {o.name: o.type for o in session.get_outputs()}
    width = len(manifest.features)
    if list(taken) != [model.input]:
        raise ModelError(
            f'{name}: expected one input "{model.input}", got {_listed(taken)}'
        )
    kind, shape = taken[model.input]
    is_free = len(shape) == 2 and not isinstance(shape[0], int)  # noqa: PLR2004 - rank
    if kind != _FLOAT or not is_free or shape[1] != width:
        raise ModelError(
            f'{name}: input "{model.input}": expected {_FLOAT} of shape [n, {width}], '
            f"got {kind} of shape {shape}"
        )
    if given.get(model.output) != _FLOAT:
        got = given.get(model.output, f"outputs {_listed(given)}")
        raise ModelError(
            f'{name}: output "{model.output}": expected {_FLOAT}, got {got}'
        )


@cache
def load_engine() -> Any:  # noqa: ANN401 - untyped library
    """Import ONNX Runtime, at the first load: what scores nothing starts quickly.

    Raises:
        StateError: Its telemetry was not switched off before.
    """
    if not os.environ.get(_TELEMETRY_OFF):
        raise StateError(f"{_TELEMETRY_OFF} must be set before ONNX Runtime is loaded")
    import onnxruntime  # noqa: PLC0415

    return onnxruntime


@cache
def _engine_errors() -> tuple[type[Exception], ...]:
    """Return all that a session may raise; its own errors share no base class."""
    own = vars(load_engine().capi.onnxruntime_pybind11_state).values()
    found = [e for e in own if isinstance(e, type) and issubclass(e, Exception)]
    return (*found, RuntimeError, ValueError, TypeError, MemoryError)


def _options(engine: Any) -> Any:  # noqa: ANN401 - untyped library
    options = engine.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = engine.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # The arena keeps what it once took, and aborts where it may take no more.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    return options


def _listed(names: dict[str, Any]) -> str:
    return ", ".join(f'"{name[:40]}"' for name in names) or "none"


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
