"""Local calibration on hosts that a model never saw: what it gains and what it costs.

Every outcome is learnt one horizon after its moment, as a host does, by the agent's own
code; what was said is therefore right at every moment with the past only.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.core.recalibration import TERMS, Recalibration, Terms
from central.core.skill import calibration_error

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unseen:
    """What a release said on a host that it never saw; arrays of length n, by time.

    Attributes:
        host: Its name.
        at_s: Unix seconds of each moment.
        said: What the model said, 0..1.
        outcome: 1 where it happened, else 0.
    """

    host: str
    at_s: Vector
    said: Vector
    outcome: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What local calibration does on one host.

    Attributes:
        host: Its name.
        rows: Moments judged.
        skill: Brier skill of the model against the host's own earlier rate.
        calibrated_skill: The same after calibration.
        error: Expected calibration error of the model.
        calibrated_error: The same after calibration.
    """

    host: str
    rows: int
    skill: float
    calibrated_skill: float
    error: float
    calibrated_error: float

    @property
    def gain(self) -> float:
        """By how much the skill rises."""
        return self.calibrated_skill - self.skill


def calibrated(
    unseen: Unseen, *, horizon_s: float, every_s: float, terms: Terms = TERMS
) -> Vector:
    """Return what the host would have made of each answer at its moment; shape (n,).

    Args:
        unseen: What was said, and what came.
        horizon_s: After which an outcome is known.
        every_s: From one moment to the next.
        terms: How readily outcomes are believed.
    """
    own = Recalibration(terms=terms)
    weight = min(1.0, every_s / horizon_s)
    waiting: deque[int] = deque()
    found = unseen.said.copy()
    at_s, said, outcome = (
        column.tolist() for column in (unseen.at_s, unseen.said, unseen.outcome)
    )
    for row, now_s in enumerate(at_s):
        while waiting and at_s[waiting[0]] + horizon_s <= now_s:
            known = waiting.popleft()
            own.learn(
                said[known],
                happened=outcome[known] > 0,
                weight=weight,
                at_s=at_s[known],
            )
        made = own.calibration(said[row])
        if made is not None:
            found[row] = made.answer
        waiting.append(row)
    return found


def gain(
    unseen: Unseen,
    *,
    horizon_s: float,
    every_s: float,
    last: float = 0.3,
    terms: Terms = TERMS,
) -> Gain:
    """Return what calibration does in the last share of a host's time.

    Before that the host learns, and its rate there is what skill is measured against.

    Args:
        unseen: What was said, and what came.
        horizon_s: After which an outcome is known.
        every_s: From one moment to the next.
        last: Share of the time that is judged, between 0 and 1.
        terms: How readily outcomes are believed.
    """
    made = calibrated(unseen, horizon_s=horizon_s, every_s=every_s, terms=terms)
    first_s, last_s = unseen.at_s[0], unseen.at_s[-1]
    is_last = unseen.at_s >= last_s - last * (last_s - first_s)
    came = unseen.outcome[is_last]
    rate = unseen.outcome[~is_last].mean()
    reference = np.mean((rate - came) ** 2)
    skills = [
        float(1 - np.mean((answers[is_last] - came) ** 2) / reference)
        for answers in (unseen.said, made)
    ]
    errors = [
        calibration_error(answers[is_last], came > 0) for answers in (unseen.said, made)
    ]
    return Gain(
        host=unseen.host,
        rows=int(is_last.sum()),
        skill=skills[0],
        calibrated_skill=skills[1],
        error=errors[0],
        calibrated_error=errors[1],
    )


def table(gains: Sequence[Gain]) -> list[str]:
    """Return the lines of a table in Markdown, the mean of all hosts last."""
    lines = [
        "| host | moments | skill | calibrated | gain | ECE | calibrated |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {each.host} | {each.rows} | {each.skill:.3f} | "
            f"{each.calibrated_skill:.3f} | {each.gain:+.3f} | {each.error:.3f} | "
            f"{each.calibrated_error:.3f} |"
            for each in gains
        ),
    ]
    rows = sum(each.rows for each in gains)
    skill, made, error, after = (
        float(np.mean(column))
        for column in zip(
            *(
                (g.skill, g.calibrated_skill, g.error, g.calibrated_error)
                for g in gains
            ),
            strict=True,
        )
    )
    return [
        *lines,
        (
            f"| mean | {rows} | {skill:.3f} | {made:.3f} | {made - skill:+.3f} | "
            f"{error:.3f} | {after:.3f} |"
        ),
    ]
