"""What a replay works with: the live parts, a recorded host, a ledger of its own."""

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from agent.adapters.evidence import EvidenceFiles
from agent.adapters.model_folder import ModelFolder
from agent.adapters.runtime import OnnxModels
from agent.adapters.store.desk import SqliteDesk
from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.registry import SqliteRegistry
from agent.adapters.trace import Trace, TraceHost
from agent.config import Guard
from agent.core.manifest import Manifest, parse_manifest
from agent.core.request import Request, Verb
from agent.errors import ConfigError, StateError
from agent.flows.replay import Act, Schedule, offer
from agent.flows.tick import Ticker
from agent.wiring.places import database, evidence_folder, models_folder, starters
from agent.wiring.policy import guard_policy

# What a recorded host lives through in a second or so.
_TICKS_A_COMMIT = 1000
# Who asks for what stands in a schedule: nobody's name on this machine.
_OPERATOR = "the schedule"


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


class Offer(NamedTuple):
    """A release that is offered just before the tick of a row."""

    release: ReleaseFolder
    row: int = 0


class Wish(NamedTuple):
    """What an operator asks for just before the tick of a row."""

    row: int
    verb: Verb
    task: str
    version: int | None = None


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
    trace: Trace,
    offers: Sequence[Offer],
    *,
    state_dir: Path,
    wishes: Sequence[Wish] = (),
    guard: Guard | None = None,
) -> Iterator[tuple[Ticker, Schedule]]:
    """Yield a ticker for the trace, and what others do between its ticks.

    Args:
        trace: The recorded host.
        offers: What the courier would have come with, and when.
        state_dir: Empty; gets the ledger and the models, as a live host's would.
        wishes: What an operator would have asked for, and when.
        guard: How the site wants it; None: as it is by default.

    Raises:
        StateError: The folder already holds a ledger, or cannot be written.
    """
    path = database(state_dir)
    if path.exists():
        raise StateError(
            f"{state_dir}: expected an empty folder, got {path.name} in it"
        )
    models = ModelFolder(models_folder(state_dir))
    with (
        closing(SqliteRegistry.open(path)) as registry,
        closing(SqliteDesk.open(path)) as desk,
        closing(SqliteLedger.open(path)) as ledger,
    ):
        schedule: dict[int, list[Act]] = defaultdict(list)
        for release, row in offers:
            schedule[row].append(
                partial(_take_in, release, models=models, registry=registry)
            )
        for wish in wishes:
            schedule[wish.row].append(partial(_ask, wish, desk))
        ticker = Ticker(
            host=TraceHost(trace),
            ledger=ledger,
            models=OnnxModels(models_folder(state_dir)),
            voucher=_Trusting(),
            interval_s=trace.interval_s,
            origin_s=float(trace.instants_s[0]),
            commit_every_s=trace.interval_s * _TICKS_A_COMMIT,
            is_allowed=lambda task: True,
            policy=guard_policy(guard or Guard()),
            evidence=EvidenceFiles(evidence_folder(state_dir)),
            is_alone=True,
        )
        yield ticker, schedule


def _take_in(
    each: ReleaseFolder, now: datetime, *, models: ModelFolder, registry: SqliteRegistry
) -> None:
    """Bring a release as the courier would: first its model, then its row."""
    if each.model is not None and each.manifest.model is not None:
        sha256 = each.manifest.model.sha256
        shutil.copyfile(each.model, models.staging(sha256))
        models.keep(sha256)
    offer(
        registry,
        digest=each.digest,
        document=each.document,
        manifest=each.manifest,
        at=now,
    )


def _ask(wish: Wish, desk: SqliteDesk, now: datetime) -> None:
    desk.ask(
        Request(
            at=now,
            by=_OPERATOR,
            verb=wish.verb,
            task=wish.task,
            version=wish.version,
        )
    )
