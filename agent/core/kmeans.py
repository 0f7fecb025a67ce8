"""How unlike its own past a series is, by k-means over its recent changes.

Source:
    Netdata, "Machine Learning Anomaly Detection" and its defaults: vectors of the last
    six smoothed differences, two clusters, a model every 3 hours of the last 6, the 18
    newest kept. There on points of a second, here on points of a minute, or of the
    interval where that is longer; and what is compared is the score itself, the least
    over the models, as an alarm wants all of them to agree.
"""

from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Vector: TypeAlias = npt.NDArray[np.float64]
Matrix: TypeAlias = npt.NDArray[np.float64]

_POINT_S: Final = 60.0
_EVERY_S: Final = 3 * 3600.0
_LEARNT_S: Final = 6 * 3600.0
_LEAST_VECTORS: Final = 30
_MODELS: Final = 18
_SMOOTHED: Final = 3
_LAGS: Final = 5
_ROUNDS: Final = 1000
# The second centre starts far from the first, but not at the farthest few.
_FAR: Final = 0.99


class _Model(NamedTuple):
    """Two centres, and the least and the greatest mean distance that was learnt."""

    centres: Matrix
    least: float
    greatest: float


def strangeness(values: npt.NDArray[np.floating], *, interval_s: float) -> Vector:
    """Return how strange each point is to the models of the time before it.

    Args:
        values: One series on its grid, shape (n,); NaN marks a gap.
        interval_s: Distance between two points, in seconds.

    Returns:
        float64, shape (n,): 0 at what was most usual, 1 at what was least so when it
        was learnt, above 1 beyond; NaN where there is no model yet, or a gap.
    """
    size = max(1, round(_POINT_S / interval_s))
    count = len(values) // size
    points = _means(values[: count * size].reshape(count, size))
    scores = _scored(_vectors(points), step_s=size * interval_s)
    found = np.full(len(values), np.nan)
    # A point is known with its last sample, and stands until the next one is.
    later = np.repeat(scores, size)[: max(0, len(values) - size + 1)]
    found[size - 1 : size - 1 + len(later)] = later
    return found


def _means(groups: npt.NDArray[np.floating]) -> Vector:
    there = ~np.isnan(groups)
    sums = np.where(there, groups, 0).sum(axis=1, dtype=np.float64)
    with np.errstate(all="ignore"):
        means: Vector = sums / there.sum(axis=1)
    return means


def _vectors(points: Vector) -> Matrix:
    """Return the lagged, smoothed differences of each point; NaN where one is not."""
    width = 1 + (_SMOOTHED - 1) + _LAGS
    found = np.full((len(points), _LAGS + 1), np.nan)
    if len(points) > width:
        changes = np.diff(points)
        kernel = np.full(_SMOOTHED, 1 / _SMOOTHED)
        smooth = np.convolve(changes, kernel, mode="valid")
        lagged = np.lib.stride_tricks.sliding_window_view(smooth, _LAGS + 1)
        found[width:] = lagged
    return found


def _scored(vectors: Matrix, *, step_s: float) -> Vector:
    every, learnt = round(_EVERY_S / step_s), round(_LEARNT_S / step_s)
    scores = np.full(len(vectors), np.nan)
    models: list[_Model] = []
    for start in range(every, len(vectors), max(1, every)):
        past = vectors[max(0, start - learnt) : start]
        known = past[~np.isnan(past).any(axis=1)]
        if len(known) >= _LEAST_VECTORS:
            models = [*models, _learnt(known)][-_MODELS:]
        if models:
            stop = start + every
            now = vectors[start:stop]
            each = [_distances(now, model) for model in models]
            scores[start:stop] = np.min(each, axis=0)
    return scores


def _learnt(vectors: Matrix) -> _Model:
    centres = _clustered(vectors)
    mean = _apart(vectors, centres).mean(axis=1)
    return _Model(centres, float(mean.min()), float(mean.max()))


def _clustered(vectors: Matrix) -> Matrix:
    """Return the centres of two clusters, by Lloyd's rounds."""
    first = vectors[0]
    apart = np.linalg.norm(vectors - first, axis=1)
    order = np.argsort(apart, kind="stable")
    centres = np.stack([first, vectors[order[int(_FAR * (len(order) - 1))]]])
    nearer = np.full(len(vectors), -1)
    for _ in range(_ROUNDS):
        now = np.argmin(_apart(vectors, centres), axis=1)
        if np.array_equal(now, nearer):
            break
        nearer = now
        # A cluster that lost all its points stays where it was.
        for place in set(now.tolist()):
            centres[place] = vectors[now == place].mean(axis=0)
    return centres


def _apart(vectors: Matrix, centres: Matrix) -> Matrix:
    """Return the distance of each vector from each centre, shape (n, 2)."""
    return np.stack([np.linalg.norm(vectors - each, axis=1) for each in centres], 1)


def _distances(vectors: Matrix, model: _Model) -> Vector:
    mean: Vector = _apart(vectors, model.centres).mean(axis=1)
    spread = model.greatest - model.least
    # A series that never moved has learnt nothing that could be exceeded by degrees.
    return (mean - model.least) / (spread if spread > 0 else 1.0)
