"""A scorecard as it goes upstream: the same counts under the contract's names."""

from datetime import date
from typing import Annotated

import msgspec

from agent.core.envelope.part import Count, Forecaster, Part, Sum
from agent.core.manifest_parts import Name
from agent.core.moment import Role
from agent.core.scorecard import Bin, Level, Scorecard

_Word = Annotated[str, msgspec.Meta(max_length=32)]


class Counts(Part, frozen=True):
    """How many predictions came to what."""

    resolved: Count = 0
    happened: Count = 0
    hits: Count = 0
    misses: Count = 0
    false_alarms: Count = 0
    quiet: Count = 0
    voids: dict[_Word, Count] = msgspec.field(default_factory=dict)


class Losses(Part, frozen=True):
    """Sums of losses in 1e-9, as a scorecard has them."""

    brier: Sum = 0
    baseline_brier: Sum = 0
    log_loss: Sum = 0
    baseline_log_loss: Sum = 0
    levels: dict[_Word, Level] = msgspec.field(default_factory=dict)


class LeadTime(Part, frozen=True):
    """The hits' lead times: their sum in 1e-9 s, and how many by step of 1.1."""

    sum: Sum = 0
    steps: dict[_Word, Count] = msgspec.field(default_factory=dict)


class CardReport(Part, frozen=True):
    """One release in one role on one UTC day, all that was counted on it so far.

    A later report of the same card stands in the place of an earlier one: merging is
    idempotent by (host, day, task, digest, role).

    Attributes:
        calibration: Ten bins: count, sum of probabilities in 1e-9, happened.
    """

    task: Name
    digest: Forecaster
    role: Role
    day: date
    counts: Counts = Counts()
    calibration: tuple[Bin, ...] = ()
    loss: Losses = Losses()
    lead_time_s: LeadTime = LeadTime()

    @classmethod
    def of(
        cls, card: Scorecard, *, task: str, digest: str, role: Role, day: date
    ) -> "CardReport":
        """Return a card as it is sent."""
        return cls(
            task=task,
            digest=digest,
            role=role,
            day=day,
            counts=Counts(
                **{name: getattr(card, name) for name in Counts.__struct_fields__}
            ),
            calibration=tuple(card.bins),
            loss=Losses(
                **{name: getattr(card, name) for name in Losses.__struct_fields__}
            ),
            lead_time_s=LeadTime(sum=card.lead_s, steps=card.lead_times),
        )

    def card(self) -> Scorecard:
        """Return the scorecard again, to the digit."""
        parts = {
            name: getattr(part, name)
            for part in (self.counts, self.loss)
            for name in part.__struct_fields__
        }
        return Scorecard(
            **parts,
            bins=list(self.calibration),
            lead_s=self.lead_time_s.sum,
            lead_times=self.lead_time_s.steps,
        )
