"""The journal: one line an event on stderr, with a priority where journald listens."""

import os
import sys
from contextlib import suppress
from typing import TextIO

from agent.core.event import Event, Level

# Priorities of syslog, which journald reads off the front of a line.
_PRIORITY = {Level.ERROR: 3, Level.WARNING: 4, Level.INFO: 6, Level.DEBUG: 7}


class Journal:
    """Writes events for people and for journald."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._is_journald = _is_journal(self._stream)

    def write(self, event: Event) -> None:
        """Write one event as one line; if nobody takes it, go on without."""
        if self._is_journald:
            line = f"<{_PRIORITY[event.level]}>{event.line()}"
        else:
            at = event.at.strftime("%Y-%m-%dT%H:%M:%SZ")
            line = f"{at} {event.level:<7} {event.line()}"
        # A reader that went away must not take the daemon with it.
        with suppress(OSError):
            print(line, file=self._stream, flush=True)


def _is_journal(stream: TextIO) -> bool:
    """Return whether a stream leads to journald.

    The variable alone does not tell: whoever is started by a service inherits it,
    whatever became of its stderr. It names device and inode, systemd.exec(5).
    """
    named = os.environ.get("JOURNAL_STREAM")
    if named is None:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{found.st_dev}:{found.st_ino}"
