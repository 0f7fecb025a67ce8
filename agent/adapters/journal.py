"""The journal: one line an event on stderr, with a priority where journald listens."""

import os
import sys
from typing import TextIO

from agent.core.event import Event, Level

# Priorities of syslog, which journald reads off the front of a line.
_PRIORITY = {Level.ERROR: 3, Level.WARNING: 4, Level.INFO: 6, Level.DEBUG: 7}


class Journal:
    """Writes events for people and for journald."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._is_journald = "JOURNAL_STREAM" in os.environ

    def write(self, event: Event) -> None:
        """Write one event as one line."""
        if self._is_journald:
            line = f"<{_PRIORITY[event.level]}>{event.line()}"
        else:
            at = event.at.strftime("%Y-%m-%dT%H:%M:%SZ")
            line = f"{at} {event.level:<7} {event.line()}"
        print(line, file=self._stream, flush=True)
