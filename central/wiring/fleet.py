"""Opens the state of the fleet: who reports, what they said, what is planned."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from central.adapters.database import (
    Database,
    SqlEnrolment,
    SqlFleet,
    SqlInbox,
    SqlPlans,
    SqlReports,
)
from central.config import database_url, read_fleet
from central.ports.dataset import Inbox
from central.ports.fleet import Counting, Enrolment, Fleet, Plans, Reports


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFleet:
    """The state of a fleet, opened; threads may share it.

    Attributes:
        place: How the database is called in messages, without a password.
    """

    database: Database
    reports: Reports
    enrolment: Enrolment
    fleet: Fleet
    counting: Counting
    plans: Plans
    inbox: Inbox

    @property
    def place(self) -> str:
        """How the database is called in messages, without a password."""
        return self.database.place

    def close(self) -> None:
        """Let every connection go."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def opened_fleet(folder: Path) -> OpenFleet:
    """Return the state of the fleet of central's folder; made at its first use.

    Raises:
        ConfigError: `fleet.toml` says what cannot be.
        UnavailableError: The database cannot be had now.
        StateError: It is damaged, closed to this user, or of a newer schema.
    """
    database = Database.open(database_url(folder, read_fleet(folder)))
    fleet = SqlFleet(database)
    return OpenFleet(
        database=database,
        reports=SqlReports(database),
        enrolment=SqlEnrolment(database),
        fleet=fleet,
        counting=fleet,
        plans=SqlPlans(database),
        inbox=SqlInbox(database),
    )
