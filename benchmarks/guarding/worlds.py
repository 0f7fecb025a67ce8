"""The worlds in which the guard is tried: hosts with two equally good models.

Scoring every 30 s, horizon 10 min (20 ticks). The load of a host is an
Ornstein-Uhlenbeck process with a time constant of 1 h; the outcome of a prediction is
"above the threshold at any of the next 20 ticks". At 5 % that makes 2.9 episodes a
day, at 1 % 0.7, at 0.2 % 0.16. A model sees the load with an error (standard deviation
0.35 of the load's), of whose variance it shares half with the other model; shared and
own errors have a time constant of 1 h, unless the world says otherwise. It says the
calibrated probability; the base rate is then 2.2 times worse (log loss) at 5 % and 2.3
times at 1 %. In numeric worlds the models forecast the load (there with a time
constant of 47 min) 10 min ahead, with an own error of 0.15.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from guarding.chain import chain, forecasts, looked_up
from guarding.life import HORIZON, TICKS_PER_DAY, TICKS_PER_HOUR, Flags, Floats, Life

Shape = Callable[[int, int, np.random.Generator], Floats]
_MEMORY = float(TICKS_PER_HOUR)
_NUMBER_MEMORY = 47 / 60 * TICKS_PER_HOUR
_NUMBER_NOISE = 0.15
_SCALE_IN_PERSISTENCE = 8
_OUTAGE = 6 * TICKS_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A kind of host; see the module for what all have in common.

    Attributes:
        rate: Share of ticks with an event ahead; 0: the models forecast the load.
        noise: Standard deviation of what a model sees wrongly.
        own: Share of the variance of that error which is each model's own; the rest
            both share, as two versions that read the same features do.
        disagreement: Time constant of the own error, in ticks.
        is_overlapping: False: load and error are drawn anew each tick, and each
            outcome is a coin of its own with the probability of its tick.
        push: Added to the load, and seen by both models.
        hidden: Added to the load, and seen by neither.
        blur: Multiplies the errors of both models, or of each (shape (2, ...)).
        lost: Share of outcomes that never become known.
        outages: How many times nothing was predicted for 6 h. They begin and end
            with a block (so that the twin need not treat torn ones).
    """

    name: str
    rate: float = 0.05
    noise: float = 0.35
    own: float = 0.5
    disagreement: float = _MEMORY
    is_overlapping: bool = True
    push: Shape | None = None
    hidden: Shape | None = None
    blur: Shape | None = None
    lost: float = 0.0
    outages: int = 0


def lived(world: World, *, days: int, hosts: int, rng: np.random.Generator) -> Life:
    """Return `hosts` lives of `days` days each."""
    ticks = days * TICKS_PER_DAY
    make = _event_life if world.rate else _number_life
    outcome, seen, forecast, rest = make(world, ticks, hosts, rng)
    return Life(
        outcome=outcome,
        seen=seen,
        forecast=forecast,
        rate=world.rate,
        issued=_issued(world, ticks, hosts, rng),
        known=rng.random((ticks, hosts), dtype=np.float32) >= world.lost
        if world.lost
        else None,
        **rest,
    )


def wandering(
    shape: tuple[int, ...], *, memory: Floats | float, rng: np.random.Generator
) -> Floats:
    """Return stationary AR(1) processes along the first axis, variance 1, float32.

    Args:
        shape: (ticks, ...).
        memory: Time constants in ticks, broadcast over the rest of the shape.
        rng: Where the chance is from.
    """
    kept = np.exp(-1 / np.asarray(memory, float)).astype(np.float32)
    found = rng.standard_normal(shape, dtype=np.float32)
    found[1:] *= np.sqrt(1 - kept**2)
    held = np.empty_like(found[0])
    for tick in range(1, len(found)):
        np.multiply(found[tick - 1], kept, out=held)
        found[tick] += held
    return found


def _event_life(
    world: World, ticks: int, hosts: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, dict[str, Floats]]:
    best = chain(world.rate, memory=_MEMORY, horizon=HORIZON)
    table = forecasts(best, noise=world.noise)
    load, errors = _load_and_errors(world, ticks + HORIZON, hosts, rng)
    load = _with(world.push, load, rng)
    seen = load[:ticks] + _blurred(world, errors[:, :ticks], rng)
    load = _with(world.hidden, load, rng)
    if world.is_overlapping:
        outcome = _ahead(load > best.threshold, ticks)
    else:
        chance = looked_up(best.ahead.astype(np.float32), load[:ticks])
        outcome = rng.random((ticks, hosts), dtype=np.float32) < chance
    return outcome.astype(np.float32), seen, looked_up(table, seen), {"table": table}


def _number_life(
    world: World, ticks: int, hosts: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, dict[str, float]]:
    """Return hosts whose models forecast the load itself, 10 min ahead."""
    kept = np.exp(-HORIZON / _NUMBER_MEMORY)
    load = wandering((ticks + HORIZON, hosts), memory=_NUMBER_MEMORY, rng=rng)
    errors = wandering((ticks, hosts, 2), memory=world.disagreement, rng=rng)
    errors = np.moveaxis(errors, -1, 0) * np.float32(_NUMBER_NOISE)
    forecast = np.float32(kept) * load[:ticks] + errors
    persistence = np.sqrt(2 * (1 - kept)) * np.sqrt(2 / np.pi)
    scale = float(_SCALE_IN_PERSISTENCE * persistence)
    return load[HORIZON:], forecast, forecast, {"scale": scale}


def _load_and_errors(
    world: World, ticks: int, hosts: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    shape = (ticks, 4, hosts)
    if not world.is_overlapping:
        drawn = rng.standard_normal(shape, dtype=np.float32)
    else:
        slow = world.disagreement
        memory = np.array([_MEMORY, _MEMORY, slow, slow])[:, None]
        drawn = wandering(shape, memory=memory, rng=rng)
    shared = drawn[:, 1] * np.float32(np.sqrt(1 - world.own))
    own = np.moveaxis(drawn[:, 2:], 1, 0) * np.float32(np.sqrt(world.own))
    return drawn[:, 0], shared + own


def _blurred(world: World, errors: Floats, rng: np.random.Generator) -> Floats:
    scaled = errors * np.float32(world.noise)
    if world.blur is None:
        return scaled
    return scaled * world.blur(*errors.shape[1:], rng)


def _with(shape: Shape | None, load: Floats, rng: np.random.Generator) -> Floats:
    return load if shape is None else load + shape(*load.shape, rng)


def _ahead(is_above: Flags, ticks: int) -> Flags:
    """Return whether any of the next `HORIZON` ticks is above."""
    found = np.zeros((ticks, is_above.shape[1]), bool)
    for step in range(1, HORIZON + 1):
        found |= is_above[step : step + ticks]
    return found


def _issued(
    world: World, ticks: int, hosts: int, rng: np.random.Generator
) -> Flags | None:
    if not world.outages:
        return None
    issued = np.ones((ticks, hosts), bool)
    for host in range(hosts):
        for start in rng.integers(0, ticks // _OUTAGE, size=world.outages) * _OUTAGE:
            issued[start : start + _OUTAGE, host] = False
    return issued


def _daily(
    ticks: int, hosts: int, rng: np.random.Generator, *, height: float
) -> Floats:
    """Return a wave, highest at 15 o'clock."""
    hour = np.arange(ticks) / TICKS_PER_HOUR
    wave = height * np.cos(2 * np.pi * (hour - 15) / 24)
    return wave.astype(np.float32)[:, None]


def _from_day(
    ticks: int,
    hosts: int,
    rng: np.random.Generator,
    *,
    day: float,
    before: float,
    after: float,
) -> Floats:
    is_after = np.arange(ticks) >= day * TICKS_PER_DAY
    return np.where(is_after, np.float32(after), np.float32(before))[:, None]


def _by_day(
    ticks: int, hosts: int, rng: np.random.Generator, *, factor: float
) -> Floats:
    """Return `factor` from 8 to 20 o'clock, else 1."""
    hour = np.arange(ticks) / TICKS_PER_HOUR % 24
    is_day = abs(hour - 14) < 6  # noqa: PLR2004 - 8 to 20 o'clock
    return np.where(is_day, np.float32(factor), np.float32(1))[:, None]


def _bursts(
    ticks: int,
    hosts: int,
    rng: np.random.Generator,
    *,
    height: float,
    hours: float,
    per_day: float,
) -> Floats:
    """Return `height` during rare bursts of exponential length, else 0."""
    found = np.zeros((ticks, hosts), np.float32)
    count = rng.poisson(per_day * ticks / TICKS_PER_DAY, size=hosts)
    for host in range(hosts):
        starts = rng.integers(0, ticks, size=count[host])
        lengths = rng.exponential(hours * TICKS_PER_HOUR, size=count[host])
        for start, length in zip(starts, lengths, strict=True):
            found[start : start + int(length), host] = height
    return found


def _turns(
    ticks: int, hosts: int, rng: np.random.Generator, *, factor: float
) -> Floats:
    """Return for each model `factor` every other day, else 1."""
    is_odd = np.arange(ticks) // TICKS_PER_DAY % 2 == 1
    turns = np.stack([is_odd, ~is_odd])[..., None]
    return np.where(turns, np.float32(factor), np.float32(1))


INDEPENDENT = World(name="independent outcomes", is_overlapping=False)
FIVE = World(name="overlapping 5 %")
ONE = World(name="overlapping 1 %", rate=0.01)
FIFTH = World(name="overlapping 0.2 %", rate=0.002)
DAILY = World(name="daily event rate", push=partial(_daily, height=0.5))
HARDER = World(
    name="harder for both from day 5",
    blur=partial(_from_day, day=5, before=1.0, after=2.0),
)
HARDER_BY_DAY = World(name="harder by day", blur=partial(_by_day, factor=2.0))
RATE_UP = World(
    name="rate up for both from day 5, unseen",
    hidden=partial(_from_day, day=5, before=0, after=0.25),
)
RATE_UP_MUCH = World(
    name="rate up 2.6 times from day 5, unseen",
    hidden=partial(_from_day, day=5, before=0, after=0.5),
)
STRANGERS = World(name="models share no error", own=1.0)
BURSTS = World(name="bursts", push=partial(_bursts, height=1.2, hours=3, per_day=0.5))
GAPS = World(name="5 % lost, 4 outages of 6 h", lost=0.05, outages=4)
NUMBER = World(name="numeric", rate=0.0)

NORMAL = (
    INDEPENDENT,
    FIVE,
    ONE,
    FIFTH,
    DAILY,
    HARDER,
    HARDER_BY_DAY,
    RATE_UP,
    BURSTS,
    GAPS,
    NUMBER,
)
DISAGREE_6 = World(name="models disagree for 6 h", disagreement=6.0 * TICKS_PER_HOUR)
DISAGREE_24 = World(name="models disagree for 24 h", disagreement=24.0 * TICKS_PER_HOUR)
NUMBER_24 = World(
    name="numeric, models disagree for 24 h",
    rate=0.0,
    disagreement=24.0 * TICKS_PER_HOUR,
)
TURNS = World(name="each better every other day", blur=partial(_turns, factor=1.5))
