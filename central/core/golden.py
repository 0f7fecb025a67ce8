"""Golden vectors for a model that came without: inputs it may meet, and its answers."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.expression import Expression, series_of
from agent.core.manifest import Golden, Manifest
from agent.core.metrics import is_known, metric
from agent.core.target import EventTarget

Inputs = tuple[tuple[float | None, ...], ...]
Scores = Sequence[Sequence[float]]

TOLERANCE: Final = 1e-4

_SEED: Final = 20261124
_LEVELS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_MIXED: Final = 2
_DIGITS: Final = 6
# Where nobody says what was seen in training: shares, turns of a clock, all the rest.
_SHARES: Final = (0.0, 1.0)
_TURNS: Final = (-1.0, 1.0)
_AMOUNTS: Final = (0.0, 1.0, 1e3, 1e6)

_Ladder = npt.NDArray[np.float64]


def golden_inputs(manifest: Manifest) -> Inputs:
    """Return rows of features, the same ones for the same manifest.

    All features at the same quantile of what was seen in training, from the least to
    the greatest; then each at a quantile of its own; and one row with gaps, if the
    model says that it takes them. None is a gap.
    """
    rng = np.random.default_rng(_SEED)
    ladders = _ladders(manifest)
    width = len(ladders)
    levels = [np.full(width, level) for level in _LEVELS]
    levels += [rng.random(width) for _ in range(_MIXED)]
    rows = [_values(ladders, level) for level in levels]
    if manifest.missing == "nan":
        gaps = rng.random(width) < 0.5  # noqa: PLR2004 - every other one
        gaps[rng.integers(width)] = True
        rows.append(np.where(gaps, np.nan, _values(ladders, rng.random(width))))
    return tuple(tuple(_neat(value) for value in row) for row in rows)


def golden_vectors(
    inputs: Inputs, scores: Scores, *, manifest: Manifest
) -> tuple[Golden, ...]:
    """Return the inputs with the scores that are expected of them.

    A probability may be off by `TOLERANCE`, a value by that share of its size.
    """
    is_event = isinstance(manifest.target, EventTarget)
    return tuple(
        Golden(
            features=row,
            score=tuple(score),
            tolerance=TOLERANCE * (1 if is_event else max(1, *map(abs, score))),
        )
        for row, score in zip(inputs, scores, strict=True)
    )


def unanswered(inputs: Inputs, scores: Scores) -> str | None:
    """Return which row a model has no finite answer to, or None."""
    for row, score in zip(inputs, scores, strict=True):
        if all(map(math.isfinite, score)):
            continue
        if None in row:
            return (
                f"model: answers {list(score)} to a row with gaps; train it with gaps, "
                'or set missing to "skip"'
            )
        return f"model: answers {list(score)} to the features {list(row)}"
    return None


def _ladders(manifest: Manifest) -> list[_Ladder]:
    """Return for each feature its values from the least to the greatest."""
    features = [formula.expression for formula in manifest.features]
    plausible = [np.array(_plausible(feature)) for feature in features]
    if manifest.reference is None:
        return plausible
    seen = [
        np.array([value for value in quantiles if value is not None])
        for quantiles in manifest.reference.quantiles
    ]
    return [a if len(a) else b for a, b in zip(seen, plausible, strict=True)]


def _plausible(feature: Expression) -> tuple[float, ...]:
    names = {series.name for series in series_of(feature)}
    if not names:
        return _TURNS
    are_shares = all(is_known(name) and metric(name).is_ratio for name in names)
    return _SHARES if are_shares else _AMOUNTS


def _values(ladders: Sequence[_Ladder], levels: _Ladder) -> _Ladder:
    """Return one value a feature, at its level 0..1 of its ladder."""
    return np.array(
        [
            np.interp(level, np.linspace(0, 1, len(ladder)), ladder)
            for ladder, level in zip(ladders, levels, strict=True)
        ]
    )


def _neat(value: float) -> float | None:
    """Return a feature as a manifest spells it: few digits, None for a gap."""
    return None if math.isnan(value) else float(f"{value:.{_DIGITS}g}")
