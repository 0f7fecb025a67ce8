"""How good each forecaster was on moments that none of them saw, with bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from central.core.skill import (
    average_precision,
    calibration_error,
    skill,
    skill_interval,
    squared_errors,
)

RETRAINED: Final = "retrained"
SHIPPED: Final = "shipped stand-in"
STARTER: Final = "the starter itself"
BASELINE: Final = "baseline"
_DRAWS: Final = 500
_BOUNDS: Final = (0.025, 0.975)
_SEED: Final = 1
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Moments, and what each forecaster said of them.

    Attributes:
        said: By name.
        happened: What came.
        block: Machine and day of each; moments of one are drawn together.
    """

    said: Mapping[str, Vector]
    happened: npt.NDArray[np.bool_]
    block: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """One forecaster's figures; bounds are of 95 %, over machines and days.

    Attributes:
        precision: Average precision; `precision_bounds` are its.
        lead: By how much the average precision of the retrained one is higher.
        brier_skill: Against the rate of these moments.
        gain: Share of this one's Brier loss that the retrained one saves.
        error: Expected calibration error.
    """

    name: str
    precision: float
    precision_bounds: tuple[float, float]
    lead: float
    lead_bounds: tuple[float, float]
    brier_skill: float
    gain: float
    gain_bounds: tuple[float, float]
    error: float


def together(parts: Sequence[Asked]) -> Asked:
    """Return the moments of several turns as one; no two turns share a machine."""
    many = 10**9
    return Asked(
        said={
            name: np.concatenate([part.said[name] for part in parts])
            for name in parts[0].said
        },
        happened=np.concatenate([part.happened for part in parts]),
        block=np.concatenate(
            [number * many + part.block for number, part in enumerate(parts)]
        ),
    )


def marks(asked: Asked) -> list[Marks]:
    """Return the figures of every forecaster, on the same draws."""
    _, block = np.unique(asked.block, return_inverse=True)
    count = int(block.max()) + 1
    rng = np.random.default_rng(_SEED)
    times = rng.multinomial(count, np.full(count, 1 / count), size=_DRAWS)
    drawn = {
        name: _precisions(said, asked.happened, block=block, times=times)
        for name, said in asked.said.items()
    }
    return [_marks(name, asked, block=block, drawn=drawn) for name in asked.said]


def _marks(
    name: str, asked: Asked, *, block: npt.NDArray[np.intp], drawn: Mapping[str, Vector]
) -> Marks:
    happened = asked.happened
    own = average_precision(asked.said[RETRAINED], happened)
    precision = average_precision(asked.said[name], happened)
    losses = squared_errors(asked.said[name], happened)
    mine = squared_errors(asked.said[RETRAINED], happened)
    rate = squared_errors(float(happened.mean()), happened)
    bounds = skill_interval(
        mine, reference=losses, blocks=block, rng=np.random.default_rng(_SEED)
    )
    return Marks(
        name=name,
        precision=precision,
        precision_bounds=_bounds(drawn[name]),
        lead=own - precision,
        lead_bounds=_bounds(drawn[RETRAINED] - drawn[name]),
        brier_skill=skill(losses, reference=rate),
        gain=skill(mine, reference=losses),
        gain_bounds=bounds,
        error=calibration_error(asked.said[name], happened),
    )


def _precisions(
    said: Vector,
    happened: npt.NDArray[np.bool_],
    *,
    block: npt.NDArray[np.intp],
    times: npt.NDArray[np.int64],
) -> Vector:
    """Return the average precision of each draw; ties count as one alarm."""
    order = np.argsort(-said, kind="stable")
    last = np.flatnonzero(np.append(np.diff(said[order]) != 0, True))
    came, place = happened[order], block[order]
    found = []
    for draw in times:
        weight = draw[place].astype(np.float64)
        hits, alarms = np.cumsum(weight * came)[last], np.cumsum(weight)[last]
        kept = alarms > 0
        gained = np.diff(hits, prepend=0.0)[kept] * hits[kept] / alarms[kept]
        found.append(gained.sum() / hits[-1] if hits[-1] else np.nan)
    return np.array(found)


def _bounds(values: Vector) -> tuple[float, float]:
    low, high = np.nanquantile(values, _BOUNDS)
    return float(low), float(high)
