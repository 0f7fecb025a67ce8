"""Which reports of some hosts have come, held against everybody else's writing."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from agent.errors import ConflictError, ReportError
from central.adapters.database import upserts
from central.adapters.database.instants import stamp
from central.adapters.database.tables import holes, hosts, reports
from central.core.numbering import Hole, Numbering
from central.ports.fleet import Arrival

Row = dict[str, Any]


class Numbers:
    """The numbers of some hosts' reports, within a writing transaction.

    Until it ends nobody else stores a report of these hosts.
    """

    def __init__(self, connection: Connection, *, host_ids: Collection[str]) -> None:
        self._connection = connection
        self._ids: dict[str, int] = {}
        self._numberings: dict[str, Numbering] = {}
        self._before: dict[str, Numbering] = {}
        self._hashes: dict[tuple[str, int], str] = {}
        self._newest: dict[str, Arrival] = {}
        self._hold(sorted(host_ids))

    def id_of(self, host_id: str) -> int:
        """Return the number by which the tables call a host."""
        return self._ids[host_id]

    def through(self, host_id: str) -> int:
        """Return the highest number that has come from a host."""
        return self._numberings[host_id].through

    def take(self, arrival: Arrival) -> bool:
        """Take a report's number; return whether it is new.

        Raises:
            ConflictError: Another report of this host has this number.
            ReportError: It is far above what this host can have come to.
        """
        host_id, sequence = arrival.envelope.host_id, arrival.envelope.sequence
        numbering = self._numberings[host_id]
        if numbering.is_too_far(sequence):
            raise ReportError(
                f"report {sequence} of {host_id}: expected a number up to "
                f"{numbering.highest}, for {numbering.through} is the last that came"
            )
        if not numbering.is_open(sequence):
            self._check_same(arrival)
            return False
        self._numberings[host_id] = numbering.taken(sequence)
        self._hashes[host_id, sequence] = arrival.sha256
        self._newest[host_id] = arrival
        return True

    def write(self) -> None:
        """Write down what was taken."""
        changed = [self._host_row(arrival) for arrival in self._newest.values()]
        if changed:
            self._connection.execute(_NUMBER, changed)
        self._write_holes()
        idle = [host for host, each in self._numberings.items() if not each.through]
        if idle:
            self._connection.execute(_FORGET, {"host_ids": idle})

    def _hold(self, host_ids: Sequence[str]) -> None:
        found = self._found(host_ids)
        missing = [each for each in host_ids if each not in found]
        if missing:
            self._connection.execute(
                upserts.first(self._connection.dialect.name, hosts),
                [{"host_id": each, "received_through": 0} for each in missing],
            )
            found |= self._found(missing)
        left = self._holes([number for number, _ in found.values()])
        for host_id, (number, through) in found.items():
            self._ids[host_id] = number
            numbering = Numbering(through=through, holes=tuple(left[number]))
            self._numberings[host_id] = self._before[host_id] = numbering

    def _found(self, host_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        rows = self._connection.execute(_HOSTS, {"host_ids": host_ids})
        return {host_id: (number, through) for host_id, number, through in rows}

    def _holes(self, numbers: Sequence[int]) -> dict[int, list[Hole]]:
        left: dict[int, list[Hole]] = defaultdict(list)
        for host, first, last in self._connection.execute(_HOLES, {"hosts": numbers}):
            left[host].append((first, last))
        return left

    def _check_same(self, arrival: Arrival) -> None:
        """Refuse a report unless it is the one that came by this number before."""
        host_id, sequence = arrival.envelope.host_id, arrival.envelope.sequence
        sha256 = self._hashes.get((host_id, sequence)) or self._stored(arrival)
        if sha256 != arrival.sha256:
            was = "is another report's" if sha256 else "was closed long ago"
            through = self.through(host_id)
            raise ConflictError(
                f"report {sequence} of {host_id}: expected a number above {through}: "
                f"this one {was}",
                received_through=through,
            )

    def _stored(self, arrival: Arrival) -> str:
        """Return the hash of the report that has a number; empty: it is forgotten."""
        envelope = arrival.envelope
        key = {"host": self._ids[envelope.host_id], "sequence": envelope.sequence}
        found = self._connection.execute(_HASH, key).scalar()
        return found.hex() if found else ""

    def _host_row(self, arrival: Arrival) -> Row:
        host_id = arrival.envelope.host_id
        return {
            "host": self._ids[host_id],
            "reported_at": stamp(arrival.at),
            "received_through": self.through(host_id),
        }

    def _write_holes(self) -> None:
        changed = {
            self._ids[host_id]: numbering.holes
            for host_id, numbering in self._numberings.items()
            if numbering.holes != self._before[host_id].holes
        }
        if not changed:
            return
        self._connection.execute(_CLOSE, {"hosts": list(changed)})
        rows = [
            {"host": host, "first": first, "last": last}
            for host, left in changed.items()
            for first, last in left
        ]
        if rows:
            self._connection.execute(insert(holes), rows)


# In order, so that two writers with the same hosts wait for each other in one line.
# SQLite has one writer at a time and leaves `for update` out.
_HOSTS = (
    select(hosts.c.host_id, hosts.c.id, hosts.c.received_through)
    .where(hosts.c.host_id.in_(bindparam("host_ids", expanding=True)))
    .order_by(hosts.c.host_id)
    .with_for_update()
)
# Nothing of theirs was taken, and nobody else knows them.
_FORGET = delete(hosts).where(
    hosts.c.host_id.in_(bindparam("host_ids", expanding=True)),
    hosts.c.token.is_(None),
    hosts.c.revoked_at.is_(None),
)
_HOLES = (
    select(holes.c.host, holes.c.first, holes.c.last)
    .where(holes.c.host.in_(bindparam("hosts", expanding=True)))
    .order_by(holes.c.host, holes.c.first)
)
_HASH = select(reports.c.sha256).where(
    reports.c.host == bindparam("host"), reports.c.sequence == bindparam("sequence")
)
_NUMBER = (
    update(hosts)
    .where(hosts.c.id == bindparam("host"))
    .values(
        reported_at=bindparam("reported_at"),
        received_through=bindparam("received_through"),
    )
)
_CLOSE = delete(holes).where(holes.c.host.in_(bindparam("hosts", expanding=True)))
