"""Judging: what each forecaster says of moments that neither taught nor tuned."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.manifest import Manifest
from agent.errors import ModelError
from central.core.exam import BASELINE, CURRENT, RETRAINED, Paper
from central.core.golden import Inputs
from central.core.measure import Answers, Measure
from central.core.samples import Samples
from central.ports import Scorer, TrainedModel

_ROWS_A_CHILD: Final = 5_000
_ROWS_TO_WEIGH: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Incumbent:
    """The release that runs now.

    Attributes:
        digest: SHA-256 of its manifest.
        model: Its file, where it takes the very features of the samples; None: not.
    """

    digest: str
    manifest: Manifest
    model: Path | None


def paper(
    rows: Samples,
    *,
    model: TrainedModel,
    incumbent: Incumbent | None,
    scorer: Scorer,
    groups: Mapping[str, str],
    horizon_s: float,
) -> tuple[Paper, bool]:
    """Return what each said, and whether the current release was asked anew.

    Args:
        rows: To judge by.
        model: The retrained one.
        incumbent: The current one; None: there is none.
        scorer: What asks it.
        groups: Each host's group; who has none is in none.
        horizon_s: Of the task.
    """
    said = {RETRAINED: _shaped(model.score(rows.features))}
    is_asked = False
    if incumbent is not None:
        anew = _asked(rows, incumbent=incumbent, scorer=scorer)
        is_asked = anew is not None
        told = _as_told(rows, incumbent, said[RETRAINED])
        said[CURRENT] = told if anew is None else anew
    said[BASELINE] = rows.baseline
    group = np.array([groups.get(host, "") for host in rows.host.tolist()], dtype=str)
    made = Paper(rows=rows, horizon_s=horizon_s, said=said, group=group)
    return made, is_asked


def feature_weights(
    rows: Samples,
    *,
    model: TrainedModel,
    measure: Measure,
    names: tuple[str, ...],
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return by which share the loss grows as each feature is shuffled, largest first.

    Source:
        Breiman, "Random forests", Machine Learning 45 (2001), section 10.
    """
    rows = rows.where(np.sort(rng.permutation(len(rows))[:_ROWS_TO_WEIGH]))

    def loss(features: npt.NDArray[np.float32]) -> float:
        losses = measure.losses(_shaped(model.score(features)), label=rows.label)
        return float(np.average(losses, weights=rows.weight))

    usual = loss(rows.features)
    found: dict[str, float] = {}
    for column, name in enumerate(names):
        shuffled = rows.features.copy()
        shuffled[:, column] = rng.permutation(shuffled[:, column])
        found[name] = loss(shuffled) / usual - 1 if usual else 0.0
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _asked(rows: Samples, *, incumbent: Incumbent, scorer: Scorer) -> Answers | None:
    """Return what the current release says of the rows; None: it cannot be asked."""
    if incumbent.model is None:
        return None
    parts: list[Answers] = []
    try:
        for at in range(0, len(rows), _ROWS_A_CHILD):
            inputs = _inputs(rows.features[at : at + _ROWS_A_CHILD])
            scores = scorer.scores(
                incumbent.model, manifest=incumbent.manifest, inputs=inputs
            )
            parts.append(np.array(scores, dtype=np.float64))
    except ModelError:
        # It may be what is wrong with it; what hosts had it say still stands.
        return None
    return np.concatenate(parts)


def _inputs(features: npt.NDArray[np.float32]) -> Inputs:
    return tuple(
        tuple(None if value != value else value for value in row)  # noqa: PLR0124 - NaN
        for row in features.tolist()
    )


def _as_told(rows: Samples, incumbent: Incumbent, like: Answers) -> Answers:
    """Return what hosts had the current release say, NaN where another one may have.

    Only of moments with its own features is it known that it was the active one.
    """
    if rows.active.shape != like.shape:
        return np.full(like.shape, np.nan)
    is_own = rows.release == incumbent.digest
    return np.where(is_own[:, None], rows.active, np.nan)


def _shaped(said: npt.NDArray[np.float64]) -> Answers:
    return said.reshape(len(said), -1)
