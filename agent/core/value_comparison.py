"""Comparison of a value task's release with persistence and with the baseline.

Persistence says that nothing changes; the baseline widens that by the errors which
persistence made on this host.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.answers import Answers, Vector
from agent.core.blocks import Blocks, Estimate, days_of
from agent.core.figures import LevelFigures, Loss, ValueFigures, ValueTerms

Matrix: TypeAlias = npt.NDArray[np.float64]
Hosts: TypeAlias = Sequence[Answers]

_LEAST_ROWS: Final = 50


def judge_value(hosts: Hosts, *, scope: str, terms: ValueTerms) -> ValueFigures:
    """Return how a release of a value task did on these hosts.

    Args:
        hosts: Their answers; all have the same forecasters.
        scope: What they are called together.
        terms: By what it is judged.
    """
    bare = ValueFigures(
        scope=scope,
        rows=sum(map(len, hosts)),
        days=sum(each.days for each in hosts),
    )
    if bare.rows < _LEAST_ROWS:
        why = f"{bare.rows} moments with an outcome, fewer than {_LEAST_ROWS}"
        return msgspec.structs.replace(bare, withheld=why)
    return _Bench(hosts, terms).figures(bare)


class _Bench:
    """The rows of some hosts, joined, and what is computed of them."""

    def __init__(self, hosts: Hosts, terms: ValueTerms) -> None:
        self._terms = terms
        self._hosts = hosts
        # Alone a host keeps its unit; beside others none may drown them out.
        self._units = [_unit(each) if len(hosts) > 1 else 1.0 for each in hosts]
        days = [days_of(n, each.at_s) for n, each in enumerate(hosts)]
        self._blocks = Blocks(np.concatenate(days))
        self._outcome = self._joined([each.outcome for each in hosts])
        self._count = self._blocks.sums(np.ones(len(self._outcome)))

    def figures(self, bare: ValueFigures) -> ValueFigures:
        """Return the figures with all that is to be known."""
        blocks, terms = self._blocks, self._terms
        mine, theirs = self._said(terms.release), self._said(terms.baseline)
        nothing = self._joined([each.reference for each in self._hosts])
        error = self._mean(np.abs(_middle(mine) - self._outcome))
        persistence = self._mean(np.abs(nothing - self._outcome))
        pinball = self._mean(self._pinball(mine).mean(axis=1))
        baseline = self._mean(self._pinball(theirs).mean(axis=1))
        gain = blocks.estimate(_gain(error, persistence))
        pinball_gain = blocks.estimate(_gain(pinball, baseline))
        has_band = len(terms.levels) > 1
        return msgspec.structs.replace(
            bare,
            error=float(error[0]),
            persistence_error=float(persistence[0]),
            gain=gain,
            pinball=float(pinball[0]),
            baseline_pinball=float(baseline[0]),
            pinball_gain=pinball_gain,
            coverage=blocks.estimate(self._coverage(mine)) if has_band else None,
            wanted=terms.levels[-1] - terms.levels[0] if has_band else None,
            levels=self._levels(mine, theirs),
            losses=_losses(gain, pinball_gain, baseline=terms.baseline),
        )

    def _joined(self, parts: Sequence[Vector]) -> Vector:
        scaled = [part / unit for part, unit in zip(parts, self._units, strict=True)]
        return np.concatenate(scaled)

    def _said(self, name: str) -> Matrix:
        return self._joined([each.said[name] for each in self._hosts])

    def _mean(self, values: Vector) -> Vector:
        with np.errstate(all="ignore"):
            means: Vector = self._blocks.sums(values) / self._count
        return means

    def _pinball(self, said: Matrix) -> Matrix:
        """Return the loss of each row and level, shape (n, levels)."""
        levels = np.array(self._terms.levels)
        off = self._outcome[:, np.newaxis] - said
        return np.maximum(levels * off, (levels - 1) * off)

    def _coverage(self, said: Matrix) -> Vector:
        inside = (said[:, 0] <= self._outcome) & (self._outcome <= said[:, -1])
        return self._mean(inside.astype(np.float64))

    def _levels(self, mine: Matrix, theirs: Matrix) -> tuple[LevelFigures, ...]:
        losses, others = self._pinball(mine), self._pinball(theirs)
        covered = self._outcome[:, np.newaxis] <= mine
        return tuple(
            LevelFigures(
                level=level,
                pinball=float(losses[:, place].mean()),
                baseline_pinball=float(others[:, place].mean()),
                coverage=float(covered[:, place].mean()),
            )
            for place, level in enumerate(self._terms.levels)
        )


def _middle(said: Matrix) -> Vector:
    middle: Vector = said[:, said.shape[1] // 2]
    return middle


def _unit(host: Answers) -> float:
    """Return the mean absolute error of persistence; 1 where nothing ever changed."""
    if not len(host):
        return 1.0
    size = float(np.abs(host.outcome - host.reference).mean())
    return size if size > 0 else 1.0


def _gain(loss: Vector, reference: Vector) -> Vector:
    with np.errstate(all="ignore"):
        gain: Vector = 1 - loss / reference
    return gain


def _losses(
    gain: Estimate, pinball_gain: Estimate, *, baseline: str
) -> tuple[Loss, ...]:
    named = (
        ("persistence", "mean absolute error (share)", gain),
        (baseline, "pinball loss (share)", pinball_gain),
    )
    return tuple(
        Loss(to=to, measure=measure, by=by, is_shown=by.is_below_zero)
        for to, measure, by in named
        if (by.value or 0) < 0
    )
