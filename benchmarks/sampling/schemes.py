"""The schemes: which of a host's resolved moments leave it, and what each stands for.

The product's own is lived through as an agent does, hour by hour; the others are what
it was chosen over, and some of them know more than an agent can.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from sampling.rows import Rows
from sampling.tasks import Task

from agent.core.sampling import choose, is_enough

Vector = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Choice = tuple[Places, Vector]

_HOUR_S: Final = 3600
_DAY_S: Final = 86400
_LEAST_ERROR: Final = 0.15


class Scheme(StrEnum):
    """How rows are chosen."""

    PRODUCT = "the product's"
    HOURLY = "the same, but each hour at once"
    ERRORS = "error-proportional"
    POOLED = "halves of all hosts and times at once"
    UNIFORM = "uniform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What is chosen from.

    Attributes:
        rows: Of the hosts that teach.
        said: What an earlier model said of each.
        task: Whose rows these are.
    """

    rows: Rows
    said: Vector
    task: Task


def chosen(
    scheme: Scheme, stock: Stock, *, share: float, rng: np.random.Generator
) -> Choice:
    """Return which rows are sent, by place, and for how many each one stands."""
    return _SCHEMES[scheme](stock, share, rng)


def _product(stock: Stock, share: float, rng: np.random.Generator) -> Choice:
    return _lived(stock, share, rng, may_wait=True)


def _hourly(stock: Stock, share: float, rng: np.random.Generator) -> Choice:
    return _lived(stock, share, rng, may_wait=False)


def _lived(
    stock: Stock, share: float, rng: np.random.Generator, *, may_wait: bool
) -> Choice:
    """Return what hosts send that earn `share` of a row with each moment."""
    found: list[Choice] = []
    for host in np.unique(stock.rows.host):
        purse, waiting = 0.0, np.empty(0, dtype=np.intp)
        most = share * _DAY_S / stock.task.interval_s
        for hour in _hours(stock, host):
            purse = min(most, purse + share * len(hour))
            waiting = np.concatenate([waiting, hour])
            is_full = purse >= most
            if may_wait and not is_full and not is_enough(len(waiting), budget=purse):
                continue
            places, weights = _halves(stock.rows.happened, waiting, purse, rng)
            found.append((places, weights))
            purse -= min(purse, len(waiting))
            waiting = waiting[:0]
    return _joined(found)


def _hours(stock: Stock, host: int) -> Iterator[Places]:
    """Yield the places of a host's rows, hour by hour; some hours may be missing."""
    mine = np.flatnonzero(stock.rows.host == host)
    hour = stock.rows.row[mine] * stock.task.interval_s // _HOUR_S
    yield from np.split(mine, np.flatnonzero(np.diff(hour)) + 1)


def _pooled(stock: Stock, share: float, rng: np.random.Generator) -> Choice:
    everything = np.arange(len(stock.rows))
    return _halves(stock.rows.happened, everything, share * len(everything), rng)


def _halves(
    happened: npt.NDArray[np.bool_],
    among: Places,
    budget: float,
    rng: np.random.Generator,
) -> Choice:
    came = happened[among]
    taken, weights = choose(
        np.flatnonzero(came).tolist(),
        np.flatnonzero(~came).tolist(),
        budget=budget,
        rng=rng,
    )
    return among[np.array(taken, dtype=np.intp)], np.array(weights)


def _errors(stock: Stock, share: float, rng: np.random.Generator) -> Choice:
    """Return rows by how wrong an earlier model was, at a scale known in hindsight."""
    size = _LEAST_ERROR + np.abs(stock.rows.happened - stock.said)
    return _drawn(np.minimum(1.0, size * share / size.mean()), rng)


def _uniform(stock: Stock, share: float, rng: np.random.Generator) -> Choice:
    return _drawn(np.full(len(stock.rows), share), rng)


def _drawn(chance: Vector, rng: np.random.Generator) -> Choice:
    places = np.flatnonzero(rng.random(len(chance)) < chance)
    return places, 1 / chance[places]


def _joined(parts: list[Choice]) -> Choice:
    return (
        np.concatenate([places for places, _ in parts]),
        np.concatenate([weights for _, weights in parts]),
    )


_SCHEMES: Final[dict[Scheme, Callable[[Stock, float, np.random.Generator], Choice]]] = {
    Scheme.PRODUCT: _product,
    Scheme.HOURLY: _hourly,
    Scheme.ERRORS: _errors,
    Scheme.POOLED: _pooled,
    Scheme.UNIFORM: _uniform,
}
