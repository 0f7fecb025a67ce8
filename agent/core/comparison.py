"""Comparison: a release against the baseline and the peers, on the same moments.

What an operator would ask of a forecast of events: does it put the moments before one
first (average precision), are its probabilities worth more than the host's own rate
(Brier skill) and true (calibration), how often would it have called, and how early.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec
import numpy as np

from agent.core.alarms import (
    Mask,
    Warned,
    beginnings,
    foremost,
    raised,
    together,
    warned,
)
from agent.core.answers import Answers, Vector
from agent.core.blocks import Blocks, Estimate, days_of
from agent.core.figures import EventFigures, EventTerms, Loss, Rank
from agent.core.skill import CalibrationBin

_LEAST_EPISODES: Final = 5
_BINS: Final = 10
# A probability of 0 that came true would otherwise weigh more than all others.
_CLIPPED: Final = 1e-3


Hosts: TypeAlias = Sequence[Answers]


def judge_event(hosts: Hosts, *, scope: str, terms: EventTerms) -> EventFigures:
    """Return how a release of an event task did on these hosts.

    Args:
        hosts: Their answers; all have the same forecasters.
        scope: What they are called together.
        terms: By what it is judged.
    """
    apart_s = terms.horizon_s
    episodes = sum(
        len(beginnings(each.happened_s[each.entity == entity], apart_s=apart_s))
        for each in hosts
        for entity in np.unique(each.entity).tolist()
    )
    bare = EventFigures(
        scope=scope,
        rows=sum(map(len, hosts)),
        happened=int(sum(each.outcome.sum() for each in hosts)),
        episodes=episodes,
        days=sum(each.days for each in hosts),
    )
    if why := _withheld(bare):
        return msgspec.structs.replace(bare, withheld=why)
    return _Bench(hosts, terms).figures(bare)


def _withheld(bare: EventFigures) -> str | None:
    if not bare.rows:
        return "no moment could be predicted and resolved"
    if bare.happened == bare.rows:
        return "every moment came true: there is nothing to tell apart"
    if bare.episodes < _LEAST_EPISODES:
        return (
            f"fewer than {_LEAST_EPISODES} episodes of the event ({bare.episodes}): "
            "any figure would be chance"
        )
    return None


class _Bench:
    """The rows of some hosts, joined, and what is computed of them."""

    def __init__(self, hosts: Hosts, terms: EventTerms) -> None:
        self._hosts, self._terms = hosts, terms
        days = [days_of(n, each.at_s) for n, each in enumerate(hosts)]
        self._happened = np.concatenate([each.outcome for each in hosts])
        self._blocks = Blocks(np.concatenate(days), tells=self._happened > 0)
        self._count = self._blocks.sums(np.ones(len(self._happened)))

    def figures(self, bare: EventFigures) -> EventFigures:
        """Return the figures with all that is to be known."""
        terms, blocks = self._terms, self._blocks
        release, baseline = self._said(terms.release), self._said(terms.baseline)
        reference = np.concatenate([each.reference for each in self._hosts])
        brier, theirs = self._brier(release), self._brier(baseline)
        nobodys = self._brier(reference)
        gain = blocks.estimate(1 - brier / theirs)
        ranks = self._ranks()
        return msgspec.structs.replace(
            bare,
            ranks=ranks,
            brier=float(brier[0]),
            skill=blocks.estimate(1 - brier / nobodys),
            baseline_skill=blocks.estimate(1 - theirs / nobodys),
            gain=gain,
            log_loss=self._log_loss(release),
            baseline_log_loss=self._log_loss(baseline),
            calibration_error=blocks.estimate(self._calibration_error(release)),
            calibration=self._bins(release),
            baseline_calibration=self._bins(baseline),
            warned=self._warned(),
            losses=_losses(ranks, gain=gain, baseline=terms.baseline),
        )

    def _said(self, name: str) -> Vector:
        return np.concatenate([each.said[name] for each in self._hosts])

    def _brier(self, probabilities: Vector) -> Vector:
        sums = self._blocks.sums((probabilities - self._happened) ** 2)
        with np.errstate(all="ignore"):
            means: Vector = sums / self._count
        return means

    def _log_loss(self, probabilities: Vector) -> float:
        right = np.where(self._happened > 0, probabilities, 1 - probabilities)
        return float(-np.log(right.clip(_CLIPPED, 1 - _CLIPPED)).mean())

    def _tenths(self, probabilities: Vector, values: Vector) -> Vector:
        tenths = (probabilities * _BINS).astype(np.intp).clip(0, _BINS - 1)
        return self._blocks.sums_by(tenths, count=_BINS, values=values)

    def _calibration_error(self, probabilities: Vector) -> Vector:
        off = self._tenths(probabilities, probabilities - self._happened)
        with np.errstate(all="ignore"):
            error: Vector = np.abs(off).sum(axis=1) / self._count
        return error

    def _bins(self, probabilities: Vector) -> tuple[CalibrationBin, ...]:
        ones = np.ones(len(probabilities))
        counts, said, came = (
            self._tenths(probabilities, values)[0].tolist()
            for values in (ones, probabilities, self._happened)
        )
        return tuple(
            CalibrationBin(count=round(n), predicted=p / n, happened=h / n)
            for n, p, h in zip(counts, said, came, strict=True)
            if n
        )

    def _warned(self) -> Warned:
        horizon_s = self._terms.horizon_s
        return together(
            [
                warned(each, alarm, horizon_s=horizon_s)
                for each, alarm in zip(self._hosts, self._alarms(), strict=True)
            ]
        )

    def _alarms(self) -> list[Mask]:
        terms = self._terms
        return [
            raised(
                each,
                each.said[terms.release],
                threshold=terms.threshold,
                clear=terms.clear,
                horizon_s=terms.horizon_s,
            )
            for each in self._hosts
        ]

    def _ranks(self) -> tuple[Rank, ...]:
        terms, blocks = self._terms, self._blocks
        budget = int(sum(np.count_nonzero(alarm) for alarm in self._alarms()))
        own = blocks.average_precisions(self._said(terms.release), self._happened)
        ranks = []
        for name in (terms.release, *terms.rules):
            said = self._said(name)
            found = blocks.average_precisions(said, self._happened)
            is_other = name != terms.release
            ranks.append(
                Rank(
                    name=name,
                    answered=float(np.isfinite(said).mean()),
                    average_precision=blocks.estimate(found),
                    lead=blocks.estimate(own - found) if is_other else None,
                    recall=self._recall(said, budget),
                )
            )
        return tuple(ranks)

    def _recall(self, said: Vector, budget: int) -> float | None:
        """Return the share of episodes warned of with alarms at so many moments."""
        alarm = foremost(said, count=budget)
        ends = np.cumsum([len(each) for each in self._hosts])[:-1]
        parts = [
            warned(each, own, horizon_s=self._terms.horizon_s)
            for each, own in zip(self._hosts, np.split(alarm, ends), strict=True)
        ]
        return together(parts).recall


def _losses(
    ranks: Sequence[Rank], *, gain: Estimate, baseline: str
) -> tuple[Loss, ...]:
    found = [
        Loss(
            to=rank.name,
            measure="average precision",
            by=rank.lead,
            is_shown=rank.lead.is_below_zero,
        )
        for rank in ranks
        if rank.lead is not None and (rank.lead.value or 0) < 0
    ]
    if (gain.value or 0) < 0:
        found.append(
            Loss(
                to=baseline,
                measure="Brier skill",
                by=gain,
                is_shown=gain.is_below_zero,
            )
        )
    return tuple(found)
