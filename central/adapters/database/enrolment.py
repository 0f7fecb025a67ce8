"""Who may report, in the fleet's database; of tokens it knows the hashes only."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from central.adapters.database import upserts
from central.adapters.database.instants import instant, stamp
from central.adapters.database.locks import Lock, hold
from central.adapters.database.opening import Database
from central.adapters.database.rows import Found
from central.adapters.database.tables import hosts, join_tokens
from central.core.answer import Answer, Verdict

_UNKNOWN: Final = "this join token is not known here"
_ANOTHERS: Final = "this join token is for another host"
_USED_UP: Final = "this join token is used up; make a new one"
_REMEDY: Final = (
    "whoever runs central must act: `forewarn-central hosts join-token --host ID`"
)
_REVOKED: Final = f"this host was revoked; {_REMEDY}"
_ENROLLED: Final = (
    "enrolled already: expected a host without a token, or the token that it has; "
    f"{_REMEDY}"
)


class SqlEnrolment:
    """Hosts, their tokens, and the tokens by which they join."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_join_token(
        self,
        sha256: str,
        *,
        name: str,
        expires_at: datetime,
        uses: int,
        host_id: str | None = None,
    ) -> None:
        """Let hosts enrol with a token, so many times; the same again renews it."""
        row = {
            "sha256": bytes.fromhex(sha256),
            "name": name,
            "expires_at": stamp(expires_at),
            "uses": uses,
            "host_id": host_id,
        }
        with self._database.writing() as connection:
            dialect = connection.dialect.name
            connection.execute(upserts.replacing(dialect, join_tokens, "sha256"), [row])

    def enrol(
        self,
        host_id: str,
        *,
        join: str,
        token: str,
        now: datetime,
        present: str | None = None,
    ) -> Answer | None:
        """Give a host its token, as `central.ports.fleet.Enrolment` says.

        A join token is used up by one that is given, not by one that is refused.
        """
        with self._database.writing() as connection:
            # Else two could become one host by two join tokens at once.
            hold(connection, Lock.ENROLLING)
            shown = connection.execute(_JOIN, {"join": bytes.fromhex(join)}).first()
            refusal = _flaw(shown, host_id=host_id, now=now)
            is_meant = shown is not None and shown.host_id is not None
            if refusal is None and not is_meant:
                refusal = _barred(connection, host_id, present=present)
            if refusal is None:
                connection.execute(_USE, {"join": bytes.fromhex(join)})
                _admit(connection, host_id, token=token, now=now, is_meant=is_meant)
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
            host = connection.execute(_HOST, {"host": host_id}).first()
        return host is not None and host.revoked_at is not None

    def revoke(self, host_id: str, *, now: datetime) -> bool:
        """Let a host in no more, known or not; return whether it was known."""
        change = (
            update(hosts)
            .where(hosts.c.host_id == host_id)
            .values(token=None, revoked_at=stamp(now))
        )
        with self._database.writing() as connection:
            was_known = connection.execute(_HOST, {"host": host_id}).first() is not None
            _make_known(connection, host_id)
            connection.execute(change)
        return was_known


def _flaw(shown: Found | None, *, host_id: str, now: datetime) -> Answer | None:
    """Return why a join token does not let a host in, whoever that is."""
    if shown is None:
        return _not_enrolled(_UNKNOWN)
    if shown.host_id not in (None, host_id):
        return _not_enrolled(_ANOTHERS)
    if shown.expires_at <= stamp(now):
        ended = instant(shown.expires_at)
        return _not_enrolled(f"this join token expired at {ended:%Y-%m-%dT%H:%MZ}")
    return None if shown.uses > 0 else _not_enrolled(_USED_UP)


def _barred(
    connection: Connection, host_id: str, *, present: str | None
) -> Answer | None:
    """Return why a host is not let in by a join token that is for anybody."""
    host = connection.execute(_HOST, {"host": host_id}).first()
    if host is None:
        return None
    if host.revoked_at is not None:
        return _not_enrolled(_REVOKED)
    if host.token is None or (present and host.token == bytes.fromhex(present)):
        return None
    return Answer(verdict=Verdict.ENROLLED_ALREADY, reason=_ENROLLED)


def _not_enrolled(reason: str) -> Answer:
    return Answer(verdict=Verdict.NOT_ENROLLED, reason=reason)


def _admit(
    connection: Connection, host_id: str, *, token: str, now: datetime, is_meant: bool
) -> None:
    _make_known(connection, host_id)
    # Only who is meant by name is let in again after it was revoked.
    pardon = {"revoked_at": None} if is_meant else {}
    change = (
        update(hosts)
        .where(hosts.c.host_id == host_id)
        .values(token=bytes.fromhex(token), enrolled_at=stamp(now), **pardon)
    )
    connection.execute(change)


def _make_known(connection: Connection, host_id: str) -> None:
    known = upserts.first(connection.dialect.name, hosts)
    connection.execute(known, [{"host_id": host_id, "received_through": 0}])


_JOIN = select(join_tokens).where(join_tokens.c.sha256 == bindparam("join"))
_HOST = select(hosts.c.token, hosts.c.revoked_at).where(
    hosts.c.host_id == bindparam("host")
)
_USE = (
    update(join_tokens)
    .where(join_tokens.c.sha256 == bindparam("join"))
    .values(uses=join_tokens.c.uses - 1)
)
