"""Who may report, in the fleet's database; of tokens it knows the hashes only."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, update

from central.adapters.database import upserts
from central.adapters.database.instants import instant, stamp
from central.adapters.database.opening import Database
from central.adapters.database.tables import hosts, join_tokens

_UNKNOWN: Final = "this join token is not known here"
_USED_UP: Final = "this join token is used up; make a new one"
_REVOKED: Final = "this host was revoked"


class SqlEnrolment:
    """Hosts, their tokens, and the tokens by which they join."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_join_token(
        self, sha256: str, *, name: str, expires_at: datetime, uses: int
    ) -> None:
        """Let hosts enrol with a token, so many times; the same again renews it."""
        row = {
            "sha256": bytes.fromhex(sha256),
            "name": name,
            "expires_at": stamp(expires_at),
            "uses": uses,
        }
        with self._database.writing() as connection:
            dialect = connection.dialect.name
            connection.execute(upserts.replacing(dialect, join_tokens, "sha256"), [row])

    def enrol(
        self, host_id: str, *, join: str, token: str, now: datetime
    ) -> str | None:
        """Give a host its token, as `central.ports.fleet.Enrolment` says.

        A join token is used up by one that is given, not by one that is refused.
        """
        with self._database.writing() as connection:
            refusal = _flaw(connection, join, now) or _barred(connection, host_id)
            if refusal is None:
                _use(connection, join)
                _admit(connection, host_id, token=token, now=now)
        return refusal

    def host_of(self, token: str) -> str | None:
        """Return whose token has this SHA-256; None: nobody's, or it is revoked."""
        query = select(hosts.c.host_id).where(
            hosts.c.token == bytes.fromhex(token), hosts.c.revoked_at.is_(None)
        )
        with self._database.reading() as connection:
            found: str | None = connection.execute(query).scalar()
        return found

    def is_revoked(self, host_id: str) -> bool:
        """Return whether a host is not to be let in, whatever it shows."""
        with self._database.reading() as connection:
            return _barred(connection, host_id) is not None

    def revoke(self, host_id: str, *, now: datetime) -> bool:
        """Let a host in no more; return whether it was known."""
        change = (
            update(hosts)
            .where(hosts.c.host_id == host_id)
            .values(token=None, revoked_at=stamp(now))
        )
        with self._database.writing() as connection:
            return bool(connection.execute(change).rowcount)


def _flaw(connection: Connection, join: str, now: datetime) -> str | None:
    """Return why a join token lets nobody in; hold it against others if it does."""
    query = (
        select(join_tokens.c.expires_at, join_tokens.c.uses)
        .where(join_tokens.c.sha256 == bytes.fromhex(join))
        .with_for_update()
    )
    found = connection.execute(query).first()
    if found is None:
        return _UNKNOWN
    if found.expires_at <= stamp(now):
        return f"this join token expired at {instant(found.expires_at):%Y-%m-%dT%H:%MZ}"
    return None if found.uses > 0 else _USED_UP


def _barred(connection: Connection, host_id: str) -> str | None:
    query = select(hosts.c.revoked_at).where(hosts.c.host_id == host_id)
    return None if connection.execute(query).scalar() is None else _REVOKED


def _use(connection: Connection, join: str) -> None:
    change = (
        update(join_tokens)
        .where(join_tokens.c.sha256 == bytes.fromhex(join))
        .values(uses=join_tokens.c.uses - 1)
    )
    connection.execute(change)


def _admit(connection: Connection, host_id: str, *, token: str, now: datetime) -> None:
    known = upserts.first(connection.dialect.name, hosts)
    connection.execute(known, [{"host_id": host_id, "received_through": 0}])
    change = (
        update(hosts)
        .where(hosts.c.host_id == host_id)
        .values(token=bytes.fromhex(token), enrolled_at=stamp(now))
    )
    connection.execute(change)
