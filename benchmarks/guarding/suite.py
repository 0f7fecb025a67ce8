"""Every row of the benchmark, in tables: what is simulated and what is demanded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from guarding import harms, rules, worlds
from guarding.boundary import COINS
from guarding.canary import halted, rolled_out
from guarding.harms import Harm
from guarding.life import BLOCK, HORIZON, TICKS_PER_HOUR
from guarding.simulate import Task, chunks, losses_of, simulated
from guarding.trials import (
    Boundary,
    Delay,
    Job,
    Judgement,
    Quiet,
    Trial,
)
from guarding.twins import survives

_CANARY_HOSTS = 50
_CANARY_DAYS = 10
_CLEAN_RUNS = 16
_RESTART_HOSTS = 5
_RESTART_DAYS = 12
_LATE = HORIZON + 2 * TICKS_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many hosts (or runs, or days) each table takes."""

    worlds: int
    many: int
    stress: int
    harms: int
    boundary: int
    boundary_days: int
    runs: int
    compared: int
    streamed: int


DEFAULT = Sizes(
    worlds=500,
    many=1000,
    stress=500,
    harms=60,
    boundary=1000,
    boundary_days=30,
    runs=4,
    compared=20,
    streamed=3,
)
FULL = Sizes(
    worlds=500,
    many=10_000,
    stress=5000,
    harms=300,
    boundary=5000,
    boundary_days=60,
    runs=16,
    compared=100,
    streamed=8,
)

_STRESS = (
    (worlds.DISAGREE_6, Quiet(share=0.001)),
    (worlds.DISAGREE_24, Quiet(share=0.01)),
    (worlds.NUMBER_24, Quiet(share=0.01)),
    (worlds.TURNS, Quiet()),
    (worlds.STRANGERS, Quiet()),
    (worlds.RATE_UP_MUCH, Quiet()),
)
_HARMS = (
    (worlds.FIVE, 2, harms.INVERTED, Delay(hours=10, times=2, all_found=True)),
    (worlds.FIVE, 2, harms.FIVE_TIMES, Delay(hours=85, times=2)),
    (worlds.FIVE, 2, harms.LOST, Delay(hours=110, times=2)),
    (worlds.FIVE, 2, harms.BASE_RATE, Delay(hours=210, times=2)),
    (worlds.FIVE, 2, harms.ZERO, Delay(times=2)),
    (worlds.FIVE, 2, harms.STUCK, Delay(times=2)),
    (worlds.FIVE, 2, harms.MODERATE, Delay(times=2)),
    (worlds.FIVE, 2, harms.MODERATE_FADED, Delay(times=2)),
    (worlds.FIVE, 5, harms.INVERTED, Delay(blocks=30, times=2, all_found=True)),
    (worlds.FIVE, 5, harms.FIVE_TIMES, Delay(blocks=250, times=2)),
    (worlds.FIVE, 5, harms.LOST, Delay(blocks=350, times=2)),
    (worlds.FIVE, 5, harms.BASE_RATE, Delay(blocks=650, times=2)),
    (worlds.FIVE, 5, harms.ZERO, Delay(times=2)),
    (worlds.FIVE, 5, harms.STUCK, Delay(times=2)),
    (worlds.FIVE, 5, harms.MODERATE, Delay(blocks=700, times=2)),
    (worlds.FIVE, 5, harms.MODERATE_FADED, Delay(blocks=700, times=2)),
    (worlds.FIVE, 5, harms.SUBTLE, Delay()),
    (worlds.FIVE, 5, harms.SUBTLE_FADED, Delay()),
    (worlds.FIVE, 5, harms.GRADUAL, Delay()),
    (worlds.FIVE, 0, harms.LOST, Delay(times=2)),
    (worlds.FIVE, 20, harms.LOST, Delay(times=3.5)),
    (worlds.GAPS, 5, harms.LOST, Delay()),
    (worlds.ONE, 5, harms.INVERTED, Delay(hours=10, all_found=True)),
    (worlds.ONE, 5, harms.LOST, Delay()),
    (worlds.ONE, 5, harms.BASE_RATE, Delay()),
    (worlds.ONE, 5, harms.RARE_MODERATE, Delay()),
    (worlds.ONE, 5, harms.RARE_MODERATE_FADED, Delay()),
    (worlds.FIFTH, 5, harms.LOST, Delay()),
    (worlds.NUMBER, 2, harms.NUMBER_CONSTANT, Delay(hours=60)),
    (worlds.NUMBER, 5, harms.NUMBER_CONSTANT, Delay(hours=60)),
    (worlds.NUMBER, 5, harms.NUMBER_SUDDEN, Delay()),
    (worlds.NUMBER, 5, harms.NUMBER_BIASED, Delay()),
)
_ON_THE_BOUNDARY = Boundary(alphas=(0.05, 0.001))
_COMPARED = (
    worlds.INDEPENDENT,
    worlds.FIVE,
    worlds.ONE,
    worlds.HARDER,
    worlds.RATE_UP,
    worlds.BURSTS,
    worlds.NUMBER,
)


def trials(sizes: Sizes, *, seed: int) -> Iterator[Trial]:
    """Yield every trial; each draws its chance from `seed` and its own number."""
    numbers = count()
    for make in (_boundary, _quiet, _delays, _restart, _canary, _comparison):
        yield from make(sizes, seed, numbers)


def _boundary(sizes: Sizes, seed: int, numbers: Iterator[int]) -> Iterator[Trial]:
    for coin in COINS:
        task = Task(
            world=coin,
            hosts=sizes.boundary,
            days=sizes.boundary_days,
            seed=(seed, next(numbers)),
        )
        yield _simulation("boundary of H0", coin.name, task, _ON_THE_BOUNDARY)


def _quiet(sizes: Sizes, seed: int, numbers: Iterator[int]) -> Iterator[Trial]:
    plan = (
        ("no harm", sizes.worlds, [(world, Quiet(most=0)) for world in worlds.NORMAL]),
        ("many hosts", sizes.many, [(worlds.FIVE, Quiet(most=1))]),
        ("stress", sizes.stress, _STRESS),
    )
    for table, hosts, rows in plan:
        for world, judge in rows:
            task = Task(world=world, hosts=hosts, seed=(seed, next(numbers)))
            yield _simulation(table, world.name, task, judge)
    yield from _remedies(sizes, seed, numbers)


def _remedies(sizes: Sizes, seed: int, numbers: Iterator[int]) -> Iterator[Trial]:
    """Yield what is shown of a hard world: with longer blocks, with briefer errors."""
    table = "stress: what helps where both have it harder"
    for hours, block in ((1, BLOCK), (1, 2 * BLOCK), (1 / 6, BLOCK)):
        task = Task(
            world=replace(worlds.HARDER, disagreement=hours * TICKS_PER_HOUR),
            hosts=sizes.stress,
            block=block,
            seed=(seed, next(numbers)),
        )
        minutes = block * 60 // TICKS_PER_HOUR
        name = f"blocks of {minutes} min, own errors last {60 * hours:.0f} min"
        yield _simulation(table, name, task, Quiet())


def _delays(sizes: Sizes, seed: int, numbers: Iterator[int]) -> Iterator[Trial]:
    for world, day, harm, judge in _HARMS:
        task = Task(
            world=world,
            hosts=sizes.harms,
            harm=harm,
            day=day,
            seed=(seed, next(numbers)),
        )
        name = f"{harm.name}, {world.name}, from day {day}"
        yield _simulation("delay", name, task, judge)
    late = Task(
        world=worlds.FIVE,
        hosts=sizes.harms,
        harm=harms.LOST,
        day=5,
        lag=_LATE,
        seed=(seed, next(numbers)),
    )
    name = "features lost, labels 2 h late, from day 5"
    yield _simulation("delay", name, late, Delay())


def _simulation(
    table: str, name: str, task: Task, judge: Boundary | Quiet | Delay
) -> Trial:
    return Trial(
        table=table,
        name=name,
        jobs=[Job(does=simulated, on=part) for part in chunks(task)],
        judge=judge,
        demand=judge.demand,
        hosts=task.hosts,
        seed=task.seed[0],
    )


def _restart(sizes: Sizes, seed: int, numbers: Iterator[int]) -> Iterator[Trial]:
    task = Task(
        world=worlds.FIVE,
        hosts=_RESTART_HOSTS,
        days=_RESTART_DAYS,
        harm=harms.FIVE_TIMES,
        day=2,
        seed=(seed, next(numbers)),
    )
    yield Trial(
        table="restart",
        name="20 restarts at random ticks",
        jobs=[Job(does=restarted, on=task)],
        judge=_same,
        demand="same decision tick, same evidence, to the last bit",
        hosts=task.hosts,
        seed=seed,
    )


def restarted(task: Task) -> int:
    """Return on how many hosts restarts changed nothing."""
    losses = losses_of(task)
    rng = np.random.default_rng((*task.seed, 1))
    return sum(survives(losses, host, rng=rng) for host in range(task.hosts))


def _same(results: list[int]) -> Judgement:
    return {"identical hosts": results[0]}, results[0] == _RESTART_HOSTS


def _canary(sizes: Sizes, seed: int, numbers: Iterator[int]) -> Iterator[Trial]:
    plan: tuple[tuple[Harm | None, int, float], ...] = (
        (harms.RARE_MODERATE, sizes.runs, 12),
        (harms.RARE_MODERATE_FADED, sizes.runs, 12),
        (harms.RARE_SUBTLE, sizes.runs, 48),
        (harms.RARE_SUBTLE_FADED, sizes.runs, 48),
        (None, _CLEAN_RUNS, 0),
    )
    for harm, runs, limit in plan:
        tasks = [
            Task(
                world=worlds.ONE,
                hosts=_CANARY_HOSTS,
                days=_CANARY_DAYS,
                harm=harm,
                seed=(seed, next(numbers)),
            )
            for _ in range(runs)
        ]
        yield Trial(
            table="canary of 50 hosts at 1 %, 10 days",
            name=f"{harm.name if harm else 'no harm'}, {runs} runs",
            jobs=[Job(does=rolled_out, on=task) for task in tasks],
            judge=partial(halted, limit=limit),
            demand=f"median at most {limit} h" if limit else "no halt",
            hosts=runs * _CANARY_HOSTS,
            seed=seed,
        )


def _comparison(sizes: Sizes, seed: int, numbers: Iterator[int]) -> Iterator[Trial]:
    compared = partial(rules.compared, streamed=sizes.streamed)
    healthy = [Task(world=w, hosts=sizes.compared, seed=()) for w in _COMPARED]
    sudden = Task(
        world=worlds.FIVE, hosts=sizes.compared, harm=harms.LOST, day=5, seed=()
    )
    plan: tuple[tuple[str, list[Task], Callable[[list[Any]], Judgement]], ...] = (
        *((f"healthy: {t.world.name}", [t], rules.false_shares) for t in healthy),
        ("features lost from day 5: hours", [sudden], rules.delays),
        ("features lost from day 5: fired before", [sudden], rules.false_shares),
    )
    for name, tasks, judge in plan:
        seeded = [replace(task, seed=(seed, next(numbers))) for task in tasks]
        yield Trial(
            table="other rules: share of hosts on which they fire",
            name=name,
            jobs=[Job(does=compared, on=task) for task in seeded],
            judge=judge,
            hosts=sizes.compared,
            seed=seed,
        )
