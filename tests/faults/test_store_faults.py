"""What can befall the state database, and that it is said and survived."""

import os
import re
import resource
import sqlite3
from contextlib import closing, contextmanager
from datetime import timedelta

import numpy as np
import pytest

from agent.adapters.store import backlog, schema
from agent.adapters.store.archive import Archive
from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.registry import SqliteRegistry
from agent.core.event import Event, EventName
from agent.core.moment import Role
from agent.core.scorecard import Scorecard
from agent.errors import StateError
from agent.ports import CardKey, Standing
from tests.fakes.ledger import INTERVAL, NOTHING, START, did_not, moment, tick

DAMAGED = (
    "the file is damaged or not ours: move it away together with its -wal and -shm "
    "files, and the next start makes a new one"
)
CLOSED = "file and folder must exist and be open to this user"
OPENERS = [
    pytest.param(opener, id=opener.__name__)
    for opener in (SqliteLedger, SqliteRegistry, Archive)
]
WIDE = tuple(f"series.{n}" for n in range(200))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "state.db"


@contextmanager
def full_disk(ledger, *, pages_left=0):
    """Let the file grow by so many pages and no more."""
    (pages,) = ledger._connection.execute("PRAGMA page_count").fetchone()
    ledger._connection.execute(f"PRAGMA max_page_count = {pages + pages_left}")
    yield
    ledger._connection.execute("PRAGMA max_page_count = 1000000")


@contextmanager
def largest_file(size_bytes):
    """Let this process write no file beyond so many bytes; Python ignores SIGXFSZ."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def execute(path, *statements):
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def samples(ledger):
    return list(ledger.samples(since=START))


def live(ledger, ticks):
    for each in ticks:
        ledger.add(each)
    ledger.commit(NOTHING)


# A full disk.


@pytest.mark.parametrize("pages_left", [0, 1, 2, 3, 5, 8, 13, 21])
def test_a_disk_that_fills_up_leaves_nothing_half_written(path, pages_left):
    key = CardKey("task", "a" * 64, Role.ACTIVE, START.date())
    first = moment(1)
    with SqliteLedger.open(path) as ledger:
        live(ledger, [tick(0, moments=[first])])
        made = [moment(n) for n in range(2, 100)]
        ledger.add(tick(1, moments=made, resolved=[did_not(first, at=START)]))
        standing = Standing(cards={key: Scorecard()}, memories={"task": bytes(9_000)})
        with full_disk(ledger, pages_left=pages_left):
            message = (
                f"{path}: committing 1 ticks: database or disk is full; "
                "make room on the disk"
            )
            with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
                ledger.commit(standing)
            assert not ledger._connection.in_transaction
            assert len(samples(ledger)) == 1
            assert [m.id for m in ledger.open_moments()] == [1]
            assert ledger.cards(day=key.day) == {}
        ledger.commit(NOTHING)
        assert len(samples(ledger)) == 2
        assert [m.id for m in ledger.open_moments()] == list(range(2, 100))
        assert ledger.cards(day=key.day) == {key: Scorecard()}


@pytest.mark.parametrize("pages_left", [0.2, 1, 3.5, 10, 18])
def test_a_write_that_breaks_off_in_the_wal_is_as_if_it_had_not_been(path, pages_left):
    first = moment(1)
    with SqliteLedger.open(path) as ledger:
        live(ledger, [tick(0, moments=[first])])
        made = [moment(n) for n in range(2, 100)]
        ledger.add(tick(1, moments=made, resolved=[did_not(first, at=START)]))
        wal = path.with_name("state.db-wal")
        with largest_file(wal.stat().st_size + int(pages_left * schema.PAGE_BYTES)):
            message = (
                f"{path}: committing 1 ticks: disk I/O error; "
                "the disk answers with errors; see the kernel's log"
            )
            with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
                ledger.commit(NOTHING)
            assert [m.id for m in ledger.open_moments()] == [1]
            with Archive.open(path) as archive:
                assert archive.counts().samples == 1
        ledger.commit(NOTHING)
        assert [m.id for m in ledger.open_moments()] == list(range(2, 100))


def test_a_disk_that_stays_full_costs_the_oldest_samples_and_moments(path, monkeypatch):
    monkeypatch.setattr(backlog, "MAX_TICKS", 20)
    on_disk = [moment(number) for number in (1, 2)]
    with SqliteLedger.open(path) as ledger:
        live(ledger, [tick(0, moments=on_disk)])
        with full_disk(ledger):
            # One of those on disk comes due among the ticks that will be given up.
            event = Event(at=START, name=EventName.COLLECTOR_FAILED)
            lost = moment(3)
            ledger.add(tick(1, resolved=[did_not(on_disk[0], at=START)], layout=WIDE))
            ledger.add(tick(2, moments=[lost], events=[event], layout=WIDE))
            ledger.add(tick(3, resolved=[did_not(lost, at=START)], layout=WIDE))
            for number in range(4, 24):
                ledger.add(tick(number, moments=[moment(number)], layout=WIDE))
            with pytest.raises(StateError, match="committing 23 ticks: "):
                ledger.commit(NOTHING)
            ledger.add(tick(24, resolved=[did_not(moment(4), at=START)], layout=WIDE))
            with pytest.raises(
                StateError,
                match=r"committing 20 ticks \(4 older ones were given up\): ",
            ):
                ledger.commit(NOTHING)
        ledger.commit(NOTHING)
        assert ledger.dropped_ticks == 4
        ats = [sample.at for sample in samples(ledger)]
        assert ats == [START + n * INTERVAL for n in (0, *range(5, 25))]
        assert [m.id for m in ledger.open_moments()] == [2, *range(5, 24)]
    with Archive.open(path) as archive:
        assert [m.id for m, _ in archive.moments(only_resolved=True)] == [1]
        assert [event.name for event in archive.events()] == ["collector_failed"]


def test_nothing_is_given_up_while_commits_come_through(path, monkeypatch):
    monkeypatch.setattr(backlog, "MAX_TICKS", 5)
    with SqliteLedger.open(path) as ledger:
        live(ledger, [tick(number) for number in range(9)])
        assert len(samples(ledger)) == 9
        assert ledger.dropped_ticks == 0


def test_a_defect_in_a_tick_leaves_nothing_half_written(path):
    """Not SQLite's fault but ours: it must not leave the transaction open either."""
    with SqliteLedger.open(path) as ledger:
        ledger.add(tick(0, moments=[moment(1, features=None)]))
        with pytest.raises(AttributeError):
            ledger.commit(NOTHING)
        assert not ledger._connection.in_transaction
        assert samples(ledger) == []


def test_a_number_that_is_taken_is_refused(path):
    with SqliteLedger.open(path) as ledger:
        live(ledger, [tick(0, moments=[moment(1)])])
        ledger.add(tick(1, moments=[moment(1, task="other")]))
        with pytest.raises(StateError, match=r"UNIQUE constraint failed: moments\.id$"):
            ledger.commit(NOTHING)
        assert [m.task for m in ledger.open_moments()] == ["disk-full"]


# Another process.


def test_a_courier_that_holds_the_database_makes_a_commit_wait_and_then_say_so(path):
    with SqliteLedger.open(path) as ledger, SqliteRegistry.open(path) as registry:
        ledger._connection.execute("PRAGMA busy_timeout = 20")
        ledger.add(tick(0))
        message = (
            f"{path}: committing 1 ticks: database is locked; "
            "another process holds the database; try again"
        )
        with (
            registry.transaction(),
            pytest.raises(StateError, match=f"^{re.escape(message)}$"),
        ):
            ledger.commit(NOTHING)
        ledger.commit(NOTHING)
        assert len(samples(ledger)) == 1


def test_a_reader_does_not_keep_a_commit_or_a_trim_from_working(path):
    with SqliteLedger.open(path) as ledger, Archive.open(path) as archive:
        live(ledger, [tick(0)])
        archive._connection.execute("BEGIN")
        assert archive.counts().samples == 1
        ledger._connection.execute("PRAGMA busy_timeout = 20")
        live(ledger, [tick(1)])
        ledger.trim(now=START + timedelta(days=9), keep_s=1, max_bytes=10**9)
        assert archive.counts().samples == 1
        archive._connection.execute("COMMIT")
        assert archive.counts().samples == 0


# A file that cannot be used.


@pytest.mark.parametrize("opener", OPENERS)
def test_garbage_is_not_a_database(path, opener):
    path.parent.mkdir()
    path.write_bytes(np.random.default_rng(3).bytes(20_000))
    with pytest.raises(StateError) as error:
        opener.open(path)
    assert str(error.value) in {
        f"{path}: {doing}: file is not a database; {DAMAGED}"
        for doing in ("reading the schema number", "opening")
    }


def test_a_truncated_file_is_said_to_be_damaged(path):
    with SqliteLedger.open(path) as ledger:
        live(ledger, [tick(number, layout=WIDE) for number in range(300)])
    os.truncate(path, path.stat().st_size // 2)
    # It may show at once or at the first row that is missing.
    with pytest.raises(StateError) as error, SqliteLedger.open(path) as ledger:
        samples(ledger)
    assert str(error.value) in {
        f"{path}: {doing}: database disk image is malformed; {DAMAGED}"
        for doing in ("reading the schema number", "opening", "reading")
    }


def test_an_empty_file_becomes_a_database(path):
    path.parent.mkdir()
    path.touch()
    with SqliteLedger.open(path) as ledger:
        live(ledger, [tick(0)])


@pytest.mark.parametrize("opener", OPENERS)
def test_a_newer_schema_is_refused_and_left_alone(path, opener):
    schema.migrate(path)
    execute(path, f"PRAGMA user_version = {schema.VERSION + 1}")
    message = (
        f"{path}: expected at most schema {schema.VERSION}, got {schema.VERSION + 1}: "
        "a newer forewarn has used it; install that version again, "
        "or move the file away"
    )
    for use in (opener.open, schema.migrate, schema.is_current):
        with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
            use(path)


def test_an_older_schema_is_brought_up_to_date_but_not_by_a_reader(path):
    path.parent.mkdir()
    execute(path, "PRAGMA user_version = 0")
    message = (
        f"{path}: expected schema {schema.VERSION}, got 0; "
        "the daemon brings it up to date when it starts"
    )
    with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
        Archive.open(path)
    assert not schema.is_current(path)
    schema.migrate(path)
    assert schema.is_current(path)


@pytest.mark.parametrize("opener", [SqliteLedger, SqliteRegistry])
def test_a_path_below_a_file_cannot_hold_the_state(tmp_path, opener):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "state.db"
    message = f"{path}: making the file: File exists: {path.parent}"
    with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
        opener.open(path)


def test_a_reader_finds_no_state_and_makes_none(tmp_path):
    path = tmp_path / "state.db"
    message = f"{path}: no state here; has the daemon ever run?"
    with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
        Archive.open(path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_file_is_said(tmp_path):
    message = (
        f"{tmp_path}: reading the schema number: unable to open database file; {CLOSED}"
    )
    with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
        SqliteLedger.open(tmp_path)


def test_a_file_that_may_only_be_read_is_said_at_the_first_write(path):
    schema.migrate(path)
    with SqliteLedger.open(path) as ledger:
        ledger._connection.execute("PRAGMA query_only = ON")
        ledger.add(tick(0))
        message = (
            f"{path}: committing 1 ticks: attempt to write a readonly database; "
            "file and folder must be writable by this user"
        )
        with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
            ledger.commit(NOTHING)


def test_a_database_without_its_tables_is_said(path):
    schema.migrate(path)
    execute(path, "drop table marks")
    message = f"{path}: opening: no such table: marks"
    with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
        SqliteLedger.open(path)
