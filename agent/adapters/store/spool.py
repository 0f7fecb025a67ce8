"""The spool: reports that wait in the state database, and what was reported so far."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from agent.adapters.store import rows
from agent.adapters.store.handle import WritingHandle
from agent.ports.reporting import Parcel, SetAside, SpoolSize

_STATE: Final = "report"
# The mark that counts the reports which were given up.
_DROPPED: Final = "reports_dropped"


class SqliteSpool(WritingHandle):
    """Where reports wait; a write outside `transaction` is a transaction of its own."""

    def state(self) -> bytes | None:
        """Return what is known of reporting so far; None: nothing was ever reported."""
        row = self._row("select document from documents where name = ?", _STATE)
        return None if row is None else row[0].encode()

    def set_state(self, document: bytes) -> None:
        """Remember what is known of reporting so far."""
        self._write(
            "remembering what was reported",
            "insert into documents (name, document) values (?, ?)"
            " on conflict (name) do update set document = excluded.document",
            _STATE,
            document.decode(),
        )

    def put(self, parcel: Parcel) -> None:
        """Add a report.

        Raises:
            StateError: Another one that waits has its number; nothing was written.
        """
        self._write(f"putting report {parcel.sequence}", _PUT, *_row_of(parcel))

    def waiting(self, *, limit: int) -> tuple[Parcel, ...]:
        """Return the oldest reports that are to be sent, by number."""
        query = "select sequence, at, body from spool order by sequence limit ?"
        return tuple(map(_parcel_of, self._rows(query, limit)))

    def acknowledge(self, sequence: int) -> None:
        """Delete this report and nothing else: central has it for good."""
        self._write(f"deleting report {sequence}", _DELETE, sequence)

    def set_aside(self, sequence: int, *, reason: str) -> None:
        """Keep a report for a person to look at; it is not sent again."""
        with self._whole():
            self._write(
                f"setting report {sequence} aside", _SET_ASIDE, reason, sequence
            )
            self._write(f"deleting report {sequence}", _DELETE, sequence)

    def aside(self) -> tuple[SetAside, ...]:
        """Return the reports that central refused for good, by number."""
        query = "select sequence, at, body, reason from aside order by sequence, id"
        return tuple(
            SetAside(parcel=_parcel_of(row[:3]), reason=row[3])
            for row in self._rows(query)
        )

    def replace(self, parcels: Sequence[Parcel]) -> None:
        """Put these in the place of all reports that are to be sent."""
        with self._whole():
            self._write("making room for other numbers", "delete from spool")
            for parcel in parcels:
                self.put(parcel)

    def drop(self, sequences: Sequence[int]) -> None:
        """Give reports up; they are counted."""
        with self._whole():
            gone = sum(
                self._write(f"giving report {sequence} up", _DELETE, sequence)
                for sequence in sequences
            )
            self._write(
                "counting reports given up",
                "insert into marks (name, value) values (?, ?)"
                " on conflict (name) do update set value = value + excluded.value",
                _DROPPED,
                gone,
            )

    def size(self) -> SpoolSize:
        """Return how much waits."""
        row = self._row(_SIZE, _DROPPED)
        waiting, length, oldest, aside, dropped = row or (0, 0, None, 0, 0)
        return SpoolSize(
            waiting=waiting,
            waiting_bytes=length,
            oldest_at=None if oldest is None else rows.instant(oldest),
            aside=aside,
            dropped=dropped,
        )

    def sizes(self) -> Sequence[tuple[int, datetime, int]]:
        """Return number, time and bytes of each report to be sent, by number."""
        query = "select sequence, at, length(body) from spool order by sequence"
        return [
            (number, rows.instant(at), length)
            for number, at, length in self._rows(query)
        ]

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Hold a transaction, the caller's where there is one."""
        if self._connection.in_transaction:
            yield
        else:
            with self.transaction():
                yield


def _row_of(parcel: Parcel) -> rows.Row:
    return parcel.sequence, rows.stamp(parcel.at), parcel.body


def _parcel_of(row: rows.Row) -> Parcel:
    return Parcel(sequence=row[0], at=rows.instant(row[1]), body=row[2])


_PUT = "insert into spool (sequence, at, body) values (?, ?, ?)"
_DELETE = "delete from spool where sequence = ?"
_SET_ASIDE = (
    "insert into aside (sequence, at, body, reason)"
    " select sequence, at, body, ? from spool where sequence = ?"
)
_SIZE = (
    "select count(*), ifnull(sum(length(body)), 0), min(at),"
    " (select count(*) from aside),"
    " ifnull((select value from marks where name = ?), 0) from spool"
)
