"""The samples that a daemon has kept, read without touching the database."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from agent.adapters.store import rows
from agent.adapters.store.connection import reported
from agent.core.sample import Sample

# A read that is left open would keep the WAL from being cut.
_CHUNK = 1_000
_SAMPLES = (
    "select s.at, s.row, s.layout, l.series"
    " from samples as s join layouts as l on l.id = s.layout"
    " where s.at > ? order by s.at limit ?"
)


def kept_samples(
    connection: sqlite3.Connection, *, path: Path, since: datetime | None
) -> Iterator[Sample]:
    """Yield the committed samples from an instant on, oldest first; not failures.

    What is committed meanwhile is among them.

    Args:
        connection: To the database.
        path: The same, for people.
        since: None: all that are kept.

    Raises:
        StateError: It cannot be read.
    """
    layouts: dict[int, tuple[str, ...]] = {}
    newest = -1 if since is None else rows.stamp(since) - 1
    while True:
        with reported(path, "reading samples"):
            found = connection.execute(_SAMPLES, (newest, _CHUNK)).fetchall()
        for *row, layout, text in found:
            if layout not in layouts:
                layouts[layout] = rows.layout_of(text)
            yield rows.sample_of(tuple(row), layout=layouts[layout])
        if len(found) < _CHUNK:
            return
        newest = found[-1][0]
