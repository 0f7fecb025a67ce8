"""What the autopilot needs of the world beside the fleet's state and the log."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from central.core.autopilot import Made
from central.ports.releases import Shelf
from central.ports.signing import Desk, KeyDesk


class Retrainer(Protocol):
    """What makes a better release of what the hosts sent."""

    def retrain(self, task: str, *, now: datetime) -> Made:
        """Train, test and sign a release, or say why not; takes minutes.

        Raises:
            UnavailableError: Something is not to be had now; nothing is signed.
        """
        ...


class Channels(Protocol):
    """The signed repository, opened when it is needed."""

    @property
    def shelf(self) -> Shelf:
        """What hosts see now."""
        ...

    def looking(self) -> KeyDesk:
        """Return the repository, only to be read.

        Raises:
            ConfigError: There is none.
            StateError: It is damaged.
        """
        ...

    def changing(self) -> AbstractContextManager[Desk]:
        """Return the repository to be changed; nobody else may meanwhile.

        Raises:
            UnavailableError: Another command is at work there.
        """
        ...
