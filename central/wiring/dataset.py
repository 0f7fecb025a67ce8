"""Opens the dataset of labelled samples, and what keeps it in order."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from central.adapters.dataset import ParquetDataset, opened
from central.config import dataset_url, read_fleet
from central.flows.shelve import shelve
from central.wiring.fleet import opened_fleet
from central.wiring.place import check_is_central

# What is held in memory at a time.
_AT_ONCE: Final = 50_000


def opened_dataset(folder: Path) -> ParquetDataset:
    """Return the dataset of central's folder; it is made when something is added.

    Raises:
        ConfigError: `fleet.toml` says what cannot be, or this is not central's folder.
        UnavailableError: The store cannot be reached now.
    """
    check_is_central(folder)
    return opened(dataset_url(folder, read_fleet(folder)))


def shelved(folder: Path) -> int:
    """Put all samples that wait in the database into files; return how many.

    Raises:
        ForewarnError: As `opened_dataset` and `opened_fleet`; what was not put into a
            file still waits.
    """
    dataset = opened_dataset(folder)
    total = 0
    with opened_fleet(folder) as fleet:
        while moved := shelve(fleet.inbox, dataset, limit=_AT_ONCE):
            total += moved
    return total


def compacted(folder: Path, *, now: datetime) -> int:
    """Make one file of each day that is over; return how many files went.

    Raises:
        ForewarnError: As `opened_dataset`, and as `ParquetDataset.compact`.
    """
    return opened_dataset(folder).compact(before=now.astimezone(UTC).date())
