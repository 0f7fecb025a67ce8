"""How good each release is on a recorded host, scored beside the guard.

Losses are the guard's own, but for what it froze at another time: the clip of rare
events, and the scale of a value.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from tracing.school import School, Who
from tracing.survey import Known

from agent.core.dependence import Dependence
from agent.core.loss import EPS, AbsoluteError, AnyLoss, LogLoss

Vector: TypeAlias = npt.NDArray[np.float64]

_TICKS_A_DAY: Final = 288
_MARGIN: Final = 0.1
_SCALE: Final = 8.0
_FIRST: Final = 64
_HORIZONS_A_BLOCK: Final = 2
_TICKS_A_HORIZON: Final = {True: 6, False: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What was said on one machine, and what that cost.

    Attributes:
        is_event: Whether probabilities were said.
        came: What came.
        hours: When each moment was predicted.
        said: By each release.
        losses: The same priced as the guard does.
        baseline: What the baseline said.
        baseline_losses: The same priced.
    """

    is_event: bool
    came: Vector
    hours: Vector
    said: dict[Who, Vector]
    losses: dict[Who, Vector]
    baseline: Vector
    baseline_losses: Vector

    @property
    def episodes(self) -> int:
        """How many times an event began."""
        return int(np.sum(np.diff(self.came, prepend=0) > 0)) if self.is_event else 0

    def ratio(
        self, who: Who, against: Who | None, *, since_h: float = 0.0
    ) -> float | None:
        """Return the mean loss in units of another's; None: no moment is as late.

        Args:
            who: The release.
            against: The other; None: the baseline.
            since_h: From which hour of the recording on.
        """
        late = self.hours >= since_h
        if not late.any():
            return None
        other = self.baseline_losses if against is None else self.losses[against]
        return float(np.mean(self.losses[who][late]) / np.mean(other[late]))

    def skill(self, who: Who) -> float:
        """Return the share of the baseline's error saved: squared, or absolute."""
        power = 2 if self.is_event else 1
        own = np.abs(self.said[who] - self.came) ** power
        return 1 - float(own.sum() / (np.abs(self.baseline - self.came) ** power).sum())

    def dependence(self, who: Who, against: Who | None) -> float | None:
        """Return how much the guard's blocks depend on each other.

        As the guard does, it counts instants at which something was predicted.
        """
        other = self.baseline_losses if against is None else self.losses[against]
        block = _HORIZONS_A_BLOCK * _TICKS_A_HORIZON[self.is_event]
        running = Dependence(base=block, ticks_per_day=_TICKS_A_DAY)
        excess = self.losses[who] - (1 + _MARGIN) * other
        for tick, x in enumerate(excess.tolist()):
            running.add(tick, x)
        return running.ratio(0)


def quality(known: Known, school: School) -> Quality:
    """Return how good a school's releases are on a machine that was surveyed."""
    is_event = school.task.is_event
    loss: AnyLoss = LogLoss(EPS)
    if not is_event:
        loss = AbsoluteError(_SCALE * float(np.mean(np.abs(known.came[:_FIRST]))))
    said = {who: each.said(known) for who, each in school.releases.items()}
    return Quality(
        is_event=is_event,
        came=known.came,
        hours=known.hours,
        said=said,
        losses={who: _priced(each, known, loss) for who, each in said.items()},
        baseline=known.baseline,
        baseline_losses=_priced(known.baseline, known, loss),
    )


def auc(said: Vector, came: Vector) -> float | None:
    """Return the chance that an event was given more than a non-event; ties half."""
    yes, no = said[came > 0], np.sort(said[came <= 0])
    if not len(yes) or not len(no):
        return None
    below = np.searchsorted(no, yes, "left") + np.searchsorted(no, yes, "right")
    return float(np.mean(below) / 2 / len(no))


def _priced(said: Vector, known: Known, loss: AnyLoss) -> Vector:
    pairs = zip(said.tolist(), known.came.tolist(), strict=True)
    return np.array([loss.of((value,), came) for value, came in pairs])
