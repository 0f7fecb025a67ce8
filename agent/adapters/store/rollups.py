"""The roll-ups in the state database: written with their ticks, read at a muster."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from agent.adapters.store.connection import transaction
from agent.adapters.store.rows import Row, instant, packed, stamp, unpacked
from agent.core.expression import MAX_LOOKBACK_S
from agent.core.rollup import RollUp

# As far back as any expression reads.
KEPT: Final = timedelta(seconds=MAX_LOOKBACK_S)
# A clock that went back may bring the same minute again.
INSERT: Final = (
    "insert into rollups (at, layout, means, maxima) values (?, ?, ?, ?)"
    " on conflict (at) do update set layout = excluded.layout,"
    " means = excluded.means, maxima = excluded.maxima"
)
DELETE_OLD: Final = (
    "delete from rollups where at in"
    " (select at from rollups where at < ? order by at limit ?)"
)
OLDEST: Final = "select min(at) from rollups"

_NEWEST: Final = "select max(at) from rollups"
_NEXT: Final = (
    "select at, layout, means, maxima from rollups where at >= ? order by at limit ?"
)
# Read by the hour or so: days of all series at once would be 10 MB, and an open cursor
# between two ticks would keep the WAL from being cut.
_CHUNK: Final = 100


def row(rollup: RollUp, *, layout: int) -> Row:
    """Return (at, layout, means, maxima)."""
    return stamp(rollup.at), layout, packed(rollup.means), packed(rollup.maxima)


def newest(connection: sqlite3.Connection) -> datetime | None:
    """Return the end of the last minute that was rolled up; None: none was."""
    (found,) = connection.execute(_NEWEST).fetchone()
    return None if found is None else instant(found)


def forget(connection: sqlite3.Connection, *, since: datetime) -> None:
    """Drop the roll-ups from `since` on; write only if there are any."""
    until = newest(connection)
    if until is not None and until >= since:
        with transaction(connection):
            connection.execute("delete from rollups where at >= ?", (stamp(since),))


def read(
    connection: sqlite3.Connection,
    *,
    since: datetime,
    layout_of: Callable[[int], tuple[str, ...]],
) -> Iterator[RollUp]:
    """Yield the roll-ups from `since` on, oldest first; no cursor is open between."""
    after = stamp(since)
    while found := connection.execute(_NEXT, (after, _CHUNK)).fetchall():
        for at, layout, means, maxima in found:
            yield RollUp(
                at=instant(at),
                layout=layout_of(layout),
                means=unpacked(means),
                maxima=unpacked(maxima),
            )
        after = found[-1][0] + 1
