"""Where it is written down who did what, for good."""

from datetime import datetime
from typing import Protocol

from central.core.log import Chain, Deed, Entry


class Log(Protocol):
    """The append-only log; see `central.core.log`."""

    def add(self, deed: Deed, *, at: datetime) -> Entry:
        """Write down a deed; on disk when this returns.

        Raises:
            StateError: The log cannot be written.
        """
        ...

    def chain(self) -> Chain:
        """Return the whole log, verified.

        Raises:
            StateError: It cannot be read.
        """
        ...
