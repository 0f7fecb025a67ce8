"""A moment: one instant of one task and entity, what was predicted, what came."""

from datetime import datetime
from enum import StrEnum

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.recalibration import Calibration

BASELINE = "baseline"


# Structs of msgspec: a replay makes thousands of them a second, at a sixth of the
# cost of frozen dataclasses.


class Role(StrEnum):
    """What a release is to its task on this host."""

    ACTIVE = "active"
    STANDBY = "standby"
    SHADOW = "shadow"
    BASELINE = "baseline"


class OutcomeKind(StrEnum):
    """What the host later showed."""

    HAPPENED = "happened"
    DID_NOT = "did_not"
    VALUE = "value"
    VOID = "void"


class Void(StrEnum):
    """Why a moment has no outcome."""

    GAP = "gap"  # too few samples until it was due
    REBOOT = "reboot"  # the host started anew before it was due
    CLOCK = "clock"  # the clock went back before it was due
    RETIRED = "retired"  # the task is no longer at work on this host
    AVERTED = "averted"  # an operator says that somebody acted on it
    DISMISSED = "dismissed"  # an operator says that it means nothing


class Thesis(StrEnum):
    """What the guard tests about a release and its reference."""

    WORSE = "worse"
    NOT_WORSE = "not_worse"
    BETTER = "better"


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """One release's score at a moment.

    Attributes:
        role: What the release was to the task at that instant.
        digest: The release, or `baseline`.
        values: One probability, or one number a quantile level.
        features: float32, shape (n_features,): what this release was given; None
            where that is the moment's own vector.
        calibration: What this host made of the model's own answer; None: nothing.
    """

    role: Role
    digest: str
    values: tuple[float, ...]
    features: npt.NDArray[np.float32] | None = None
    calibration: Calibration | None = None

    @property
    def said(self) -> tuple[float, ...]:
        """What the model itself answered."""
        made = self.calibration
        return self.values if made is None else (made.said,)

    def made_of(self, said: tuple[float, ...]) -> tuple[float, ...]:
        """Return what this host would have made of another answer at that moment."""
        made = self.calibration
        return said if made is None else (made.of(said[0]).answer,)


class Wager(msgspec.Struct, frozen=True, array_like=True):
    """What the guard staked on a moment, for one of its questions.

    Attributes:
        thesis: What is tested,
        release: about the release in this role,
        reference: against that in this one.
        tick: When, in the guard's own count.
        bets: How many of its bettors took part.
        parts: How many moments its tick was made of: one an entity.
    """

    thesis: Thesis
    release: Role
    reference: Role
    tick: int
    bets: int
    parts: int


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One instant of one task and entity, with every live release's score.

    Attributes:
        id: Grows by one; names the moment to people (`explain ID`).
        task: The task's name.
        entity: What it speaks of; empty for the host itself.
        at: When it was predicted.
        due_at: When its outcome can be read.
        limit: The condition's right side, frozen; None for a value target.
        origin: The target's value at `at`; NaN where it was a gap.
        state: What the baseline saw, one of its own states.
        features: float32, shape (n_features,); NaN marks a gap.
        predictions: The baseline's and one a live release.
        wagers: What the guard staked on it.
    """

    id: int
    task: str
    entity: str
    at: datetime
    due_at: datetime
    limit: float | None
    origin: float
    state: int
    features: npt.NDArray[np.float32]
    predictions: tuple[Prediction, ...]
    wagers: tuple[Wager, ...] = ()

    def by(self, role: Role) -> Prediction | None:
        """Return the prediction that was made in this role, if there was one."""
        for prediction in self.predictions:
            if prediction.role is role:
                return prediction
        return None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the host later showed.

    Attributes:
        kind: Happened, did not, a value, or void.
        resolved_at: When it was read.
        value: For a value target: the level or change that came.
        happened_at: For an event: when the condition had held for long enough.
        void: Why there is no outcome.
    """

    kind: OutcomeKind
    resolved_at: datetime
    value: float | None = None
    happened_at: datetime | None = None
    void: Void | None = None


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A moment together with its outcome."""

    moment: Moment
    outcome: Outcome
