"""The tables of the envelope beside scorecards and labelled samples."""

from typing import Annotated

import msgspec

from agent.core.envelope.part import Count, Part, Text, Utc
from agent.core.event import Field
from agent.core.fleet_row import FleetRow
from agent.core.manifest_parts import Name, Sha256
from agent.core.release import ReleaseState

_Word = Annotated[str, msgspec.Meta(max_length=200)]


class Placed(Part, frozen=True):
    """A release in a slot of a line-up."""

    digest: Sha256
    version: Annotated[int, msgspec.Meta(gt=0, le=2**53)]
    state: ReleaseState


class LineUpReport(Part, frozen=True):
    """Who is at work for a task.

    Attributes:
        confirmed_running: The active release's digest once it has passed its probation:
            only then this host counts as updated. None: no release has, here and now.
    """

    task: Name
    active: Placed | None = None
    standby: Placed | None = None
    shadow: Placed | None = None
    confirmed_running: Sha256 | None = None
    is_pinned: bool = False


class TrialReport(Part, frozen=True):
    """What one closed fleet block showed of a release on trial here.

    Attributes:
        digest: The release on trial.
        ticks: Of the fleet block: of `score_every_s` each.
        row: The counts and bets; its host is the sender.
    """

    task: Name
    digest: Sha256
    ticks: Annotated[int, msgspec.Meta(gt=0, le=2**53)]
    score_every_s: Annotated[float, msgspec.Meta(gt=0)]
    row: FleetRow


class FeatureDrift(Part, frozen=True):
    """How one feature lies in the bins between the reference's quantiles.

    Attributes:
        feature: Its place in the manifest.
        counts: Moments by cell, lowest first: below the first edge, on it, between it
            and the next, ...; empty where there is nothing to compare.
        gaps: Moments at which it was a gap.
        psi: Population stability index against the reference.
        threshold: What chance alone seldom exceeds at this sample size.
        effective_rows: How many independent moments would tell as much.
    """

    feature: Count
    counts: tuple[Count, ...]
    gaps: Count = 0
    psi: float = 0.0
    threshold: float = 0.0
    effective_rows: float = 0.0

    @property
    def has_drifted(self) -> bool:
        """Whether it differs by more than chance explains."""
        return self.psi > self.threshold


class Drift(Part, frozen=True):
    """What a release's features look like here, beside its training.

    Attributes:
        digest: The release whose reference it is.
        rows: Moments looked at.
        effective_rows: How many independent ones would tell as much, of the feature of
            which that is the fewest.
    """

    task: Name
    digest: Sha256
    rows: Count
    effective_rows: float
    features: tuple[FeatureDrift, ...] = ()


class ToldEvent(Part, frozen=True):
    """An event of the audit log; `id` is its number on the host."""

    id: Count
    at: Utc
    name: Annotated[str, msgspec.Meta(max_length=64)]
    fields: dict[_Word, Field] = msgspec.field(default_factory=dict)


class Resources(Part, frozen=True):
    """What the daemon has cost since it started."""

    cpu_s: float
    rss_bytes: Count
    uptime_s: float
    threads: Count
    written_bytes: Count | None = None


class SpoolHealth(Part, frozen=True):
    """What waits on the host.

    Attributes:
        waiting: Reports before this one.
        aside: Reports that central refused; kept for a person to look at.
        dropped: Reports that were given up, ever, to keep within bytes and age.
    """

    waiting: Count = 0
    waiting_bytes: Count = 0
    aside: Count = 0
    dropped: Count = 0


class TrustHealth(Part, frozen=True):
    """How the host stands with its repository.

    Attributes:
        checked_at: When it last verified it.
        trouble: What went wrong last; None: nothing.
        refused: Why the last offer of a task was not taken, by task.
    """

    checked_at: Utc | None = None
    trouble: Text | None = None
    refused: dict[Name, Text] = msgspec.field(default_factory=dict)


class Health(Part, frozen=True):
    """How the daemon does.

    Attributes:
        resources: None where no daemon runs.
        gaps: Samples of the window in which a metric was missing, by metric.
    """

    resources: Resources | None = None
    gaps: dict[_Word, Count] = msgspec.field(default_factory=dict)
    spool: SpoolHealth = SpoolHealth()
    trust: TrustHealth = TrustHealth()
