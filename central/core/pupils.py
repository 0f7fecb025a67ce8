"""Pupils: recorded hosts whose moments teach a survey's model, and judge it.

Every host is judged on the last third of its time by a model that saw neither it nor
its group, and once more by one that was also shown a small, weighted sample of this
host's own earlier moments, as a fleet sends them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agent.core.rows import Rows
from agent.core.sampling import choose
from central.core.platt import Line, fitted, probability
from central.core.samples import Samples

Vector = npt.NDArray[np.float64]
Raw = Callable[[npt.NDArray[np.float32]], Vector]
Learn = Callable[[Samples], Raw]

TAUGHT_UNTIL: Final = 0.6
JUDGED_FROM: Final = 0.7
# Its own moments say little before a host's past fills the windows.
_TUNED_FROM: Final = 0.2
_SENT: Final = 0.05
# Every fourth moment of another task, which counts four tenths: a tenth of all.
_NEIGHBOUR_STEP: Final = 4
_NEIGHBOUR_WEIGHT: Final = 0.4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pupil:
    """One task's moments on one recorded host.

    Attributes:
        host: Its name.
        group: Hosts of one group never stand on both sides of a split.
        length_s: For how long it was recorded; its first sample is at 0 s.
        rows: The moments; the extras are the peers that are expressions.
        strange: How strange k-means found the series at each; shape (n,).
    """

    host: str
    group: str
    length_s: float
    rows: Rows
    strange: Vector

    def between(self, low: float, high: float, *, gap_s: float = 0.0) -> Rows:
        """Return the moments of a stretch of its time, told by shares of the whole.

        Args:
            low: Where it begins.
            high: Where it ends.
            gap_s: By which it ends earlier, so that its outcomes lie in it, too.
        """
        at_s = self.rows.at_s
        until_s = high * self.length_s - gap_s
        return self.rows.at((at_s >= low * self.length_s) & (at_s < until_s))


class _Part(NamedTuple):
    """Moments that teach, each counting alike or as said."""

    rows: Rows
    host: str
    weight: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What models said of hosts that they never saw; one entry a pupil.

    Attributes:
        said: Probabilities at all of its moments, put right by the other hosts.
        again: By a model that was shown a sample of its own, too; empty if none was.
        line: What puts all hosts' log-odds right.
        threshold_said: Probabilities before the judged time, of all hosts together.
        threshold_came: What came of them.
    """

    said: tuple[Vector, ...]
    again: tuple[Vector, ...]
    line: Line
    threshold_said: Vector
    threshold_came: npt.NDArray[np.bool_]


def left_out(
    pupils: Sequence[Pupil],
    *,
    neighbours: Sequence[Pupil],
    learn: Learn,
    horizon_s: float,
    is_taught_again: bool,
    rng: np.random.Generator,
    on_model: Callable[[], object] = lambda: None,
) -> LeftOut:
    """Return what is said of each host by models of the others.

    Args:
        pupils: Of the task.
        neighbours: Of other tasks with features alike, which teach a little.
        learn: Returns what gives a model's log-odds, given what may teach it.
        horizon_s: Of the task.
        is_taught_again: Whether each is judged with a sample of its own, too.
        rng: Draws the samples.
        on_model: Called after each training, to show progress.
    """
    raw: dict[str, Vector] = {}
    again: dict[str, Vector] = {}
    for group in sorted({pupil.group for pupil in pupils}):
        parts = _parts(
            [pupil for pupil in pupils if pupil.group != group],
            neighbours=[pupil for pupil in neighbours if pupil.group != group],
            until=TAUGHT_UNTIL,
            gap_s=horizon_s,
        )
        own = [pupil for pupil in pupils if pupil.group == group]
        model = learn(_samples(parts))
        raw |= {pupil.host: model(pupil.rows.features) for pupil in own}
        on_model()
        for pupil in own if is_taught_again else ():
            model = learn(_samples([*parts, _sent(pupil, gap_s=horizon_s, rng=rng)]))
            again[pupil.host] = model(pupil.rows.features)
            on_model()
    return _put_right(pupils, raw=raw, again=again, horizon_s=horizon_s)


def all_samples(pupils: Sequence[Pupil], *, neighbours: Sequence[Pupil]) -> Samples:
    """Return all that teaches the model that is shipped."""
    return _samples(_parts(pupils, neighbours=neighbours, until=1.0, gap_s=0.0))


def _put_right(
    pupils: Sequence[Pupil],
    *,
    raw: dict[str, Vector],
    again: dict[str, Vector],
    horizon_s: float,
) -> LeftOut:
    tuning = [_is_tuning(pupil, horizon_s) for pupil in pupils]

    def line(kept: Sequence[bool]) -> Line:
        parts = [
            (raw[pupil.host][mask], pupil.rows.outcome[mask])
            for pupil, mask, is_kept in zip(pupils, tuning, kept, strict=True)
            if is_kept
        ]
        logit, label = (np.concatenate(each) for each in zip(*parts, strict=True))
        return fitted(logit, label=label, weight=np.ones(len(label)))

    of_group = {
        group: line([pupil.group != group for pupil in pupils])
        for group in {pupil.group for pupil in pupils}
    }
    lines = [of_group[pupil.group] for pupil in pupils]
    hosts = [pupil.host for pupil in pupils]
    said = [_said(raw[h], by) for h, by in zip(hosts, lines, strict=True)]
    before = [
        (own[mask], pupil.rows.outcome[mask] > 0)
        for pupil, own, mask in zip(pupils, said, tuning, strict=True)
    ]
    return LeftOut(
        said=tuple(said),
        again=tuple(
            _said(again[h], by) for h, by in zip(hosts, lines, strict=True) if again
        ),
        line=line([True] * len(pupils)),
        threshold_said=np.concatenate([own for own, _ in before]),
        threshold_came=np.concatenate([came for _, came in before]),
    )


def _is_tuning(pupil: Pupil, horizon_s: float) -> npt.NDArray[np.bool_]:
    """Return at which moments thresholds and levels are chosen: none that is judged."""
    at_s = pupil.rows.at_s
    until_s = JUDGED_FROM * pupil.length_s - horizon_s
    found: npt.NDArray[np.bool_] = at_s >= _TUNED_FROM * pupil.length_s
    return found & (at_s < until_s)


def _said(logit: Vector, line: Line) -> Vector:
    return probability(line.slope * logit + line.shift)


def _parts(
    pupils: Sequence[Pupil],
    *,
    neighbours: Sequence[Pupil],
    until: float,
    gap_s: float,
) -> list[_Part]:
    own = [(pupil.host, pupil.between(0, until, gap_s=gap_s)) for pupil in pupils]
    others = [
        (pupil.host, _thinned(pupil.between(0, until, gap_s=gap_s)))
        for pupil in neighbours
    ]
    return [
        _Part(rows=rows, host=host, weight=np.full(len(rows), weight))
        for weight, found in ((1.0, own), (_NEIGHBOUR_WEIGHT, others))
        for host, rows in found
    ]


def _thinned(rows: Rows) -> Rows:
    return rows.at(np.arange(len(rows)) % _NEIGHBOUR_STEP == 0)


def _sent(pupil: Pupil, *, gap_s: float, rng: np.random.Generator) -> _Part:
    """Return what a host would have sent of its moments before it is judged."""
    rows = pupil.between(0, JUDGED_FROM, gap_s=gap_s)
    happened = rows.outcome > 0
    places, weights = choose(
        np.flatnonzero(happened).tolist(),
        np.flatnonzero(~happened).tolist(),
        budget=_SENT * len(rows),
        rng=rng,
    )
    chosen = np.zeros(len(rows), dtype=np.bool_)
    chosen[places] = True
    return _Part(rows=rows.at(chosen), host=pupil.host, weight=np.array(weights))


def _samples(parts: Sequence[_Part]) -> Samples:
    rows = [part.rows for part in parts]
    label = np.concatenate([each.outcome for each in rows])
    unnamed = np.full(len(label), "")
    return Samples(
        features=np.concatenate([each.features for each in rows]),
        label=label,
        weight=np.concatenate([part.weight for part in parts]),
        baseline=np.concatenate([each.baseline for each in rows]),
        active=np.full((len(label), 1), np.nan),
        at=np.concatenate([each.at_s for each in rows]),
        host=np.repeat([part.host for part in parts], [len(each) for each in rows]),
        entity=unnamed,
        release=unnamed,
    )
