"""Opens the fleet's database: SQLite in a file, or PostgreSQL by its URL."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Any, Final, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from agent.errors import ConfigError, StateError
from central.adapters.database import schema
from central.adapters.database.trouble import told

_BUSY_S: Final = 10.0
_CONNECT_S: Final = 10
# A server that nobody ends would else hold its locks for ever.
_POSTGRESQL_OPTIONS: Final = (
    "-c statement_timeout=60s -c lock_timeout=10s "
    "-c idle_in_transaction_session_timeout=60s"
)
_PRAGMAS: Final = (
    # What is acknowledged outlives a power failure: the WAL is synced at each commit.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -32768",
)


class Database:
    """A fleet's database of this program's schema.

    Threads may share it: each transaction has a connection of its own.

    Attributes:
        place: How it is called in messages, without a password.
        engine: Where connections come from.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.place = _place(engine.url)
        is_postgresql = engine.dialect.name == "postgresql"
        self._writer = engine.execution_options(is_writing=True)
        self._reader = engine.execution_options(
            # What several statements read is of one instant, as it is on SQLite.
            **({"isolation_level": "REPEATABLE READ"} if is_postgresql else {})
        )

    @classmethod
    def open(cls, url: str) -> Self:
        """Return the database at a URL, made or brought up to date if need be.

        Raises:
            ConfigError: It is no URL of SQLite or PostgreSQL.
            UnavailableError: The database cannot be had now.
            StateError: It is damaged, closed to this user, or of a newer schema.
        """
        parsed = _parsed(url)
        database = cls(_engine(parsed))
        try:
            _make_file(parsed, place=database.place)
            _bring_up(database)
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Let every connection go."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection on which all reads see one instant.

        Raises:
            UnavailableError: The database cannot be had now.
            StateError: It is damaged, or closed to this user.
        """
        with told(self.place), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection within a transaction; what is raised leaves no trace.

        It is on disk when this ends.

        Raises:
            UnavailableError: The database cannot be had now; nothing is written.
            StateError: It is damaged, full or closed to this user; nothing is written.
        """
        with told(self.place), self._writer.begin() as connection:
            yield connection


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError as error:
        # The text may hold a password, so it is not told.
        raise ConfigError(
            "database.url: expected one as SQLAlchemy writes it"
        ) from error
    in_memory = backend == "sqlite" and parsed.database in (None, "", ":memory:")
    if in_memory or backend not in ("sqlite", "postgresql"):
        raise ConfigError(
            "database.url: expected postgresql://… or sqlite:///FILE, "
            f"got {_place(parsed)}"
        )
    return parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    options = f"{_POSTGRESQL_OPTIONS} {url.query.get('options', '')}".strip()
    arguments: dict[str, Any] = {"options": options}
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = _CONNECT_S
    try:
        return create_engine(
            url, pool_pre_ping=True, hide_parameters=True, connect_args=arguments
        )
    except (NoSuchModuleError, ImportError) as error:
        raise ConfigError(
            f"database.url: expected postgresql+psycopg://…, got {_place(url)}: {error}"
        ) from error


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_S})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    # We begin transactions ourselves: see `_begin`.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    """Begin; one that writes asks for its lock at once.

    One that first reads and then writes would be refused without waiting if another
    process wrote in between.
    """
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _make_file(url: URL, *, place: str) -> None:
    """Make SQLite's file, closed to others: it holds hashes of tokens."""
    if url.get_backend_name() != "sqlite":
        return
    path = Path(str(url.database))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _found(path)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from error
    with told(place):
        _keep_wal(path)


def _found(path: Path) -> None:
    """Make the file under its name at once as it must be, whoever else does so, too.

    SQLite does not wait for a lock where the kind of its journal changes.
    """
    number, name = mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(number)
    try:
        _keep_wal(Path(name))
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _keep_wal(path: Path) -> None:
    """Let readers not wait for the writer, in a file brought back from a copy, too."""
    with closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection:
        (kind,) = connection.execute("PRAGMA journal_mode").fetchone()
        if kind != "wal":
            connection.execute("PRAGMA journal_mode = WAL")


def _bring_up(database: Database) -> None:
    with database.reading() as connection:
        found = schema.version(connection)
    schema.check_not_newer(found, place=database.place)
    if found < schema.VERSION:
        with database.writing() as connection:
            schema.migrate(connection, place=database.place)


def _place(url: URL) -> str:
    """Return how the database is called in messages."""
    if url.get_backend_name() == "sqlite":
        return str(url.database or "a database in memory")
    return url.set(query={}).render_as_string(hide_password=True)
