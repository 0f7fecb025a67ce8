"""What only one transaction does at a time."""

from enum import IntEnum

from sqlalchemy import Connection, text


class Lock(IntEnum):
    """Numbers that nobody else locks; PostgreSQL wants them."""

    MIGRATING = 7_368_741_001
    CLAIMING = 7_368_741_002
    ENROLLING = 7_368_741_003


def hold(connection: Connection, lock: Lock) -> None:
    """Let nobody else do this before the transaction ends; on SQLite nobody can."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("select pg_advisory_xact_lock(:key)"), {"key": lock.value}
        )
