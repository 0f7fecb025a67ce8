"""What the daemon, the courier and the commands alike read from the database."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain as chained
from itertools import groupby, islice
from operator import itemgetter
from typing import TypeVar

import msgspec

from agent.adapters.store import rows
from agent.core.lineup import LineUp
from agent.core.manifest import parse_manifest
from agent.core.moment import Moment, Outcome
from agent.core.release import Release, ReleaseState
from agent.core.request import Request
from agent.core.trust import SignedRole, Trust
from agent.errors import ManifestError, StateError, TamperedError

_Shape = TypeVar("_Shape")

# What a trim notes: no moment below the first is open, now or ever again; no moment,
# dropped ones included, ever had the second or a higher number.
SETTLED_BELOW = "settled_below"
UNUSED_FROM = "unused_from"
# The one row of this kind tells how the host stands with its repository.
TRUST = "trust"
CHANNEL = "channel"
_CHUNK = 1_000
_WERE_AT_WORK = {
    ReleaseState.RETIRED,
    ReleaseState.ROLLED_BACK,
    ReleaseState.WITHDRAWN,
}
_RELEASES = "select digest, manifest, state from releases"


def lineups(connection: sqlite3.Connection) -> tuple[LineUp, ...]:
    """Return the line-up of every task, by name."""
    found = connection.execute(
        "select task, active, standby, shadow, pinned from lineups order by task"
    )
    return tuple(map(rows.lineup_of, found))


def release(
    connection: sqlite3.Connection,
    digest: str,
    *,
    name_of: Callable[[bytes], str],
) -> Release | None:
    """Return a release that was taken in; None if no release has this digest.

    Args:
        connection: To the database.
        digest: What names the release.
        name_of: Computes a release's name from its manifest.

    Raises:
        TamperedError: Its manifest was changed since it was taken in.
        ManifestError: This program does not understand its manifest.
    """
    found = connection.execute(f"{_RELEASES} where digest = ?", (digest,)).fetchone()
    if found is None:
        return None
    got = name_of(found[1])
    if got != digest:
        raise TamperedError(
            f"release {digest[:12]}: its manifest in the database was changed: "
            f"expected sha256 {digest[:12]}, got {got[:12]}"
        )
    return _release(found)


def definition(connection: sqlite3.Connection, task: str) -> str | None:
    """Return the last release that was at work for a task and is no more, if any."""
    known = (each for each in releases(connection) if each.manifest.task == task)
    over = [each for each in known if each.state in _WERE_AT_WORK]
    last = max(over, key=lambda each: each.manifest.version, default=None)
    return None if last is None else last.digest


def releases(connection: sqlite3.Connection) -> tuple[Release, ...]:
    """Return every release that was ever taken in, by task and version.

    Left out are those whose manifest a newer program has taken in and this one does
    not understand: they must not keep it from taking in others.
    """
    found: list[Release] = []
    for row in connection.execute(f"{_RELEASES} order by task, version"):
        with suppress(ManifestError):
            found.append(_release(row))
    return tuple(found)


def _release(row: tuple[str, bytes, str]) -> Release:
    digest, manifest, state = row
    if state not in set(ReleaseState):
        raise ManifestError(f"release {digest[:12]}: no state that we know: {state}")
    return Release(
        digest=digest, manifest=parse_manifest(manifest), state=ReleaseState(state)
    )


def chain(connection: sqlite3.Connection, digest: str) -> tuple[SignedRole, ...]:
    """Return the roles that vouched for a release when it was taken in."""
    (text,) = connection.execute(
        "select chain from releases where digest = ?", (digest,)
    ).fetchone()
    return msgspec.json.decode(text, type=tuple[SignedRole, ...])


def trust(connection: sqlite3.Connection) -> Trust:
    """Return how this host stands with its repository."""
    return next(documents(connection, TRUST, Trust), Trust())


def documents(
    connection: sqlite3.Connection,
    kind: str,
    shape: type[_Shape],
    *,
    name: str | None = None,
) -> Iterator[_Shape]:
    """Yield what is remembered of one kind, or of one name of it, by name."""
    found = connection.execute(
        "select name, document from trust where kind = ? and name = ifnull(?, name)"
        " order by name",
        (kind, name),
    )
    for row, text in found:
        try:
            yield msgspec.json.decode(text, type=shape)
        except msgspec.DecodeError as error:
            raise StateError(
                f"table trust, {kind} {row}: damaged: {error}; remove the row"
            ) from error


def requests(connection: sqlite3.Connection) -> tuple[Request, ...]:
    """Return what was asked for and nobody has answered yet, oldest first.

    Left out is what only a newer program can be asked: it is there for that one.
    """
    found: list[Request] = []
    for number, text in connection.execute(
        "select id, document from requests where answer is null order by id"
    ):
        with suppress(msgspec.ValidationError):
            found.append(rows.request_of(number, text))
    return tuple(found)


def next_moment_id(connection: sqlite3.Connection) -> int:
    """Return a number above every moment's, even of those that were dropped."""
    (last,) = connection.execute("select max(id) from moments").fetchone()
    return max((last or 0) + 1, _mark(connection, UNUSED_FROM))


def open_moments(connection: sqlite3.Connection) -> list[Moment]:
    """Return the moments without an outcome, oldest first."""
    return list(moments(connection, open_ids(connection)))


def open_ids(connection: sqlite3.Connection) -> Iterator[int]:
    """Yield the numbers that have no outcome, ascending; not all need be moments.

    Moments are numbered one by one, so the open ones are the gaps in the narrow table
    of outcomes: the wide one is not read, and no index of open moments is kept.
    """
    floor = _mark(connection, SETTLED_BELOW)
    first, last = connection.execute(
        "select min(id), max(id) from moments where id >= ?", (floor,)
    ).fetchone()
    if last is None:
        return iter(())
    resolved = connection.execute(
        "select moment from outcomes where moment >= ? order by moment", (first,)
    )
    return chained.from_iterable(_gaps(resolved, first=first, last=last))


def _mark(connection: sqlite3.Connection, name: str) -> int:
    """Return a number that a trim noted; 0 before the first."""
    row = connection.execute(
        "select value from marks where name = ?", (name,)
    ).fetchone()
    return 0 if row is None else row[0]


def _gaps(
    resolved: Iterable[tuple[int]], *, first: int, last: int
) -> Iterator[Iterable[int]]:
    expected = first
    for (number,) in resolved:
        if number > expected:
            yield range(expected, number)
        expected = number + 1
    yield range(expected, last + 1)


def moment(
    connection: sqlite3.Connection, number: int
) -> tuple[Moment, Outcome | None] | None:
    """Return a moment with its outcome, if it has one; None: no such moment."""
    # The outcome first: a trim may come between, and what it took is not open.
    row = connection.execute(
        "select kind, resolved_at, value, happened_at, void from outcomes"
        " where moment = ?",
        (number,),
    ).fetchone()
    outcome = None if row is None else rows.outcome_of(row)
    found = next(moments(connection, [number]), None)
    return None if found is None else (found, outcome)


def moments(connection: sqlite3.Connection, ids: Iterable[int]) -> Iterator[Moment]:
    """Yield the moments of these numbers, in their order; unknown ones are left out.

    A moment's predictions come by role's name.
    """
    numbers = iter(ids)
    while chunk := list(islice(numbers, _CHUNK)):
        # CROSS JOIN keeps the order of the tables, so that each is read by its key.
        found = connection.execute(
            "select m.*, p.role, d.digest, p.scores, p.features, p.calibration"
            " from json_each(?) as w cross join moments as m on m.id = w.value"
            " left join predictions as p on p.moment = m.id"
            " left join digests as d on d.id = p.digest",
            (msgspec.json.encode(chunk).decode(),),
        )
        for _, group in groupby(found, key=itemgetter(0)):
            whole = list(group)
            yield rows.moment_of(
                whole[0][: rows.MOMENT_COLUMNS],
                predictions=map(rows.prediction_of, _made(whole)),
            )


def _made(whole: list[rows.Row]) -> Iterator[rows.Row]:
    tails = (row[rows.MOMENT_COLUMNS :] for row in whole)
    return (tail for tail in tails if tail[0] is not None)
