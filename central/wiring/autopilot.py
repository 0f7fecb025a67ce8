"""Builds what the autopilot works with."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from central.adapters.published import FolderShelf
from central.adapters.repository.files import locked, make_folder, told
from central.config import Autopilot, read_fleet
from central.core.autopilot import Made, Outcome, Terms
from central.flows.autopilot import Cockpit
from central.flows.observing import Sources
from central.ports import Desk, KeyDesk, Shelf
from central.wiring.fleet import opened_fleet
from central.wiring.log import opened_log
from central.wiring.place import check_is_central
from central.wiring.repository import looked_at, opened

_LOCK: Final = "autopilot"


@dataclass(frozen=True, slots=True)
class FolderChannels:
    """The signed repository of central's folder."""

    folder: Path

    @property
    def shelf(self) -> Shelf:
        """What hosts see now."""
        return FolderShelf(self.folder / "repository")

    def looking(self) -> KeyDesk:
        """Return the repository, only to be read."""
        return looked_at(self.folder)

    def changing(self) -> AbstractContextManager[Desk]:
        """Return the repository to be changed; nobody else may meanwhile."""
        return opened(self.folder)


@dataclass(frozen=True, slots=True)
class FolderRetrainer:
    """Retrains as `forewarn-central retrain` does."""

    folder: Path

    def retrain(self, task: str, *, now: datetime) -> Made:
        """Train, test and sign a release, or say why not; takes minutes."""
        # Only here: what trains is heavy, and looking does without.
        from central.flows.retrain import GateRefused, NotYet  # noqa: PLC0415
        from central.wiring.retrain import order_of, retrained  # noqa: PLC0415

        order = order_of(self.folder)
        found = retrained(self.folder, task=task, order=order, now=now)
        match found:
            case NotYet():
                return Made(outcome=Outcome.NOT_YET, reasons=found.reasons)
            case GateRefused():
                return Made(outcome=Outcome.REFUSED, reasons=found.reasons)
            case _:
                reasons = tuple(str(check) for check in found.checks)
                return Made(outcome=Outcome.PUBLISHED, reasons=reasons)


@contextmanager
def cockpit(folder: Path) -> Iterator[Cockpit]:
    """Yield what the autopilot of central's folder works with.

    Raises:
        ConfigError: The folder is none of central's, or `fleet.toml` says what cannot
            be.
        UnavailableError: The database cannot be had now.
    """
    check_is_central(folder)
    wanted = read_fleet(folder)
    with opened_fleet(folder) as state:
        yield Cockpit(
            sources=Sources(
                fleet=state.fleet,
                counting=state.counting,
                channels=FolderChannels(folder),
                cluster_label=wanted.serve.cluster_label,
            ),
            plans=state.plans,
            log=opened_log(folder),
            retrainer=FolderRetrainer(folder),
            terms=_terms(wanted.autopilot),
            tasks=frozenset(wanted.autopilot.tasks),
        )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the right to act as the autopilot of a folder.

    Raises:
        UnavailableError: Another process has it; names it.
    """
    check_is_central(folder)
    place = folder / _LOCK
    with told(place):
        make_folder(place)
        with locked(place):
            yield


def every_s(folder: Path) -> float:
    """Return how often the autopilot looks, in seconds."""
    return float(read_fleet(folder).autopilot.every)


def _terms(wanted: Autopilot) -> Terms:
    return Terms(
        min_new_events=wanted.min_new_events,
        min_new_rows=wanted.min_new_rows,
        rest=timedelta(seconds=wanted.rest),
        rings=wanted.rings,
        min_ring=timedelta(seconds=wanted.min_ring),
        alpha=wanted.alpha,
        hold=wanted.hold_for_approval,
        grace=timedelta(seconds=wanted.grace),
    )
