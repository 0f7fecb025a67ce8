"""Builds what the server works with: the fleet's state, its limits, the dataset."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from starlette.applications import Starlette

from central.adapters.chance import new_secret
from central.adapters.clock import SystemClock
from central.adapters.web import Limits, PeerProtocol, Tally, app_of
from central.config import Serve, read_fleet
from central.core.standing import Standing, standing
from central.ports.fleet import Enrolment, Fleet, Reports
from central.ports.intake import Intake
from central.wiring.dataset import compacted, shelved
from central.wiring.fleet import opened_fleet
from central.wiring.place import check_is_central

__all__ = [
    "PeerProtocol",
    "Serving",
    "Tally",
    "application",
    "serving_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What the server works with.

    Attributes:
        folder: Central's.
        limits: What `fleet.toml` says of serving.
        compact_every_s: Between two compactions of the dataset.
        keep: How long what was reported is remembered.
        now: Tells the time.
        draw: Returns a secret that was never returned before.
    """

    folder: Path
    reports: Reports
    enrolment: Enrolment
    fleet: Fleet
    limits: Serve
    compact_every_s: float
    keep: timedelta
    now: Callable[[], datetime]
    draw: Callable[[], str]

    def shelve(self) -> None:
        """Put the samples that came into files."""
        shelved(self.folder)

    def compact(self) -> None:
        """Make one file of each day that is over."""
        compacted(self.folder, now=self.now())

    def trim(self) -> None:
        """Forget what was reported long ago."""
        self.reports.trim(now=self.now(), keep=self.keep)

    def hosts(self) -> Mapping[str, int]:
        """Return how many hosts there are, by how they stand."""
        now = self.now()
        found = Counter(
            standing(reported_at=row.reported_at, revoked_at=row.revoked_at, now=now)
            for row in self.fleet.hosts()
        )
        return {str(each): found[each] for each in Standing}


@contextmanager
def serving_of(folder: Path) -> Iterator[Serving]:
    """Yield what the server of central's folder works with.

    Raises:
        ConfigError: The folder is not central's, or `fleet.toml` says what cannot be.
        UnavailableError: The database cannot be had now.
        StateError: It is damaged, closed to this user, or of a newer schema.
    """
    check_is_central(folder)
    config = read_fleet(folder)
    with opened_fleet(folder) as state:
        yield Serving(
            folder=folder,
            reports=state.reports,
            enrolment=state.enrolment,
            fleet=state.fleet,
            limits=config.serve,
            compact_every_s=config.dataset.compact_every,
            keep=timedelta(seconds=config.database.keep),
            now=SystemClock().now,
            draw=new_secret,
        )


def application(
    intake: Intake, *, folder: Path, limits: Serve, tally: Tally
) -> Starlette:
    """Return central as an ASGI application."""
    return app_of(
        intake,
        repository=folder / "repository",
        limits=Limits(max_report=limits.max_report),
        tally=tally,
    )
