"""Builds what grows trees on a Dask cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from central.adapters.trees.cluster import ClusterLearner, connected
from central.wiring.dataset import opened_dataset


@contextmanager
def opened_cluster(folder: Path, address: str) -> Iterator[ClusterLearner]:
    """Yield what grows trees on the workers of a scheduler.

    They read the dataset by themselves: its address must lead there from them, too, and
    secrets must be in their environment.

    Args:
        folder: Central's.
        address: Of the scheduler, such as `tcp://scheduler:8786`.

    Raises:
        UnavailableError: No scheduler answers there, or it has no workers.
        ConfigError: `fleet.toml` says what cannot be.
    """
    dataset = opened_dataset(folder)
    with connected(address) as client:
        yield ClusterLearner(client, dataset=dataset)
