"""A scorecard as it goes upstream: the same counts under the contract's names."""

from datetime import date
from typing import Annotated, Final

import msgspec

from agent.core.envelope.part import Count, Part, Sum
from agent.core.manifest_parts import Forecaster, Name
from agent.core.moment import Role
from agent.core.scorecard import BINS, Bin, Level, Scorecard

# Of the sums that may be beyond 64 bits: a whole fleet's must still be a float.
_LARGEST_SUM: Final = 10**300
_LARGEST_COUNT: Final = 2**53

_Word = Annotated[str, msgspec.Meta(max_length=32)]
# As Python writes a float between 0 and 1.
_Level = Annotated[
    str,
    msgspec.Meta(pattern=r"^(0\.[0-9]{1,20}|[1-9](\.[0-9]{1,16})?e-[0-9]{2,3})\Z"),
]
_Step = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,4}\Z")]


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
    levels: dict[_Level, Level] = msgspec.field(default_factory=dict)


class LeadTime(Part, frozen=True):
    """The hits' lead times: their sum in 1e-9 s, and how many by step of 1.1."""

    sum: Sum = 0
    steps: dict[_Step, Count] = msgspec.field(default_factory=dict)


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
    calibration: Annotated[tuple[Bin, ...], msgspec.Meta(max_length=BINS)] = ()
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


def is_sound(report: CardReport) -> bool:
    """Return whether central will take a card.

    Two rare chains of corrections leave counts below 0: an outcome that was counted by
    a program that could not read its manifest, or under another one's quantiles.
    """
    try:
        msgspec.json.decode(msgspec.json.encode(report), type=CardReport)
    except msgspec.ValidationError:
        return False
    return not miscount(report)


def miscount(report: CardReport) -> str:
    """Return why no host counts such bins and levels; or nothing."""
    bins, levels = report.calibration, report.loss.levels.values()
    counts = [n for each in bins for n in (each.count, each.happened)]
    counts += [n for each in levels for n in (each.count, each.covered)]
    if not all(0 <= count <= _LARGEST_COUNT for count in counts):
        return f"bins and levels: expected counts from 0 to {_LARGEST_COUNT}"
    sums = [each.probability for each in bins]
    sums += [n for each in levels for n in (each.pinball, each.baseline_pinball)]
    if not all(abs(each) <= _LARGEST_SUM for each in sums):
        return "bins and levels: expected sums of at most 1e300"
    return ""
