"""The past: what a report tells of, read from the state database in one snapshot."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np

from agent.adapters.store import answers, reads, rows, schema
from agent.adapters.store.connection import reported
from agent.adapters.store.handle import Handle
from agent.core.channel import Channel
from agent.core.event import AUDIT, Event, EventName
from agent.core.evidence import Evidence, Question
from agent.core.lineup import LineUp
from agent.core.moment import Moment, Outcome
from agent.core.release import Release
from agent.core.scorecard import Scorecard
from agent.core.trust import Trust
from agent.ports import CardKey

_CHUNK: Final = 500
_AUDIT: Final = rows.text(sorted(AUDIT))


class SqlitePast(Handle):
    """One look at the ledger: all methods tell of the same instant.

    It holds a read transaction from `open` to `close`: others go on writing, but the
    WAL is not cut meanwhile.
    """

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the past in the file at `path`, which must be of this schema.

        Raises:
            StateError: No file, no rights, damage, or another schema.
        """
        connection = schema.opened(path)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        return cls(connection, path=path)

    def lineups(self) -> tuple[LineUp, ...]:
        """Return the line-up of every task, by name."""
        return self._read(reads.lineups)

    def releases(self) -> tuple[Release, ...]:
        """Return every release that this program understands, by task and version."""
        return self._read(reads.releases)

    def cards(self, *, since: date) -> dict[CardKey, Scorecard]:
        """Return the scorecards of the UTC days from `since` on."""
        columns = ("day", "task", "digest", "role", "card")
        found = self._rows(_CARDS, since.isoformat())
        named = (dict(zip(columns, row, strict=True)) for row in found)
        return {answers.card_key(row): rows.card_of(row["card"]) for row in named}

    def events(self, *, after: int, limit: int) -> Sequence[tuple[int, Event]]:
        """Return up to `limit` audit events above a number, oldest first."""
        return [
            (
                number,
                Event(
                    at=rows.instant(at),
                    name=EventName(name),
                    fields=msgspec.json.decode(fields),
                ),
            )
            for number, at, name, fields in self._rows(_EVENTS, after, _AUDIT, limit)
        ]

    def evidence(self, *, since: datetime | None) -> Sequence[Evidence]:
        """Return the newest evidence on each question asked since, in its order."""
        newest: dict[tuple[str, Question], Evidence] = {}
        for (text,) in self._rows(_EVIDENCE, 0 if since is None else rows.stamp(since)):
            point = rows.evidence_of(text)
            newest[point.task, point.question] = point
        return [newest[key] for key in sorted(newest)]

    def memories(self) -> dict[str, bytes]:
        """Return what each task remembers besides its open moments, by task."""
        return dict(self._rows("select task, record from memories"))

    @cached_property
    def _oldest_open(self) -> Mapping[str, Moment]:
        oldest: dict[str, int] = {}
        numbers = reads.open_ids(self._connection)
        while chunk := list(islice(numbers, _CHUNK)):
            for task, number in self._rows(_OPEN, rows.text(chunk)):
                oldest.setdefault(task, number)
        found = reads.moments(self._connection, sorted(oldest.values()))
        return {moment.task: moment for moment in found}

    def oldest_open(self) -> Mapping[str, Moment]:
        """Return the oldest moment without an outcome of each task that has one."""
        with reported(self._path, "reading"):
            return self._oldest_open

    def known_until(self) -> datetime | None:
        """Return the newest committed sample's instant; None before the first."""
        ((newest,),) = self._rows("select max(at) from samples")
        return None if newest is None else rows.instant(newest)

    def first_since(self, at: datetime) -> int:
        """Return the number of the first moment from an instant on, or a higher one."""
        for (number,) in self._rows(_FIRST_SINCE, rows.stamp(at)):
            return int(number)
        return self._read(reads.next_moment_id)

    def resolved(
        self, task: str, *, after: int, before: int | None
    ) -> Iterator[tuple[Moment, Outcome]]:
        """Yield a task's moments with these numbers that have an outcome, by number.

        They are read some hundred at a time.
        """
        while True:
            found = self._rows(_RESOLVED, after, before, before, task, _CHUNK)
            yield from self.chosen([number for (number,) in found])
            if len(found) < _CHUNK:
                return
            after = found[-1][0]

    def chosen(self, numbers: Sequence[int]) -> Iterator[tuple[Moment, Outcome]]:
        """Yield the resolved moments of these numbers, in their order."""
        wanted = iter(numbers)
        while chunk := list(islice(wanted, _CHUNK)):
            came = {
                row[0]: rows.outcome_of(row[1:])
                for row in self._rows(_OUTCOMES, rows.text(chunk))
            }
            with reported(self._path, "reading"):
                found = list(reads.moments(self._connection, chunk))
            yield from ((m, came[m.id]) for m in found if m.id in came)

    def missing(self, *, since: datetime | None) -> dict[str, int]:
        """Return in how many samples after an instant each series was a gap, if any.

        Only what was a gap while the host had the series: one that came up later was
        none before.
        """
        counts: dict[str, int] = {}
        layouts: dict[int, tuple[str, ...]] = {}
        with reported(self._path, "reading"):
            for number, blob in self._connection.execute(
                "select layout, row from samples where at > ?",
                (0 if since is None else rows.stamp(since),),
            ):
                if number not in layouts:
                    layouts[number] = self._layout(number)
                for place in np.flatnonzero(np.isnan(rows.unpacked(blob))):
                    name = layouts[number][place]
                    counts[name] = counts.get(name, 0) + 1
        return counts

    def _layout(self, number: int) -> tuple[str, ...]:
        ((text,),) = self._rows("select series from layouts where id = ?", number)
        return rows.layout_of(text)

    def trust(self) -> Trust:
        """Return how this host stands with its repository."""
        return self._read(reads.trust)

    def refusals(self) -> dict[str, str]:
        """Return why the last offer of a task was not taken, by task."""
        with reported(self._path, "reading"):
            channels = list(reads.documents(self._connection, reads.CHANNEL, Channel))
        return {c.task: c.refusal for c in channels if c.refusal is not None}


_CARDS = (
    "select day, task, digest, role, card from scorecards where day >= ?"
    " order by day, task, digest, role"
)
_EVENTS = (
    "select id, at, name, fields from events"
    " where id > ? and name in (select value from json_each(?)) order by id limit ?"
)
_EVIDENCE = "select document from evidence where at > ? order by id"
_OPEN = (
    "select m.task, min(m.id) from json_each(?) as w"
    " cross join moments as m on m.id = w.value group by m.task"
)
_FIRST_SINCE = "select id from moments where at >= ? order by id limit 1"
_RESOLVED = (
    "select m.id from moments as m join outcomes as o on o.moment = m.id"
    " where m.id > ? and (? is null or m.id < ?) and m.task = ?"
    " order by m.id limit ?"
)
_OUTCOMES = (
    "select o.moment, o.kind, o.resolved_at, o.value, o.happened_at, o.void"
    " from json_each(?) as w cross join outcomes as o on o.moment = w.value"
)
