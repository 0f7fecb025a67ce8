"""The file of the state database: its shape, its size, and who may look into it."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agent.adapters.store import retention, schema, tables
from agent.adapters.store.archive import Archive
from agent.adapters.store.ledger import SqliteLedger
from agent.errors import StateError
from tests.fakes.ledger import INTERVAL, NOTHING, START, did_not, moment, tick

NOBODY = 65_534
WIDE = tuple(f"series.{n}" for n in range(200))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "state.db"


def samples(ledger):
    return list(ledger.samples(since=START))


def live(ledger, ticks):
    for each in ticks:
        ledger.add(each)
    ledger.commit(NOTHING)


def test_file_and_folder_are_for_their_owner_only(path):
    with SqliteLedger.open(path) as ledger:
        live(ledger, [tick(0)])
        modes = {
            file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()
        }
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert modes == {"state.db": 0o600, "state.db-shm": 0o600, "state.db-wal": 0o600}


def test_the_file_is_shaped_before_its_first_table(path):
    schema.migrate(path)
    schema.migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        shape = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "auto_vacuum", "page_size", "user_version")
        }
        lax = connection.execute(
            "select name from pragma_table_list where type = 'table'"
            " and not strict and name not like 'sqlite_%'"
        ).fetchall()
    assert shape == {
        "journal_mode": "wal",
        "auto_vacuum": 2,
        "page_size": schema.PAGE_BYTES,
        "user_version": schema.VERSION,
    }
    assert lax == []


def test_a_migration_that_was_cut_off_before_its_first_step_is_done_again(path):
    schema._make_file(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema._shape_file(connection)
    test_the_file_is_shaped_before_its_first_table(path)


def test_a_later_step_is_taken_once_and_on_what_is_there(path, monkeypatch):
    with SqliteLedger.open(path) as ledger:
        live(ledger, [tick(0)])
    column = "alter table samples add column more text"
    steps = (*schema._STEPS, lambda database: database.execute(column))
    monkeypatch.setattr(schema, "_STEPS", steps)
    monkeypatch.setattr(schema, "VERSION", len(steps))
    assert not schema.is_current(path)
    schema.migrate(path)
    schema.migrate(path)
    assert schema.is_current(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select at, more from samples").fetchone()[1] is None


def test_a_step_that_breaks_off_leaves_the_schema_before_it(path, monkeypatch):
    schema.migrate(path)

    def breaks_off(database):
        database.execute("drop table marks")
        database.execute("drop table marks_that_are_not_there")

    monkeypatch.setattr(schema, "_STEPS", (*schema._STEPS, breaks_off))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    message = (
        f"{path}: bringing the schema up to date: "
        "no such table: marks_that_are_not_there"
    )
    with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
        schema.migrate(path)
    monkeypatch.undo()
    assert schema.is_current(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select count(*) from marks").fetchone() == (0,)


def test_a_trim_gives_the_disk_back(path):
    with SqliteLedger.open(path) as ledger:
        for start in range(0, 5_000, 500):
            live(
                ledger,
                [
                    tick(n, layout=WIDE, moments=[moment(n + 1, at=START)])
                    for n in range(start, start + 500)
                ],
            )
        live(
            ledger,
            [
                tick(
                    5_000,
                    resolved=[did_not(moment(n), at=START) for n in range(1, 5_001)],
                )
            ],
        )
        now = START + 5_001 * INTERVAL
        trimmed = ledger.trim(now=now, keep_s=10, max_bytes=10**9)
        assert (trimmed.samples, trimmed.moments) == (5_000, 5_000)
        assert trimmed.bytes_after < trimmed.bytes_before / 10
        assert path.stat().st_size == trimmed.bytes_after
        assert retention.used_bytes(ledger._connection) == trimmed.bytes_after
        # And again: there is nothing left to give back.
        assert ledger.trim(now=now, keep_s=10, max_bytes=10**9).samples == 0


def test_layouts_out_of_use_go_when_there_are_many(path, monkeypatch):
    monkeypatch.setattr(retention, "_MANY_LAYOUTS", 3)
    with SqliteLedger.open(path) as ledger:
        live(ledger, [tick(n, layout=(f"s{n}",)) for n in range(6)])
        ledger.trim(now=START + 5 * INTERVAL, keep_s=10, max_bytes=10**9)
        (left,) = ledger._connection.execute("select count(*) from layouts").fetchone()
        assert left == 2
        live(ledger, [tick(6, layout=("s0",)), tick(7, layout=("s5",))])
        assert [s.layout for s in samples(ledger)] == [
            ("s4",),
            ("s5",),
            ("s0",),
            ("s5",),
        ]


def test_a_daemon_whose_schema_is_current_does_not_load_sqlite_utils(path):
    schema.migrate(path)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from agent.adapters.store.ledger import SqliteLedger\n"
        "SqliteLedger.open(Path(sys.argv[1])).close()\n"
        "sys.exit('sqlite_utils' in sys.modules)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, str(path)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        check=False,
    )
    assert done.returncode == 0


# Readers beside a daemon that runs, has ended, or was killed.


@contextmanager
def _as_user(user):
    """Be another user for the file system; only root can."""
    if user is not None:
        os.seteuid(user)
    try:
        yield
    finally:
        if user is not None:
            os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that other users can reach; pytest's own cannot be."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.parametrize(
    "user",
    [
        pytest.param(None, id="owner"),
        pytest.param(
            NOBODY,
            id="other",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
        ),
    ],
)
@pytest.mark.parametrize("daemon", ["running", "idle", "ended", "killed"])
def test_a_reader_sees_what_was_committed_and_leaves_no_trace(
    open_folder, user, daemon
):
    path = open_folder / "state.db"
    schema.migrate(path)
    path.chmod(0o644)
    with SqliteLedger.open(path) as ledger:
        live(ledger, [tick(0)])
        if daemon == "idle":
            ledger._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if daemon == "ended":
            ledger.close()
        if daemon == "killed":
            (open_folder / "dead").mkdir()
            for file in open_folder.glob("state.db*"):
                shutil.copy2(file, open_folder / "dead")
            path = open_folder / "dead" / "state.db"
        before = sorted(file.name for file in path.parent.iterdir())
        with _as_user(user), Archive.open(path) as archive:
            assert archive.counts().samples == 1
            assert archive.last_sample().at == START
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                archive._connection.execute("delete from samples")
        assert sorted(file.name for file in path.parent.iterdir()) == before


def test_a_reader_without_the_right_to_read_is_told(open_folder):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    path = open_folder / "state.db"
    schema.migrate(path)
    message = (
        f"{path}: opening: unable to open database file; "
        "file and folder must exist and be open to this user"
    )
    with (
        _as_user(NOBODY),
        pytest.raises(StateError, match=f"^{re.escape(message)}$"),
    ):
        Archive.open(path)


@pytest.mark.parametrize("after", [0, 1, 5, 12])
def test_a_migration_that_fails_at_any_statement_leaves_no_table(
    after, tmp_path, monkeypatch
):
    statements = tables.FIRST_TABLES.split(";")
    broken = [*statements[:after], "create nonsense", *statements[after:]]
    path = tmp_path / "forewarn.db"
    monkeypatch.setattr(tables, "FIRST_TABLES", ";".join(broken))
    with pytest.raises(StateError, match="syntax error"):
        schema.migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select name from sqlite_master").fetchall() == []
    monkeypatch.undo()
    schema.migrate(path)
    assert schema.is_current(path)
