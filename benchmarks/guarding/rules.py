"""What else one could do: naive floors and stock drift detectors, on the same hosts.

Each rule looks at every outcome from the second day on; what a rule compares with, if
it is frozen, is the mean of the first two days. A forecast is a hit if the alarm
(p >= 1/2) and the outcome agree, or if the error of a number is at most the error of
persistence. An outcome counts at the tick of its prediction.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from guarding.ledger import NEVER, audited
from guarding.life import MARGIN, TICKS_PER_DAY, TICKS_PER_HOUR, Flags, Floats, judged
from guarding.simulate import Task
from guarding.trials import rounded
from guarding.worlds import lived

_LAST = 500
_FROZEN = 2 * TICKS_PER_DAY
_TOLERATED = 0.02
_WORSE = 1.5
_Z = 3.09  # one-sided 0.001
_EVEN = 0.5
_PERSISTENCE = 1 / 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a rule may look at, shape (ticks, hosts); lost predictions are not here."""

    active: Floats
    reference: Floats
    hits: Floats


Rule = Callable[[Seen], Flags]
Shown = dict[str, float | str | None]


class _Detector(Protocol):
    """What river's drift detectors have in common."""

    drift_detected: bool

    def update(self, x: float) -> object:
        """Take one more value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """First alarm of each host by rule, in ticks; NEVER where there was none."""

    fired: dict[str, np.ndarray]
    start: int

    def is_early(self, rule: str) -> Flags:
        """Return on which hosts it fired before any harm."""
        fired = self.fired[rule]
        return (fired != NEVER) & (fired < self.start)

    def hours(self, rule: str) -> float | None:
        """Return the median delay where it had not fired before; None: not found."""
        late = self.fired[rule][~self.is_early(rule)]
        delays = np.where(late == NEVER, np.inf, late - self.start) / TICKS_PER_HOUR
        median = float(np.median(delays)) if late.size else np.inf
        return rounded(median)


def false_shares(results: list[Firing]) -> tuple[Shown, None]:
    """Return the share of hosts on which each rule fired without harm; no demand."""
    (firing,) = results
    shares: Shown = {
        rule: round(float(firing.is_early(rule).mean()), 3) for rule in firing.fired
    }
    return shares | _lacking(), None


def delays(results: list[Firing]) -> tuple[Shown, None]:
    """Return the median delay of each rule in hours; no demand."""
    (firing,) = results
    hours: Shown = {rule: firing.hours(rule) for rule in firing.fired}
    return hours | _lacking(), None


def _lacking() -> Shown:
    return {} if find_spec("river") else {"river": "not installed"}


def compared(task: Task, *, streamed: int) -> Firing:
    """Return when each rule first fired; detectors run on the first hosts only."""
    rng = np.random.default_rng(task.seed)
    life = lived(task.world, days=task.days, hosts=task.hosts, rng=rng)
    active = life.forecast[0]
    if task.harm:
        active = task.harm.harmed(life, task.start, rng)
    losses = judged(life, active)
    if life.scale:
        hits = losses.active <= _PERSISTENCE
    else:
        hits = (active >= _EVEN) == (life.outcome > 0)
    seen = Seen(
        active=losses.active.astype(float),
        reference=losses.reference.astype(float),
        hits=hits.astype(float),
    )
    fired = {name: _first(rule(seen)) for name, rule in RULES.items()}
    few = replace(
        seen,
        active=seen.active[:, :streamed],
        hits=seen.hits[:, :streamed],
    )
    for name, make, values in _detectors(few):
        hosts = range(values.shape[1])
        fired[name] = np.array([_streamed(make(), values[:, i]) for i in hosts])
    fired["guard"] = audited(losses).fired
    start = task.start if task.harm else task.days * TICKS_PER_DAY
    return Firing(fired=fired, start=start)


def _accuracy_floor(seen: Seen) -> Flags:
    return _recent(seen.hits) < seen.hits[:_FROZEN].mean(axis=0) - _TOLERATED


def _wilson_floor(seen: Seen) -> Flags:
    """The upper Wilson bound (0.1 %) of the last hits is below the frozen accuracy."""
    share, z2 = _recent(seen.hits), _Z**2
    middle = share + z2 / (2 * _LAST)
    half = _Z * np.sqrt(share * (1 - share) / _LAST + z2 / (4 * _LAST**2))
    return (middle + half) / (1 + z2 / _LAST) < seen.hits[:_FROZEN].mean(axis=0)


def _loss_floor(seen: Seen) -> Flags:
    return _recent(seen.active) > _WORSE * seen.active[:_FROZEN].mean(axis=0)


def _paired_loss(seen: Seen) -> Flags:
    return _recent(seen.active) > _WORSE * _recent(seen.reference)


def _peeking_z(seen: Seen) -> Flags:
    """A paired z-test (0.1 %) of the excess loss since activation, at each outcome."""
    excess = seen.active - (1 + MARGIN) * seen.reference
    n = np.arange(1, len(excess) + 1)[:, None]
    mean = np.cumsum(excess, axis=0) / n
    variance = np.cumsum(excess**2, axis=0) / n - mean**2
    return (mean > _Z * np.sqrt(np.maximum(variance, 0) / n)) & (mean > 0)


RULES: dict[str, Rule] = {
    "accuracy floor, last 500": _accuracy_floor,
    "Wilson floor, last 500": _wilson_floor,
    "loss > 1.5 x frozen floor, last 500": _loss_floor,
    "paired loss > 1.5 x, last 500": _paired_loss,
    "paired z-test, peeking": _peeking_z,
}


def _recent(values: Floats) -> Floats:
    """Return the mean of the last 500 at each tick; the first 499 repeat the 500th."""
    total = np.cumsum(values, axis=0)
    last = total[_LAST - 1 :].copy()
    last[1:] -= total[:-_LAST]
    first = np.broadcast_to(last[0], (_LAST - 1, values.shape[1]))
    return np.concatenate([first, last]) / _LAST


def _first(alarms: Flags) -> np.ndarray:
    """Return the first alarm from the second day on."""
    watched = alarms[_FROZEN:]
    return np.where(watched.any(axis=0), watched.argmax(axis=0) + _FROZEN, NEVER)


def _detectors(seen: Seen) -> Iterator[tuple[str, Callable[[], _Detector], Floats]]:
    """Yield river's detectors at library defaults; none where river is missing."""
    if not find_spec("river"):
        return
    from river.drift import ADWIN, PageHinkley  # noqa: PLC0415 - optional
    from river.drift.binary import DDM  # noqa: PLC0415 - optional

    yield "river ADWIN (loss)", ADWIN, seen.active
    yield "river DDM (errors)", DDM, 1 - seen.hits
    yield "river Page-Hinkley (loss)", PageHinkley, seen.active


def _streamed(detector: _Detector, values: Floats) -> int:
    for tick, value in enumerate(values.tolist()):
        detector.update(value)
        if tick >= _FROZEN and detector.drift_detected:
            return tick
    return NEVER
