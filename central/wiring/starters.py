"""Builds what the recipe of the starter releases works with."""

from collections.abc import Iterator
from pathlib import Path

from central.adapters.folder import FolderOfReleases
from central.adapters.parquet import ParquetTraces
from central.adapters.trees import TreeTrainer
from central.flows.starters import SEED, Starter, make_starters


def starters(*, recorded: Path, out: Path) -> Iterator[Starter]:
    """Yield the starter releases, each written to `out` before.

    Raises:
        TraceError: The recorded hosts are not there or cannot be read.
    """
    return make_starters(
        traces=ParquetTraces(recorded),
        trainer=TreeTrainer(seed=SEED),
        releases=FolderOfReleases(out),
    )
