"""What the commands read: one look at the state database, without touching it."""

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Self

from agent.adapters.store import answers, reads, retention, rows, schema
from agent.adapters.store.answers import Admitted, Counts, Recorded
from agent.adapters.store.connection import connect, reported
from agent.core.channel import Channel
from agent.core.lineup import LineUp
from agent.core.moment import Moment, Outcome
from agent.core.sample import Sample
from agent.core.scorecard import Scorecard
from agent.core.trust import SignedRole, Trust
from agent.errors import StateError
from agent.ports import CardKey

LIMIT = 1_000


class Archive:
    """Reads while the daemon runs, while it does not, and after it was killed.

    It sees what was committed when each method was called. Lists are whole: no read is
    left open while somebody pages through a long answer, so the WAL can be cut.
    """

    def __init__(self, connection: sqlite3.Connection, *, path: Path) -> None:
        from sqlite_utils import Database  # noqa: PLC0415

        self._connection = connection
        self._database = Database(
            connection, execute_plugins=False, recursive_triggers=False
        )
        self._path = path

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the archive of the file at `path`, which must be of this schema.

        Raises:
            StateError: No file, no rights, damage, or another schema.
        """
        with reported(path, "opening"):
            if not path.exists():
                raise StateError(f"{path}: no state here; has the daemon ever run?")
            connection = connect(path, query=_query(path))
            try:
                _check_schema(connection, path)
                return cls(connection, path=path)
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def moments(
        self,
        *,
        task: str | None = None,
        entity: str | None = None,
        since: datetime | None = None,
        limit: int = LIMIT,
        only_resolved: bool = False,
    ) -> list[tuple[Moment, Outcome | None]]:
        """Return up to `limit` moments with their outcomes, the newest first."""
        start = None if since is None else rows.stamp(since)
        found = self._rows(
            _MOMENTS,
            task=task,
            entity=entity,
            since=start,
            limit=limit,
            only_resolved=only_resolved,
        )
        with reported(self._path, "reading"):
            whole = reads.moments(self._connection, sorted(row["id"] for row in found))
            by_id = {each.id: each for each in whole}
        return [
            (by_id[row["id"]], None if row["kind"] is None else answers.outcome(row))
            for row in found
            if row["id"] in by_id  # a trim may have come between
        ]

    def events(
        self, *, since: datetime | None = None, limit: int = LIMIT
    ) -> list[Recorded]:
        """Return up to `limit` events, newest first."""
        start = None if since is None else rows.stamp(since)
        found = self._rows(_EVENTS, since=start, limit=limit)
        return [answers.recorded(row) for row in found]

    def cards(self, *, task: str | None = None) -> dict[CardKey, Scorecard]:
        """Return the scorecards of all days, oldest day first."""
        found = self._rows(_CARDS, task=task)
        return {answers.card_key(row): rows.card_of(row["card"]) for row in found}

    def lineups(self) -> tuple[LineUp, ...]:
        """Return the line-up of every task, by name."""
        with reported(self._path, "reading"):
            return reads.lineups(self._connection)

    def definition(self, task: str) -> str | None:
        """Return the last release that was at work for a task and is no more."""
        with reported(self._path, "reading"):
            return reads.definition(self._connection, task)

    def releases(self) -> list[Admitted]:
        """Return every release that was ever taken in, by task and version."""
        return [answers.admitted(row) for row in self._rows(_RELEASES)]

    def manifest_of(self, digest: str) -> bytes:
        """Return a release's manifest, byte for byte as it was signed.

        Raises:
            StateError: No release has this digest.
        """
        found = self._rows(_MANIFEST, digest=digest)
        if not found:
            raise StateError(f"{self._path}: no release {digest[:12]}")
        manifest: bytes = found[0]["manifest"]
        return manifest

    def chain_of(self, digest: str) -> tuple[SignedRole, ...]:
        """Return the roles that vouched for a release when it was taken in."""
        with reported(self._path, "reading"):
            return reads.chain(self._connection, digest)

    def trust(self) -> Trust:
        """Return how this host stands with its repository."""
        with reported(self._path, "reading"):
            return reads.trust(self._connection)

    def channels(self) -> list[Channel]:
        """Return what was last heard of each task's channel, by task."""
        with reported(self._path, "reading"):
            return list(reads.documents(self._connection, reads.CHANNEL, Channel))

    def counts(self) -> Counts:
        """Return how many rows there are."""
        (total,) = self._rows(_COUNTS)
        resolved = {row["kind"]: row["count"] for row in self._rows(_KINDS)}
        open_moments = total["moments"] - sum(resolved.values())
        return Counts(**total, resolved=resolved, open_moments=open_moments)

    def memories(self) -> dict[str, bytes]:
        """Return what each task remembers besides its open moments, by task."""
        found = self._rows("select task, record from memories order by task")
        return {row["task"]: row["record"] for row in found}

    def last_sample(self) -> Sample | None:
        """Return the newest sample; None before the first."""
        for row in self._rows(_LAST_SAMPLE):
            layout = rows.layout_of(row["series"])
            return rows.sample_of((row["at"], row["row"]), layout=layout)
        return None

    def size_bytes(self) -> int:
        """Return what the database and its WAL take on disk."""
        with reported(self._path, "reading"):
            return retention.size_bytes(self._path)

    def _rows(self, query: str, **values: object) -> list[answers.Columns]:
        with reported(self._path, "reading"):
            return list(self._database.query(query, values))


def _query(path: Path) -> str:
    """Return how to open the file so that nothing is made beside it.

    Whoever has a WAL database open keeps a -wal file there, and a process that was
    killed leaves it. Without one, everything is in the file itself: `immutable` reads
    just that, where plain read-only would have to make a -shm, which a user with read
    rights cannot.
    """
    wal = path.with_name(f"{path.name}-wal")
    return "mode=ro" if wal.exists() else "mode=ro&immutable=1"


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    schema.check_not_newer(found, path)
    if found < schema.VERSION:
        raise StateError(
            f"{path}: expected schema {schema.VERSION}, got {found}; "
            "the daemon brings it up to date when it starts"
        )


_MOMENTS = """
    select m.id, o.kind, o.resolved_at, o.value, o.happened_at, o.void
    from moments as m left join outcomes as o on o.moment = m.id
    where (:task is null or m.task = :task)
        and (:entity is null or m.entity = :entity)
        and (:since is null or m.at >= :since)
        and (o.kind is not null or not :only_resolved)
    order by m.id desc
    limit :limit
"""
_EVENTS = """
    select at, level, name, fields from events
    where :since is null or at >= :since
    order by id desc
    limit :limit
"""
_CARDS = """
    select day, task, digest, role, card from scorecards
    where :task is null or task = :task
    order by day, task, digest, role
"""
_RELEASES = """
    select digest, task, version, state, admitted_at from releases
    order by task, version
"""
_MANIFEST = "select manifest from releases where digest = :digest"
_COUNTS = """
    select (select count(*) from samples) as samples,
        (select count(*) from moments) as moments,
        (select count(*) from events) as events
"""
_KINDS = "select kind, count(*) as count from outcomes group by kind"
_LAST_SAMPLE = """
    select s.at, s.row, l.series
    from samples as s join layouts as l on l.id = s.layout
    order by s.at desc
    limit 1
"""
