"""Stability: a feature's values in the bins between its quantiles, and their index.

An edge is a cell of its own. Many features stand at one value often, a rate at 0, say,
and of what lies exactly on a quantile nobody knows which side of it the training had it
on: it is divided as the training wants it. Where several quantiles are one value, that
value is a bin, of which the training tells its share to within a step of the levels;
what fits the host best is taken for it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

# Quantiles are written with six digits.
_ROUNDING: Final = 1e-5
# Added to every bin, in effective moments: no bin is ever quite empty.
_HALF: Final = 0.5

Numbers: TypeAlias = npt.NDArray[np.float64]
Column: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A value at which one or more quantiles of a feature are.

    Attributes:
        value: Where it is.
        first: The level of its first quantile, 0..1.
        last: The level of its last one.
    """

    value: float
    first: float
    last: float

    @property
    def width(self) -> float:
        """How far from it a value may be and still lie on it."""
        return abs(self.value) * _ROUNDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Binning:
    """Bins made of cells, and what the training has in them.

    Attributes:
        matrix: Turns counts by cell into counts by bin; shape (bins, cells).
        expected: The training's share of each bin.
    """

    matrix: Numbers
    expected: Numbers

    @property
    def freedom(self) -> int:
        """Degrees of freedom: bins less one."""
        return len(self.expected) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The cells of one feature: below the first edge, on it, between it and the next...

    Attributes:
        edges: Ascending.
        step: Between two levels.
    """

    edges: tuple[Edge, ...]
    step: float

    def cells(self, values: Column) -> npt.NDArray[np.intp]:
        """Return the cell of each value, none of which is a gap."""
        lows = np.array([edge.value - edge.width for edge in self.edges])
        highs = np.array([edge.value + edge.width for edge in self.edges])
        return np.searchsorted(lows, values, side="right") + np.searchsorted(
            highs, values, side="left"
        )

    def counted(self, values: Column) -> npt.NDArray[np.intp]:
        """Return how many of the values, none a gap, lie in each cell."""
        return np.bincount(self.cells(values), minlength=2 * len(self.edges) + 1)

    def binning(self, cells: Numbers) -> Binning:
        """Return the bins in which these counts differ least from the training."""
        rows, levels = [np.zeros(len(cells))], [0.0]
        for row, level in self._borders(cells / cells.sum()):
            # A sliver between two borders would weigh far more than it tells.
            if min(level - levels[-1], 1.0 - level) >= self.step / 2:
                rows.append(row)
                levels.append(level)
        rows.append(np.ones(len(cells)))
        return Binning(
            matrix=np.diff(np.array(rows), axis=0), expected=np.diff([*levels, 1.0])
        )

    def _borders(self, share: Numbers) -> Iterator[tuple[Numbers, float]]:
        """Yield what of each cell lies below a border, and the training's share."""
        for number, edge in enumerate(self.edges):
            on_edge = 2 * number + 1
            below = float(share[:on_edge].sum())
            through = below + float(share[on_edge])
            if edge.first == edge.last:
                missing = edge.first - below
                taken = float(np.clip(missing / (share[on_edge] or 1.0), 0.0, 1.0))
                yield _below(on_edge, taken, of=len(share)), edge.first
                continue
            least, most = edge.first - self.step, edge.last + self.step
            before = float(np.clip(below, least, edge.first))
            yield _below(on_edge, 0.0, of=len(share)), before
            yield (
                _below(on_edge, 1.0, of=len(share)),
                float(np.clip(through, edge.last, most)),
            )


def _below(cell: int, taken: float, *, of: int) -> Numbers:
    row = np.zeros(of)
    row[:cell] = 1.0
    row[cell] = taken
    return row


def scale_of(quantiles: Sequence[float | None]) -> Scale | None:
    """Return the cells between a feature's quantiles; None: it was always a gap.

    Args:
        quantiles: At even levels from 0 to 1; equal ones are one edge.
    """
    step = 1 / max(1, len(quantiles) - 1)
    edges: list[Edge] = []
    for place, value in enumerate(quantiles[1:-1], start=1):
        if value is None:
            continue
        edge = Edge(value=value, first=place * step, last=place * step)
        if edges and value - edges[-1].value <= edge.width + edges[-1].width:
            first = edges.pop()
            edge = Edge(value=first.value, first=first.first, last=edge.last)
        edges.append(edge)
    return Scale(edges=tuple(edges), step=step) if edges else None


def psi(counts: Numbers, *, expected: Numbers, effective: float) -> float:
    """Return the population stability index of counts by bin.

    It is about chi-squared with bins - 1 degrees of freedom, times 1/n + 1/m, where n
    and m moments are independent and drawn alike. Half an effective moment is added
    for each bin, for an empty one has no logarithm.

    Args:
        counts: By bin.
        expected: The training's shares.
        effective: For how many independent moments the counts stand.

    Source:
        Yurdakul and Naranjo, "Statistical properties of the population stability
        index", J. Risk Model Validation 14 (2020).
    """
    added = _HALF * len(counts)
    share = counts / counts.sum() * effective + added * expected
    share /= effective + added
    return float(np.sum((share - expected) * np.log(share / expected)))


def chi2_quantile(probability: float, *, freedom: int) -> float:
    """Return a quantile of the chi-squared distribution, within some per cent.

    Args:
        probability: Between 0 and 1.
        freedom: Degrees of freedom; 0 where there is nothing to compare.

    Source:
        Wilson and Hilferty, "The distribution of chi-square", PNAS 17 (1931).
    """
    if not freedom:
        return 0.0
    spread = 2 / (9 * freedom)
    root = 1 - spread + NormalDist().inv_cdf(probability) * math.sqrt(spread)
    return freedom * max(root, 0.0) ** 3


def f_quantile(probability: float, *, freedom: float, known_by: int) -> float:
    """Return a quantile of the F distribution, within some per cent.

    Args:
        probability: Above 0.5.
        freedom: Degrees of freedom of what is compared.
        known_by: Those of what it is compared with; infinite comes of too few.

    Source:
        Paulson, "An approximate normalization of the analysis of variance
        distribution", Ann. Math. Stat. 13 (1942).
    """
    z2 = NormalDist().inv_cdf(probability) ** 2
    own, other = 2 / (9 * freedom), 2 / (9 * known_by)
    a, b, c = (1 - other) ** 2 - z2 * other, (1 - other) * (1 - own), (1 - own) ** 2
    if a <= 0:
        return math.inf
    return ((b + math.sqrt(b * b - a * (c - z2 * own))) / a) ** 3
