"""What a replay works with: the live parts, a recorded host, a ledger of its own."""

import hashlib
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.adapters.model_folder import ModelFolder
from agent.adapters.runtime import OnnxModels
from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.registry import SqliteRegistry
from agent.adapters.trace import Trace, TraceHost
from agent.core.lineup import LineUp
from agent.core.manifest import Manifest, parse_manifest
from agent.core.release import ReleaseState
from agent.errors import ConfigError, StateError
from agent.flows.tick import Ticker
from agent.wiring.places import database, models_folder, starters

# What a recorded host lives through in a second or so.
_TICKS_A_COMMIT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFolder:
    """A release as it lies in a folder: `manifest.json` and `model.onnx`.

    Attributes:
        document: The manifest's bytes.
        manifest: The same, understood.
        model: The model's file; None for a survey.
    """

    document: bytes
    manifest: Manifest
    model: Path | None

    @property
    def digest(self) -> str:
        """The release's name: SHA-256 of its manifest, which pins all the rest."""
        return hashlib.sha256(self.document).hexdigest()


class _Trusting:
    """Doubts nothing: whoever replays has chosen the releases, signed or not."""

    def doubts(self, digests: Collection[str]) -> Mapping[str, str]:
        """Return no doubt."""
        return {}


def read_release(folder: Path) -> ReleaseFolder:
    """Return the release in a folder.

    Raises:
        ConfigError: The folder holds no manifest, or not the model that it pins.
        ManifestError: The manifest cannot be understood.
    """
    try:
        document = (folder / "manifest.json").read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{folder}: expected a release, manifest.json and model.onnx: "
            f"{error.strerror}"
        ) from error
    manifest = parse_manifest(document)
    model = None if manifest.model is None else folder / "model.onnx"
    if model is not None and not model.is_file():
        raise ConfigError(
            f"{model}: expected the model that the manifest pins, got none"
        )
    return ReleaseFolder(document=document, manifest=manifest, model=model)


def named_release(name: str) -> ReleaseFolder:
    """Return the release in a folder, or the shipped one of a task, by what it is.

    Raises:
        ConfigError: It is neither.
    """
    if Path(name).is_dir():
        return read_release(Path(name))
    shipped = starter_names()
    if name in shipped:
        return read_release(starters() / name)
    raise ConfigError(
        f'expected a release folder or one of {", ".join(shipped)}, got "{name}"'
    )


def starter_names() -> list[str]:
    """Return the tasks that the package ships a release for."""
    return sorted(each.parent.name for each in starters().glob("*/manifest.json"))


@contextmanager
def replaying(
    trace: Trace, releases: Sequence[ReleaseFolder], *, state_dir: Path
) -> Iterator[Ticker]:
    """Yield a ticker that lives through the trace with these releases active.

    Args:
        trace: The recorded host.
        releases: At most one a task.
        state_dir: Empty; gets the ledger and the models, as a live host's would.

    Raises:
        StateError: The folder already holds a ledger, or cannot be written.
    """
    path = database(state_dir)
    if path.exists():
        raise StateError(
            f"{state_dir}: expected an empty folder, got {path.name} in it"
        )
    models = ModelFolder(models_folder(state_dir))
    with closing(SqliteRegistry.open(path)) as registry, registry.transaction():
        for each in releases:
            _admit(each, models=models, registry=registry, trace=trace)
    with closing(SqliteLedger.open(path)) as ledger:
        yield Ticker(
            host=TraceHost(trace),
            ledger=ledger,
            models=OnnxModels(models_folder(state_dir)),
            voucher=_Trusting(),
            interval_s=trace.interval_s,
            origin_s=float(trace.instants_s[0]),
            commit_every_s=trace.interval_s * _TICKS_A_COMMIT,
            is_allowed=lambda task: True,
        )


def _admit(
    each: ReleaseFolder, *, models: ModelFolder, registry: SqliteRegistry, trace: Trace
) -> None:
    if each.model is not None and each.manifest.model is not None:
        sha256 = each.manifest.model.sha256
        shutil.copyfile(each.model, models.staging(sha256))
        models.keep(sha256)
    registry.admit(digest=each.digest, manifest=each.document, at=trace.instants[0])
    registry.set_state(each.digest, ReleaseState.SHADOW)
    registry.set_state(each.digest, ReleaseState.PROBATION)
    registry.set_lineup(LineUp(task=each.manifest.task, active=each.digest))
