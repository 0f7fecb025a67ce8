"""The exam: a retrained release against the current one and the baseline, row by row.

All are asked the same; what a row stands for counts as often.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from central.core.measure import Answers, Measure, Vector
from central.core.samples import Samples
from central.core.skill import gain_interval, skill

RETRAINED: Final = "retrained"
CURRENT: Final = "current release"
BASELINE: Final = "baseline"

_DAY_S: Final = 86_400.0
_FEWEST_BLOCKS: Final = 10
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What is judged.

    Attributes:
        rows: Which neither taught nor tuned.
        horizon_s: Moments less apart than this see the same come, in seconds.
        said: What each said of them, (n, outputs), NaN for nothing; by name.
        group: Each row's group of hosts; empty for none.
    """

    rows: Samples
    horizon_s: float
    said: Mapping[str, Answers]
    group: npt.NDArray[np.str_]


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """How good one forecaster was; None where nothing can be said.

    Attributes:
        rows: Of which it said something.
        skill: Against always saying the rate, or the quantiles, of these rows.
        auprc: Average precision.
    """

    rows: int
    loss: float | None
    skill: float | None
    calibration_error: float | None
    auprc: float | None


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """The share of another one's loss that is saved, on the rows that both answered.

    Attributes:
        rows: How many.
        events: Of those, how many happened; None of a value.
        low: With `high`, its 95 % bounds, over hosts and days.
    """

    rows: int
    events: int | None
    gain: float | None
    low: float | None
    high: float | None

    @property
    def is_worse(self) -> bool:
        """Whether a loss was shown, as far as chance allows."""
        return self.high is not None and self.high < 0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an exam.

    Attributes:
        rows: Moments; `standing_for`: how many moments of the hosts these are.
        events: Of the rows, how many happened; None for a value.
        blocks: Days of hosts that they are of, or shorter stretches; see `blocks_of`.
        reference: With whom it is compared first.
        marks: By name.
        gains: Of the retrained one over each other, by name.
        groups: The gain over `reference` in each group of hosts.
    """

    rows: int
    standing_for: float
    events: int | None
    hosts: int
    blocks: int
    reference: str
    marks: dict[str, Marks]
    gains: dict[str, Gain]
    groups: dict[str, Gain]

    @property
    def own(self) -> Marks:
        """The retrained one's marks."""
        return self.marks[RETRAINED]

    @property
    def gain(self) -> Gain:
        """The gain over the reference."""
        return self.gains[self.reference]


def examined(paper: Paper, *, measure: Measure, is_event: bool) -> Result:
    """Return how the retrained one and the others did.

    The current release is the reference where it said anything, else the baseline.
    """
    rows = paper.rows
    losses = {
        name: measure.losses(said, label=rows.label)
        for name, said in paper.said.items()
    }
    others = [name for name in losses if name != RETRAINED]
    blocks = blocks_of(rows, horizon_s=paper.horizon_s)
    everyone = np.ones(len(rows), dtype=np.bool_)

    def gain(name: str, among: npt.NDArray[np.bool_]) -> Gain:
        both = np.isfinite(losses[RETRAINED]) & np.isfinite(losses[name]) & among
        found = _gain(losses[RETRAINED], losses[name], rows, blocks, both)
        return found if is_event else msgspec.structs.replace(found, events=None)

    spoke = [name for name in others if np.isfinite(losses[name]).any()]
    reference = spoke[0] if spoke else BASELINE
    return Result(
        rows=len(rows),
        standing_for=float(rows.weight.sum()),
        events=int((rows.label > 0).sum()) if is_event else None,
        hosts=len(set(rows.host.tolist())),
        blocks=len(set(blocks.tolist())),
        reference=reference,
        marks={n: _marks(s, rows, losses[n], measure) for n, s in paper.said.items()},
        gains={name: gain(name, everyone) for name in others},
        groups={
            group: gain(reference, paper.group == group)
            for group in sorted(set(paper.group.tolist()) - {""})
        },
    )


def _marks(said: Answers, rows: Samples, losses: Vector, measure: Measure) -> Marks:
    there = np.isfinite(losses)
    if not there.any():
        return Marks(rows=0, loss=None, skill=None, calibration_error=None, auprc=None)
    label, weight = rows.label[there], rows.weight[there]
    climate = measure.climate(label, weight=weight)
    usual = measure.losses(np.repeat(climate, len(label), axis=0), label=label)
    found = weight * losses[there]
    known = {"label": label, "weight": weight}
    return Marks(
        rows=len(label),
        loss=float(f"{found.sum() / weight.sum():.6g}"),
        skill=rounded(skill(found, reference=weight * usual)),
        calibration_error=rounded(measure.calibration_error(said[there], **known)),
        auprc=rounded(measure.average_precision(said[there], **known)),
    )


def _gain(
    own: Vector,
    other: Vector,
    rows: Samples,
    blocks: npt.NDArray[np.intp],
    among: npt.NDArray[np.bool_],
) -> Gain:
    """Return the gain among some rows, with bounds over blocks."""
    weight = rows.weight[among]
    mine, theirs = weight * own[among], weight * other[among]
    # Renumbered: a block without any of these rows is none.
    numbers = np.unique(blocks[among], return_inverse=True)[1]
    low, high = gain_interval(mine, reference=theirs, blocks=numbers)
    return Gain(
        rows=len(weight),
        events=int((rows.label[among] > 0).sum()),
        gain=rounded(skill(mine, reference=theirs)),
        low=rounded(low),
        high=rounded(high),
    )


def blocks_of(rows: Samples, *, horizon_s: float) -> npt.NDArray[np.intp]:
    """Return the number of each row's block, 0..n-1: its host and day.

    Where that would make fewer than ten, shorter stretches than days are taken, but
    none shorter than a horizon: what comes within it, moments have in common.

    Args:
        rows: By time.
        horizon_s: As in `Paper`.
    """
    if not len(rows):
        return np.zeros(0, dtype=np.intp)
    names, of_host = np.unique(rows.host, return_inverse=True)
    span_s = max(float(np.ptp(rows.at)), 1.0)
    length_s = max(horizon_s, min(_DAY_S, span_s * len(names) / _FEWEST_BLOCKS))
    of_time = (rows.at // length_s).astype(np.int64)
    both = of_host * (np.ptp(of_time) + 1) + of_time - of_time.min()
    numbers: npt.NDArray[np.intp] = np.unique(both, return_inverse=True)[1]
    return numbers


def rounded(value: float | None) -> float | None:
    """Return a figure as it is told; None for what cannot be said."""
    if value is None or not math.isfinite(value):
        return None
    return round(value, _DIGITS)
