"""Opens what there is to look at: the repository, the fleet, the log."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from central.flows.inspect import Archive
from central.wiring.autopilot import FolderChannels
from central.wiring.fleet import opened_fleet
from central.wiring.log import opened_log
from central.wiring.place import check_is_central


@contextmanager
def archive(folder: Path) -> Iterator[Archive]:
    """Yield what is known in central's folder.

    Raises:
        ConfigError: It is none, or `fleet.toml` says what cannot be.
        UnavailableError: The database cannot be had now.
    """
    check_is_central(folder)
    with opened_fleet(folder) as state:
        yield Archive(
            channels=FolderChannels(folder),
            fleet=state.fleet,
            plans=state.plans,
            log=opened_log(folder),
        )
