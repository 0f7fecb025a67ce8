"""Builds what the recipe of the starter releases works with."""

from collections.abc import Callable, Iterator
from pathlib import Path

from central.adapters.bands import BandPlots
from central.adapters.folder import FolderOfReleases
from central.adapters.parquet import ParquetTraces
from central.adapters.sketch import CardSketch
from central.adapters.trees import TreeLearner, TreeTrainer
from central.adapters.trees.changes import ChangeTrainer
from central.core.plan import PLANS
from central.core.plan_values import VALUE_PLANS
from central.core.surveys import CPU_PEAK, UNUSUAL
from central.flows.release import SEED, Starter
from central.flows.starter_values import ValueStarter, make_value_starters
from central.flows.starters import make_starters
from central.flows.surveys import School, make_surveys

TASKS = tuple(plan.task for plan in (*PLANS, *UNUSUAL, CPU_PEAK, *VALUE_PLANS))


def starters(
    *,
    recorded: Path,
    out: Path,
    step: Callable[[str], object],
    only: frozenset[str] | None = None,
) -> Iterator[Starter | ValueStarter]:
    """Yield the starter releases, each written to `out` before.

    Args:
        recorded: Folder with the recorded hosts, smd/ and azure/.
        out: Where the releases are written, a folder a task.
        step: Told what is done next.
        only: Tasks that are wanted; None: all.

    Raises:
        TraceError: The recorded hosts are not there or cannot be read.
    """
    releases = FolderOfReleases(out)
    school = School(learner=TreeLearner(), sketch=CardSketch(), step=step)
    for surveys in (UNUSUAL, (CPU_PEAK,)):
        if only is not None and only.isdisjoint(each.task for each in surveys):
            continue
        yield from make_surveys(
            surveys=surveys,
            traces=ParquetTraces(recorded / surveys[0].folder),
            school=school,
            releases=releases,
            only=only,
        )
    yield from make_starters(
        traces=ParquetTraces(recorded / "smd"),
        trainer=TreeTrainer(seed=SEED),
        releases=releases,
        plans=[plan for plan in PLANS if only is None or plan.task in only],
        step=step,
    )
    if only is None or not only.isdisjoint(plan.task for plan in VALUE_PLANS):
        yield from make_value_starters(
            traces=ParquetTraces(recorded / "smd"),
            trainer=ChangeTrainer(seed=SEED),
            sketch=BandPlots(),
            releases=releases,
            only=only,
            step=step,
        )
