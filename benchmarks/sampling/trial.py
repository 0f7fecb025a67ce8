"""The trials: all rows against samples of them, on hosts known and unknown."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from sampling.learning import Model, Quality, Vector, learnt, usual_settings
from sampling.rows import Rows, joined, rows_of
from sampling.schemes import Scheme, Stock, chosen
from sampling.tasks import Task
from tracing.machines import machines

SHARES: Final = (0.01, 0.02, 0.05)
TESTS: Final = ("same hosts, later", "other hosts, later")
_TRAIN_UNTIL: Final = 0.6
_TEST_FROM: Final = 0.7
_PILOT_UNTIL: Final = 0.12
_TESTED_EVERY_S: Final = 300
_LEAVES, _ROUNDS = 31, 200


class Way(NamedTuple):
    """How rows are chosen and what is made of their weights as they teach."""

    scheme: Scheme
    weighing: float


PRODUCT: Final = Way(Scheme.PRODUCT, 1.0)
WAYS: Final = (
    PRODUCT,
    Way(Scheme.PRODUCT, 0.5),
    Way(Scheme.PRODUCT, 0.0),
    Way(Scheme.HOURLY, 1.0),
    Way(Scheme.POOLED, 0.0),
    Way(Scheme.ERRORS, 1.0),
    Way(Scheme.UNIFORM, 1.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One task, taught by one half of the hosts, with one seed."""

    task: Task
    half: int
    seed: int
    data: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a way of sampling came to in one job.

    Attributes:
        way: Which way; None: all rows.
        share: Of all rows; of all rows themselves 1.
        rows: That taught.
        events: Of these.
        tests: One a test.
        large: Of all rows: what a larger model comes to.
    """

    task: Task
    half: int
    seed: int
    way: Way | None
    share: float
    rows: int
    events: int
    tests: tuple[Quality, ...]
    large: tuple[Quality, ...] = ()


class _Fold(NamedTuple):
    teach: Rows
    tests: tuple[Rows, ...]


def results(job: Job) -> list[Result]:
    """Return what all ways come to; all rows only with the first seed."""
    fold = _fold(job.task, job.half, job.data)
    found = [_whole(job, fold)] if job.seed == 0 else []
    stock = Stock(rows=fold.teach, said=_pilot(fold.teach), task=job.task)
    return [*found, *_sampled(job, fold, stock)]


def _whole(job: Job, fold: _Fold) -> Result:
    rows = fold.teach
    usual = usual_settings(len(rows), weighing=1.0, seed=0)
    large = replace(usual, leaves=_LEAVES, rounds=_ROUNDS)
    every = np.ones(len(rows))
    return Result(
        task=job.task,
        half=job.half,
        seed=job.seed,
        way=None,
        share=1.0,
        rows=len(rows),
        events=int(rows.happened.sum()),
        tests=_judged(learnt(rows, weight=every, settings=usual), fold),
        large=_judged(learnt(rows, weight=every, settings=large), fold),
    )


def _sampled(job: Job, fold: _Fold, stock: Stock) -> Iterator[Result]:
    for share in SHARES:
        for way in WAYS:
            # The same choice for all that differ in the weighing only.
            rng = np.random.default_rng([job.seed, job.half])
            places, weight = chosen(way.scheme, stock, share=share, rng=rng)
            rows = fold.teach.at(places)
            settings = usual_settings(len(rows), weighing=way.weighing, seed=job.seed)
            model = learnt(rows, weight=weight, settings=settings)
            yield Result(
                task=job.task,
                half=job.half,
                seed=job.seed,
                way=way,
                share=share,
                rows=len(rows),
                events=int(rows.happened.sum()),
                tests=_judged(model, fold),
            )


def _judged(model: Model, fold: _Fold) -> tuple[Quality, ...]:
    return tuple(model.quality(rows) for rows in fold.tests)


def _pilot(rows: Rows) -> Vector:
    """Return what a model of the first days says of all rows."""
    early = rows.at(rows.row < _PILOT_UNTIL * rows.length)
    settings = usual_settings(len(early), weighing=1.0, seed=0)
    model = learnt(early, weight=np.ones(len(early)), settings=settings)
    return model.said(rows)


def _fold(task: Task, half: int, data: Path) -> _Fold:
    halves = _halves(task, data)
    ends = int(task.within_s / task.interval_s)
    mine, others = halves[half], halves[1 - half]
    teach = mine.at(mine.row < _TRAIN_UNTIL * mine.length - ends)
    step = max(1, _TESTED_EVERY_S // task.interval_s)
    tests = tuple(
        rows.at((rows.row >= _TEST_FROM * rows.length) & (rows.row % step == 0))
        for rows in (mine, others)
    )
    return _Fold(teach=teach, tests=tests)


@lru_cache(maxsize=1)
def _halves(task: Task, data: Path) -> tuple[Rows, Rows]:
    """Return the rows of each half of the hosts, twins together."""
    found: tuple[list[Rows], list[Rows]] = [], []
    for number, machine in enumerate(machines(data)):
        if machine.kind != task.kind:
            continue
        column = pq.read_table(machine.path, columns=[task.column])[task.column]
        values = column.to_numpy().astype(np.float64)
        found[machine.half].append(rows_of(values, task=task, host=number))
    return joined(found[0]), joined(found[1])
