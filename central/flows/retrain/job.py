"""One retraining: what is asked, what it needs, and what can come of it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.core.manifest import Manifest
from central.core.dossier import Amount
from central.core.exam import Paper, Result
from central.core.gate import Bars, Check
from central.core.kin import Family, levels_of
from central.core.samples import Samples
from central.flows.publish import Publication, Ready
from central.flows.retrain.gathering import Past
from central.ports import Desk, Qualifier, ReleaseFolder, Scorer
from central.ports.dataset import Dataset
from central.ports.fleet import Fleet
from central.ports.learning import Gallery, Learner

SEED: Final = 20261124
TRIALS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of a retraining.

    Attributes:
        bars: The gate's.
        group_label: By which label of their hosts groups are judged.
        cluster_label: Hosts with the same one are never on both sides of a test.
        seed: Of whatever is drawn; the same samples and seed make the same model.
        trials: How many settings are tried at most.
        budget_s: No further trial begins after so long.
        false_alarms: How many cost as much as a miss; None: the best F1 is sought.
        is_dry: Nothing is signed.
        papers: Where card and pictures lie, as the manifest says it; None: at the
            usual place in central's folder.
    """

    bars: Bars
    group_label: str = "role"
    cluster_label: str = "cluster"
    seed: int = SEED
    trials: int = TRIALS
    budget_s: float = 120.0
    false_alarms: float | None = None
    is_dry: bool = False
    papers: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainPorts:
    """What retraining needs of the world.

    Attributes:
        shelf: The signed repository, to be read.
        scout: Grows the trees that are tried.
        learner: Grows the trees that are kept; on a cluster, maybe.
        folder: Where model, manifest, card and pictures are written.
        scratch: Returns a file with these bytes, while it lasts.
        publish: Signs for a release, on this evidence.
        elapsed_s: Returns how long it has taken so far.
        tell: Told what happens now, for whoever waits.
    """

    shelf: Desk
    dataset: Dataset
    fleet: Fleet
    scout: Learner
    learner: Learner
    scorer: Scorer
    qualifier: Qualifier
    gallery: Gallery
    folder: ReleaseFolder
    scratch: Callable[[bytes], AbstractContextManager[Path]]
    publish: Callable[[Ready, Mapping[str, object]], Publication]
    elapsed_s: Callable[[], float]
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """There are too few samples; nothing was trained."""

    task: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    """A release that passed the gate.

    Attributes:
        digest: SHA-256 of its manifest.
        checks: The gate's, all kept.
        result: Of its exam.
        publication: What came of signing; None: it was a dry run.
    """

    task: str
    version: int
    digest: str
    checks: tuple[Check, ...]
    result: Result
    publication: Publication | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRefused:
    """A release that did not pass; nothing was signed.

    Attributes:
        reasons: Every rule that it did not keep.
    """

    task: str
    version: int
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]
    result: Result


Outcome = Retrained | GateRefused | NotYet


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One retraining.

    Attributes:
        family: Whose samples teach.
    """

    ports: RetrainPorts
    order: Order
    now: datetime
    past: Past
    family: Family

    @property
    def manifest(self) -> Manifest:
        """What the new release takes over."""
        return self.family.newest.manifest

    @property
    def is_event(self) -> bool:
        """Whether it says that something happens, or which value comes."""
        return not levels_of(self.manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of judging.

    Attributes:
        paper: What each forecaster said.
        is_rescored: Whether the current release was asked anew.
    """

    paper: Paper
    is_rescored: bool
    result: Result


def amount_of(samples: Samples, *, is_event: bool) -> Amount:
    """Return how much some samples hold."""
    return Amount(
        rows=len(samples),
        hosts=len(set(samples.host.tolist())),
        events=int((samples.label > 0).sum()) if is_event else None,
    )
