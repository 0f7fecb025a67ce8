"""What the commands read: one look at the state database, without touching it."""

import sqlite3
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Self

from agent.adapters.store import answers, queries, reads, retention, rows, schema
from agent.adapters.store.answers import Admitted, Counts, Recorded
from agent.adapters.store.connection import reported
from agent.adapters.store.handle import Handle
from agent.core.channel import Channel
from agent.core.evidence import Evidence
from agent.core.lineup import LineUp
from agent.core.moment import Moment, Outcome
from agent.core.request import Answer, Request
from agent.core.sample import Sample
from agent.core.scorecard import Scorecard
from agent.core.trust import SignedRole, Trust
from agent.core.wait import Stretch
from agent.errors import StateError
from agent.ports import CardKey

LIMIT = 1_000


class Archive(Handle):
    """Reads while the daemon runs, while it does not, and after it was killed.

    It sees what was committed when each method was called. Lists are whole: no read is
    left open while somebody pages through a long answer, so the WAL can be cut.
    """

    def __init__(self, connection: sqlite3.Connection, *, path: Path) -> None:
        from sqlite_utils import Database  # noqa: PLC0415

        super().__init__(connection, path=path)
        self._database = Database(
            connection, execute_plugins=False, recursive_triggers=False
        )

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the archive of the file at `path`, which must be of this schema.

        Raises:
            StateError: No file, no rights, damage, or another schema.
        """
        return cls(schema.opened(path, query=only_reading(path)), path=path)

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
        found = self._found(
            queries.MOMENTS,
            task=task,
            entity=entity,
            since=_stamp(since),
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

    def moment(self, number: int) -> tuple[Moment, Outcome | None] | None:
        """Return a moment with its outcome, if it has one; None: no such moment."""
        with reported(self._path, "reading"):
            return reads.moment(self._connection, number)

    def events(
        self, *, since: datetime | None = None, limit: int = LIMIT
    ) -> list[Recorded]:
        """Return up to `limit` events, newest first."""
        found = self._found(queries.EVENTS, since=_stamp(since), limit=limit)
        return [answers.recorded(row) for row in found]

    def history(
        self,
        *,
        names: Collection[str],
        task: str | None = None,
        since: datetime | None = None,
        limit: int = LIMIT,
    ) -> list[Recorded]:
        """Return up to `limit` events of these names, newest first."""
        found = self._found(
            queries.HISTORY,
            names=rows.text(sorted(names)),
            task=task,
            since=_stamp(since),
            limit=limit,
        )
        return [answers.recorded(row) for row in found]

    def evidence(
        self,
        *,
        task: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = LIMIT,
    ) -> list[Evidence]:
        """Return up to `limit` points of the guard's tests, newest first."""
        found = self._found(
            queries.EVIDENCE,
            task=task,
            since=_stamp(since),
            until=_stamp(until),
            limit=limit,
        )
        return [rows.evidence_of(row["document"]) for row in found]

    def requests(self, *, limit: int = LIMIT) -> list[tuple[Request, Answer | None]]:
        """Return up to `limit` requests with their answers, the newest first.

        Left out is what only a newer program can be asked.
        """
        found = self._found(queries.REQUESTS, limit=limit)
        return list(answers.asked(found))

    def cards(self, *, task: str | None = None) -> dict[CardKey, Scorecard]:
        """Return the scorecards of all days, oldest day first."""
        found = self._found(queries.CARDS, task=task)
        return {answers.card_key(row): rows.card_of(row["card"]) for row in found}

    def lineups(self) -> tuple[LineUp, ...]:
        """Return the line-up of every task, by name."""
        return self._read(reads.lineups)

    def definition(self, task: str) -> str | None:
        """Return the last release that was at work for a task and is no more."""
        with reported(self._path, "reading"):
            return reads.definition(self._connection, task)

    def releases(self) -> list[Admitted]:
        """Return every release that was ever taken in, by task and version."""
        return [answers.admitted(row) for row in self._found(queries.RELEASES)]

    def manifest_of(self, digest: str) -> bytes:
        """Return a release's manifest, byte for byte as it was signed.

        Raises:
            StateError: No release has this digest.
        """
        found = self._found(queries.MANIFEST, digest=digest)
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
        return self._read(reads.trust)

    def channels(self) -> list[Channel]:
        """Return what was last heard of each task's channel, by task."""
        with reported(self._path, "reading"):
            return list(reads.documents(self._connection, reads.CHANNEL, Channel))

    def counts(self) -> Counts:
        """Return how many rows there are."""
        (total,) = self._found(queries.COUNTS)
        resolved = {row["kind"]: row["count"] for row in self._found(queries.KINDS)}
        open_moments = total["moments"] - sum(resolved.values())
        return Counts(**total, resolved=resolved, open_moments=open_moments)

    def memories(self) -> dict[str, bytes]:
        """Return what each task remembers besides its open moments, by task."""
        found = self._found(queries.MEMORIES)
        return {row["task"]: row["record"] for row in found}

    def last_sample(self) -> Sample | None:
        """Return the newest sample; None before the first."""
        for row in self._found(queries.LAST_SAMPLE):
            layout = rows.layout_of(row["series"])
            return rows.sample_of((row["at"], row["row"]), layout=layout)
        return None

    def present(self, stretch: Stretch) -> Mapping[str, int]:
        """Return in how many points of a stretch each series was no gap, if in any."""
        points = self._found(
            queries.ROLLUPS if stretch.of_rollups else queries.SAMPLES,
            since=rows.stamp(stretch.since),
            until=rows.stamp(stretch.until),
        )
        layouts = {row["id"]: row["series"] for row in self._found(queries.LAYOUTS)}
        return answers.present(points, layouts=layouts)

    def size_bytes(self) -> int:
        """Return what the database and its WAL take on disk."""
        with reported(self._path, "reading"):
            return retention.size_bytes(self._path)

    def _found(self, query: str, **values: object) -> list[answers.Columns]:
        with reported(self._path, "reading"):
            return list(self._database.query(query, values))


def _stamp(at: datetime | None) -> int | None:
    return None if at is None else rows.stamp(at)


def only_reading(path: Path) -> str:
    """Return how to open the file so that nothing is made beside it.

    Whoever has a WAL database open keeps a -wal file there, and a process that was
    killed leaves it. Without one, everything is in the file itself: `immutable` reads
    just that, where plain read-only would have to make a -shm, which a user with read
    rights cannot.
    """
    wal = path.with_name(f"{path.name}-wal")
    return "mode=ro" if wal.exists() else "mode=ro&immutable=1"
