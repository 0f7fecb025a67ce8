"""The daemon's side of the state database: whole ticks in, what they left out."""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Self

from agent.adapters.store import reads, retention, rollups, rows, schema, turns
from agent.adapters.store.backlog import Backlog
from agent.adapters.store.connection import connect, reported, transaction
from agent.adapters.store.writer import Writer
from agent.core.event import Event
from agent.core.lineup import LineUp
from agent.core.moment import Moment, Outcome, Role
from agent.core.release import Release
from agent.core.request import Request
from agent.core.rollup import RollUp
from agent.core.sample import Sample
from agent.core.scorecard import Scorecard
from agent.errors import IllegalTransitionError, StateError
from agent.ports import CardKey, Standing, TickRecord, Trimmed

# A page that changes every minute goes to the WAL every minute, but to the database
# only at a checkpoint. 4,000 pages are a WAL of 4 MB; a longer one saved nothing more.
_CHECKPOINT_PAGES = 4_000
_CACHE_KIB = 1_024


class SqliteLedger:
    """Keeps ticks in memory until `commit`, which writes them in one transaction.

    It belongs to the thread that opened it. No transaction is open between two calls,
    so other processes can always write.

    Attributes:
        dropped_ticks: Ticks whose sample and moments were given up since it was opened,
            because no commit came through for a long time.
    """

    def __init__(self, connection: sqlite3.Connection, *, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._backlog = Backlog()
        self._writer = Writer(connection)
        self._next_moment_id = reads.next_moment_id(connection)
        self._seen_version: int | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the ledger in the file at `path`, made or migrated where needed.

        Raises:
            StateError: The file is damaged, closed to this user, or of a newer schema.
        """
        if not schema.is_current(path):
            schema.migrate(path)
        with reported(path, "opening"):
            connection = connect(path)
            try:
                _tune(connection)
                return cls(connection, path=path)
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        """Give up ticks that were not committed, and let the file go."""
        with reported(self._path, "closing"):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def dropped_ticks(self) -> int:
        """How many held-back ticks were given up."""
        return self._backlog.dropped_ticks

    def add(self, record: TickRecord) -> None:
        """Hold a tick back for the next commit."""
        self._backlog.add(record)
        for moment in record.moments:
            self._next_moment_id = max(self._next_moment_id, moment.id + 1)

    def commit(self, standing: Standing) -> Sequence[Event]:
        """Write all ticks since the last commit, and what holds now, in one go.

        A turn meets the line-up as it is now, also if another process has changed it.

        Returns:
            What the turns came to, recorded already.

        Raises:
            StateError: Nothing was written; ticks and standing stay held back. After
                2,000 ticks the oldest give up their sample and moments.
            IllegalTransitionError: Nothing was written; all but the turns stays held
                back.
        """
        backlog = self._backlog
        backlog.hold(standing)
        if backlog.is_empty:
            return ()
        try:
            with reported(self._path, f"committing {backlog.described}"):
                events = self._write(backlog)
        except IllegalTransitionError:
            backlog.keep()
            backlog.give_up_turns()
            raise
        except StateError:
            backlog.keep()
            raise
        backlog.clear()
        return events

    def _write(self, backlog: Backlog) -> list[Event]:
        try:
            with transaction(self._connection) as connection:
                self._writer.write(backlog)
                return turns.carry_out(connection, backlog.turns)
        except BaseException:
            self._writer.forget()
            raise

    def has_changed(self) -> bool:
        """Return whether another process has written since this was last asked.

        True when asked for the first time.
        """
        with self._reading():
            row = self._connection.execute("PRAGMA data_version").fetchone()
        changed: bool = row[0] != self._seen_version
        self._seen_version = row[0]
        return changed

    def lineups(self) -> tuple[LineUp, ...]:
        """Return the line-up of every task, by name."""
        with self._reading():
            return reads.lineups(self._connection)

    def release(self, digest: str) -> Release:
        """Return a release that was taken in.

        Raises:
            StateError: No release has this digest.
            TamperedError: Its manifest was changed since it was taken in.
            ManifestError: This program does not understand its manifest.
        """
        with self._reading():
            found = reads.release(self._connection, digest, name_of=self._name_of)
        if found is None:
            raise StateError(f"{self._path}: no release {digest[:12]}")
        return found

    def definition(self, task: str) -> Release | None:
        """Return the last release that was at work for a task and is no more, if any.

        It says what the task is, while the baseline speaks alone.
        """
        with self._reading():
            digest = reads.definition(self._connection, task)
        return None if digest is None else self.release(digest)

    def releases(self) -> tuple[Release, ...]:
        """Return every release that this program understands, by task and version."""
        with self._reading():
            return reads.releases(self._connection)

    def requests(self) -> tuple[Request, ...]:
        """Return what was asked for and nobody has answered yet, oldest first."""
        with self._reading():
            return reads.requests(self._connection)

    def resolved(self, moment: int) -> tuple[Moment, Outcome] | None:
        """Return a committed moment with its outcome; None: gone, open, or never."""
        with self._reading():
            found = reads.moment(self._connection, moment)
        if found is None or found[1] is None:
            return None
        return found[0], found[1]

    def next_moment_id(self) -> int:
        """Return the number that no moment has yet, committed or held back."""
        return self._next_moment_id

    def open_moments(self) -> list[Moment]:
        """Return the committed moments without an outcome, oldest first."""
        with self._reading():
            return reads.open_moments(self._connection)

    def samples(self, *, since: datetime) -> Iterator[Sample]:
        """Yield the committed samples from `since` on, oldest first; not failures."""
        layout_of = cache(self._layout)
        with self._reading():
            found = self._connection.execute(
                "select at, row, layout from samples where at >= ? order by at",
                (rows.stamp(since),),
            )
            for row in found:
                yield rows.sample_of(row, layout=layout_of(row[2]))

    def forget_samples(self, *, since: datetime) -> None:
        """Drop the committed samples from `since` on; writes only if there are any."""
        stamp = (rows.stamp(since),)
        with reported(self._path, "forgetting samples"):
            found = self._connection.execute(
                "select 1 from samples where at >= ? limit 1", stamp
            )
            if found.fetchone() is not None:
                with transaction(self._connection) as connection:
                    connection.execute("delete from samples where at >= ?", stamp)

    def rollups(self, *, since: datetime) -> Iterator[RollUp]:
        """Yield the committed roll-ups from `since` on, oldest first."""
        with self._reading():
            yield from rollups.read(
                self._connection, since=since, layout_of=cache(self._layout)
            )

    def rolled_until(self) -> datetime | None:
        """Return the end of the last minute with a committed roll-up; None: none."""
        with self._reading():
            return rollups.newest(self._connection)

    def forget_rollups(self, *, since: datetime) -> None:
        """Drop the committed roll-ups from `since` on; writes only if there are any."""
        with reported(self._path, "forgetting roll-ups"):
            rollups.forget(self._connection, since=since)

    def _layout(self, number: int) -> tuple[str, ...]:
        (text,) = self._connection.execute(
            "select series from layouts where id = ?", (number,)
        ).fetchone()
        return rows.layout_of(text)

    def cards(self, *, day: date) -> dict[CardKey, Scorecard]:
        """Return the scorecards of one UTC day."""
        with self._reading():
            found = self._connection.execute(
                "select task, digest, role, card from scorecards where day = ?",
                (day.isoformat(),),
            )
            return {
                CardKey(task, digest, Role(role), day): rows.card_of(card)
                for task, digest, role, card in found
            }

    def memories(self) -> dict[str, bytes]:
        """Return what each task remembers besides its open moments, by task."""
        with self._reading():
            return dict(self._connection.execute("select task, record from memories"))

    def trim(self, *, now: datetime, keep_s: float, max_bytes: int) -> Trimmed:
        """Drop what is older than `keep_s`, then the oldest days over `max_bytes`.

        What is dropped is returned to the disk. Moments still open, releases,
        line-ups, scorecards, requests and what the audit log lists stay. Bytes are
        those of the file and its WAL.

        Raises:
            StateError: It stopped part way; what is left is whole.
        """
        with reported(self._path, "trimming"):
            trimmed = retention.trim(
                self._connection,
                path=self._path,
                now=now,
                keep_s=keep_s,
                max_bytes=max_bytes,
            )
        self._writer.forget()
        return trimmed

    @staticmethod
    def _name_of(manifest: bytes) -> str:
        return hashlib.sha256(manifest).hexdigest()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with reported(self._path, "reading"):
            yield


def _tune(connection: sqlite3.Connection) -> None:
    for pragma in (
        "synchronous = NORMAL",
        "foreign_keys = ON",
        f"cache_size = -{_CACHE_KIB}",
        f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}")
