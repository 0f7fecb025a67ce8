"""Builds what retraining works with."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from central.adapters.folder import FolderOfReleases, OneFolder
from central.adapters.plots import Plots
from central.adapters.qualifier import AgentQualifier
from central.adapters.scorer import ChildScorer
from central.adapters.trees import TreeLearner
from central.config import read_fleet, read_gate
from central.flows.publish import Publication, Ready, publish
from central.flows.retrain import Order, Outcome, RetrainPorts, retrain
from central.ports.learning import Learner
from central.wiring.dataset import opened_dataset, shelved
from central.wiring.fleet import opened_fleet
from central.wiring.log import note_publication
from central.wiring.repository import looked_at, opened, present


def order_of(folder: Path, *, gate: Path | None = None) -> Order:
    """Return what `fleet.toml` asks of a retraining.

    Args:
        folder: Central's.
        gate: A file with another gate; None: that of `fleet.toml`.

    Raises:
        ConfigError: A file says what cannot be.
    """
    fleet = read_fleet(folder)
    bars = fleet.gate if gate is None else read_gate(gate)
    return Order(
        bars=bars,
        group_label=bars.group_label,
        cluster_label=fleet.serve.cluster_label,
    )


def retrained(
    folder: Path,
    *,
    task: str,
    order: Order,
    out: Path | None = None,
    cluster: str | None = None,
    tell: Callable[[str], None] = lambda words: None,
    now: datetime | None = None,
) -> Outcome:
    """Retrain a task, as `central.flows.retrain.retrain` says.

    Args:
        folder: Central's.
        task: Whose samples are learnt from.
        order: What is asked.
        out: Where model, manifest, card and pictures are written; None: below
            `releases` in central's folder.
        cluster: Address of a Dask scheduler; None: trees are grown here.
        tell: Told what happens now.
        now: When the release is made; None: now.
    """
    begun = monotonic()
    order = order if out is None else replace(order, papers="")
    # First, for it tells of a folder that is none before anything is made in it.
    shelf = looked_at(folder)
    # What came just now is learnt from, too.
    shelved(folder)
    with opened_fleet(folder) as fleet, _learner(folder, cluster) as learner:
        ports = RetrainPorts(
            shelf=shelf,
            dataset=opened_dataset(folder),
            fleet=fleet.fleet,
            scout=TreeLearner(),
            learner=learner,
            scorer=ChildScorer(),
            qualifier=AgentQualifier(),
            gallery=Plots(),
            folder=OneFolder(out) if out else FolderOfReleases(folder / "releases"),
            scratch=_scratch,
            publish=_publisher(folder),
            elapsed_s=lambda: monotonic() - begun,
            tell=tell,
        )
        return retrain(ports, task=task, order=order, now=now or present())


@contextmanager
def _learner(folder: Path, cluster: str | None) -> Iterator[Learner]:
    """Yield what grows the trees that are kept."""
    if cluster is None:
        yield TreeLearner()
        return
    # Only here: without a cluster Dask need not be installed.
    from central.wiring.cluster import opened_cluster  # noqa: PLC0415

    with opened_cluster(folder, cluster) as learner:
        yield learner


@contextmanager
def _scratch(content: bytes) -> Iterator[Path]:
    with TemporaryDirectory(prefix="forewarn-") as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(content)
        yield path


def _publisher(folder: Path) -> Callable[[Ready, Mapping[str, object]], Publication]:
    def published(ready: Ready, evidence: Mapping[str, object]) -> Publication:
        """Sign for a release under the repository's lock, and write it down."""
        with opened(folder) as desk:
            found = publish(desk, ready)
            note_publication(folder, desk, found, evidence=evidence)
            return found

    return published
