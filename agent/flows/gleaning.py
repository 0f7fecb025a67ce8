"""Gleaning: what a task's newly resolved moments tell, each looked at exactly once."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.drift import drift
from agent.core.envelope import Drift, LabelledRow, row_of
from agent.core.lineup import LineUp
from agent.core.moment import Moment, Outcome, OutcomeKind, Role
from agent.core.release import Release
from agent.core.reporting import LEAST_NEW, TaskState, cost
from agent.ports.reporting import Past

# So many vectors are kept for the drift, the newest; and so many rows are weighed.
_KEPT: Final = 10_000
_WEIGHED: Final = 16
_LONGEST_ENTITY: Final = 500
_LABELS: Final[Mapping[OutcomeKind, float]] = {
    OutcomeKind.HAPPENED: 1.0,
    OutcomeKind.DID_NOT: 0.0,
}
_ORDER: Final = (Role.ACTIVE, Role.STANDBY, Role.SHADOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leading:
    """Whose features a task's moments have, where no prediction tells.

    Attributes:
        release: The line-up's first; None where there is none.
        is_sure: Whether nobody else can have led since the last report.
    """

    release: Release | None
    is_sure: bool

    def of(self, moment: Moment) -> str | None:
        """Return whose features a moment has; None where nobody can tell.

        Who predicted without a vector of its own was given the moment's. Where nobody
        did, as under a survey, which has no model, it is the one that leads.
        """
        shared = {p.role: p.digest for p in moment.predictions if p.features is None}
        found = next((shared[role] for role in _ORDER if role in shared), None)
        if found is None and self.is_sure and self._was_silent(moment):
            return self.leader
        return found

    @property
    def leader(self) -> str | None:
        """The digest of who leads."""
        return None if self.release is None else self.release.digest

    def _was_silent(self, moment: Moment) -> bool:
        """Return whether it may have led, and only have said nothing."""
        if self.release is None:
            return False
        spoke = {each.digest for each in moment.predictions}
        features = self.release.manifest.features
        return self.release.digest not in spoke and len(features) == len(
            moment.features
        )


@dataclass(slots=True, kw_only=True)
class Gleaned:
    """What came of a task since the last report.

    Attributes:
        numbers: Of the moments that may be sampled, rising.
        events: Which of them happened, by position.
        quiet: Which of them did not.
        state: What is told of the task now.
    """

    numbers: list[int] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    quiet: list[int] = field(default_factory=list)
    state: TaskState
    _costs: list[int] = field(default_factory=list)
    _vectors: deque[npt.NDArray[np.float32]] = field(
        default_factory=lambda: deque(maxlen=_KEPT)
    )
    _at: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    @property
    def row_bytes(self) -> float:
        """What a row takes, on average; 0 without any."""
        return sum(self._costs) / len(self._costs) if self._costs else 0.0

    @property
    def is_many(self) -> bool:
        """Whether the drift tells of no single vector; without any there is none."""
        return not self._vectors or len(self._vectors) >= LEAST_NEW

    def take(self, moment: Moment, outcome: Outcome, *, digest: str) -> None:
        """Take in one resolved moment."""
        is_event = outcome.kind is OutcomeKind.HAPPENED
        (self.events if is_event else self.quiet).append(len(self.numbers))
        self.numbers.append(moment.id)
        if len(self._costs) < _WEIGHED:
            self._costs.append(cost(row(moment, outcome, digest=digest)))
        if digest == self.state.leader:
            self._vectors.append(moment.features)
            self._at.append(moment.at.timestamp())

    def drift(self, release: Release | None) -> Drift | None:
        """Return how the leading release's features lie beside its reference.

        None: there is nothing to compare.
        """
        reference = None if release is None else release.manifest.reference
        if release is None or reference is None or not self._vectors:
            return None
        return drift(
            release.manifest.task,
            release.digest,
            reference=reference,
            features=np.stack(tuple(self._vectors)),
            at=tuple(self._at),
        )


def leading(
    lineup: LineUp, *, known: Mapping[str, Release], told: TaskState | None
) -> Leading:
    """Return who leads a task, and whether it surely did since the last report."""
    first = next((digest for _, digest in lineup.roles()), "")
    release = known.get(first)
    others = sum(each.manifest.task == lineup.task for each in known.values())
    has_led = told is not None and told.leader == first
    return Leading(release=release, is_sure=has_led or others == 1)


def gleaned(past: Past, task: str, *, who: Leading, after: int) -> Gleaned:
    """Return what a task's moments above a number tell, up to its first open one."""
    first_open = past.oldest_open().get(task)
    before = None if first_open is None else first_open.id
    found = Gleaned(state=TaskState(through=after, leader=who.leader))
    through = after
    for moment, outcome in past.resolved(task, after=after, before=before):
        through = moment.id
        digest = who.of(moment)
        if digest is not None and _is_told(moment, outcome):
            found.take(moment, outcome, digest=digest)
    found.state = TaskState(
        through=through if before is None else max(after, before - 1),
        leader=who.leader,
    )
    return found


def _is_told(moment: Moment, outcome: Outcome) -> bool:
    """Return whether something came, and central would take the row.

    For one row that it would not, the whole report would be refused.
    """
    if outcome.kind is OutcomeKind.VOID or len(moment.entity) > _LONGEST_ENTITY:
        return False
    said = [value for each in moment.predictions for value in each.values]
    return all(map(math.isfinite, [outcome.value or 0.0, *said]))


def rows_of(
    past: Past, numbers: Sequence[int], *, who: Leading
) -> Iterator[LabelledRow]:
    """Yield the labelled rows of these moments, in their order."""
    for moment, outcome in past.chosen(numbers):
        yield row(moment, outcome, digest=who.of(moment) or "")


def row(moment: Moment, outcome: Outcome, *, digest: str) -> LabelledRow:
    """Return a resolved moment as it is sent.

    Args:
        moment: What was predicted.
        outcome: What came; not void.
        digest: The release whose features these are.
    """
    said = {each.role: each.values for each in moment.predictions}
    return LabelledRow(
        task=moment.task,
        release=digest,
        entity=moment.entity,
        at=moment.at,
        label=_LABELS.get(outcome.kind, outcome.value or 0.0),
        baseline=said.get(Role.BASELINE, ()),
        active=said.get(Role.ACTIVE, ()),
        features=row_of(moment.features),
    )


def by_digest(releases: Iterable[Release]) -> dict[str, Release]:
    """Return releases by what names them."""
    return {release.digest: release for release in releases}
