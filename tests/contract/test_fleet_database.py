"""The fleet's database is opened, made, brought up to date, or refused; and why."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import event, exc, inspect, text

from agent.errors import ConfigError, StateError, UnavailableError
from central.adapters.database import (
    Database,
    SqlEnrolment,
    SqlFleet,
    SqlReports,
    opening,
    schema,
)
from central.adapters.database.tables import ALL
from central.adapters.database.trouble import UnfitError, told
from central.core.numbering import Numbering
from central.wiring.fleet import opened_fleet
from tests.fakes.told import HOST, START, arrival, full_report, report

PASSWORD = "s3cr3t"  # noqa: S105 - nobody's


def test_the_statements_name_what_is_there(fleet_url):
    with Database.open(fleet_url) as database:
        found = inspect(database.engine)
        assert {*found.get_table_names()} == {*map(str, ALL), "schema_number"}
        for table in ALL:
            there = [column["name"] for column in found.get_columns(table.name)]
            assert there == list(table.columns.keys()), table.name


def test_what_is_there_is_opened_again_as_it_was(fleet_url):
    for is_new in (True, False):
        with Database.open(fleet_url) as database:
            (stored,) = SqlReports(database).store_many([arrival(full_report())])
            assert stored.is_new is is_new


def test_many_that_open_it_first_make_it_once(fleet_url):
    def opened(_):
        with Database.open(fleet_url) as database, database.reading() as connection:
            return schema.version(connection)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(opened, range(4))) == [schema.VERSION] * 4


def set_number(database, number):
    with database.writing() as connection:
        connection.execute(
            text("update schema_number set number = :number"), {"number": number}
        )


def test_a_newer_schema_is_refused_and_left_alone(fleet_url):
    with Database.open(fleet_url) as database:
        set_number(database, 99)
        place = database.place
    with pytest.raises(StateError) as refused:
        Database.open(fleet_url)
    words = (
        f"{place}: expected at most schema {schema.VERSION}, got 99: a newer "
        "forewarn-central has used it; install that version again"
    )
    assert str(refused.value) == words


def test_a_step_that_fails_leaves_the_schema_before_it(fleet_url, monkeypatch):
    def fails(connection):
        connection.exec_driver_sql("create table half (a integer)")
        connection.exec_driver_sql("create table half (a integer)")

    with Database.open(fleet_url):
        pass
    steps = (*schema._STEPS, fails)
    monkeypatch.setattr(schema, "_STEPS", steps)
    monkeypatch.setattr(schema, "VERSION", len(steps))
    with pytest.raises(StateError, match="half"):
        Database.open(fleet_url)
    monkeypatch.undo()
    with Database.open(fleet_url) as database:
        assert not inspect(database.engine).has_table("half")


def test_join_tokens_of_the_first_schema_let_anybody_in_as_before(
    fleet_url, monkeypatch
):
    monkeypatch.setattr(schema, "_STEPS", schema._STEPS[:1])
    monkeypatch.setattr(schema, "VERSION", 1)
    with Database.open(fleet_url) as database, database.writing() as connection:
        values = {"join": b"\1" * 32, "end": 2**53}
        words = "insert into join_tokens values (:join, 'rack', :end, 1)"
        connection.execute(text(words), values)
    monkeypatch.undo()
    with Database.open(fleet_url) as database:
        door = SqlEnrolment(database)
        assert door.enrol(HOST, join="01" * 32, token="02" * 32, now=START) is None
        assert door.host_of("02" * 32) == HOST


def test_sqlite_waits_for_the_disk_and_is_closed_to_others(tmp_path):
    path = tmp_path / "new" / "fleet.db"
    with (
        Database.open(f"sqlite:///{path}") as database,
        database.reading() as connection,
    ):
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_brought_back_keeps_a_wal_again(tmp_path):
    path = tmp_path / "fleet.db"
    with closing(sqlite3.connect(path)) as copy:
        copy.execute("create table other (a)")
    with (
        Database.open(f"sqlite:///{path}") as database,
        database.reading() as connection,
    ):
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["fleet.db"]


def test_a_writer_that_waits_too_long_is_told_to_try_again(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "_BUSY_S", 0.05)
    path = tmp_path / "fleet.db"
    with Database.open(f"sqlite:///{path}") as database:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("begin immediate")
            with pytest.raises(UnavailableError) as busy:
                SqlReports(database).store_many([arrival(report())])
            assert SqlFleet(database).hosts() == ()
        words = "database is locked; another process holds it; try again"
        assert str(busy.value) == f"{path}: {words}"
        (stored,) = SqlReports(database).store_many([arrival(report())])
        assert stored.is_new


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "fleet.db"
    path.write_bytes(b"this is no database, and was never one" * 100)
    with pytest.raises(StateError) as damaged:
        Database.open(f"sqlite:///{path}")
    assert str(damaged.value) == (
        f"{path}: file is not a database; "
        "the file is damaged or not ours: bring it back from a copy"
    )


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "fleet.db"
    with pytest.raises(StateError, match=r"file/fleet\.db: (File exists|Not a dir)"):
        Database.open(f"sqlite:///{path}")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("no url", "expected one as SQLAlchemy writes it", id="no_url"),
        pytest.param(
            f"mysql://fleet:{PASSWORD}@db/fleet",
            "expected postgresql://… or sqlite:///FILE, got mysql://fleet:***@db/fleet",
            id="another_database",
        ),
        pytest.param(
            "sqlite://",
            "expected postgresql://… or sqlite:///FILE, got a database in memory",
            id="memory",
        ),
        pytest.param(
            f"postgresql+psycopg2://fleet:{PASSWORD}@db/fleet",
            "expected postgresql+psycopg://…, got "
            "postgresql+psycopg2://fleet:***@db/fleet: No module named 'psycopg2'",
            id="another_driver",
        ),
        pytest.param(
            f"postgresql+odd://fleet:{PASSWORD}@db/fleet",
            "expected postgresql+psycopg://…, got "
            "postgresql+odd://fleet:***@db/fleet: "
            "Can't load plugin: sqlalchemy.dialects:postgresql.odd",
            id="no_driver",
        ),
    ],
)
def test_a_url_that_cannot_be_is_refused(url, words):
    with pytest.raises(ConfigError) as refused:
        Database.open(url)
    assert str(refused.value) == f"database.url: {words}"


def test_a_server_that_is_down_is_waited_for_and_no_password_is_told():
    url = f"postgresql+psycopg://fleet:{PASSWORD}@127.0.0.1:1/fleet?connect_timeout=2"
    with pytest.raises(UnavailableError) as down:
        Database.open(url)
    words = str(down.value)
    assert words.startswith("postgresql+psycopg://fleet:***@127.0.0.1:1/fleet: ")
    assert words.endswith("; is the server up, and database.url right?")
    assert PASSWORD not in words


def test_a_database_that_is_not_there_is_told_in_the_server_s_words(postgresql):
    with pytest.raises(UnavailableError, match='database "nowhere" does not exist'):
        Database.open(postgresql.replace("/postgres?", "/nowhere?"))


def test_a_connection_that_breaks_is_told_and_the_next_one_is_new(postgresql_url):
    with Database.open(postgresql_url) as database:
        with pytest.raises(UnavailableError):
            break_off(database)
        (stored,) = SqlReports(database).store_many([arrival(report())])
        assert stored.is_new


def break_off(database):
    with database.writing() as connection:
        connection.exec_driver_sql("select pg_terminate_backend(pg_backend_pid())")


def test_nobody_waits_for_ever_on_postgresql(postgresql_url):
    url = f"{postgresql_url}&options=-c%20lock_timeout%3D50ms"
    with Database.open(postgresql_url) as holder, Database.open(url) as database:
        SqlReports(holder).store_many([arrival(report(1))])
        with holder.writing() as connection:
            connection.exec_driver_sql("lock table hosts")
            with pytest.raises(UnavailableError, match="somebody else holds a lock"):
                SqlReports(database).store_many([arrival(report(2))])


def test_a_full_disk_stores_nothing_and_later_all(tmp_path):
    with Database.open(f"sqlite:///{tmp_path / 'fleet.db'}") as database:
        kept, came = SqlReports(database), [arrival(full_report(samples=2_000))]
        event.listen(database.engine, "begin", allow(200_000))
        with pytest.raises(StateError, match="is full; make room on the disk"):
            kept.store_many(came)
        assert SqlFleet(database).hosts() == ()
        event.listen(database.engine, "begin", allow(200_000_000))
        (stored,) = kept.store_many(came)
        assert stored.is_new


def allow(size_bytes):
    """Return what lets SQLite's file grow to a size."""

    def limit(connection):
        connection.exec_driver_sql(f"PRAGMA max_page_count = {size_bytes // 4_096}")

    return limit


class Driver(Exception):  # noqa: N818 - stands for a driver's own
    def __init__(self, words, sqlstate):
        super().__init__(words)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        pytest.param(
            exc.TimeoutError("QueuePool limit"),
            UnavailableError,
            "every connection is in use; try again",
            id="too_many_at_once",
        ),
        pytest.param(
            exc.OperationalError("insert", None, Driver("a\nDETAIL: a row", "40P01")),
            UnavailableError,
            "a; two writers were in each other's way; try again",
            id="deadlock",
        ),
        pytest.param(
            exc.OperationalError("insert", None, Driver("a", "53100")),
            StateError,
            "a; make room on the server's disk",
            id="the_server_s_disk_is_full",
        ),
        pytest.param(
            exc.InternalError("insert", None, Driver("a", "XX001")),
            StateError,
            "a",
            id="what_is_not_expected",
        ),
        pytest.param(
            exc.InvalidRequestError("a"), StateError, "a", id="not_the_database_s"
        ),
    ],
)
def test_each_error_goes_to_who_must_act(error, kind, words):
    with pytest.raises(kind) as found, told("fleet.db"):
        raise error
    assert str(found.value) == f"fleet.db: {words}"


def test_a_row_that_no_column_takes_is_told_apart(fleet_url):
    with Database.open(fleet_url) as database, pytest.raises(UnfitError):
        write_nothing(database)


def write_nothing(database):
    with database.writing() as connection:
        connection.exec_driver_sql("insert into plans values ('task', null)")


def test_what_is_read_together_is_of_one_instant(fleet_url):
    with Database.open(fleet_url) as database, Database.open(fleet_url) as by:
        with database.reading() as connection:
            before = connection.exec_driver_sql("select count(*) from hosts").scalar()
            SqlReports(by).store_many([arrival(report())])
            after = connection.exec_driver_sql("select count(*) from hosts").scalar()
        assert (before, after) == (0, 0)
        assert len(SqlFleet(database).hosts()) == 1


def test_writers_at_once_lose_nothing_and_double_nothing(fleet_url):
    """Four servers take in the same reports in another order each."""
    envelopes = [
        full_report(sequence, host_id=f"host-{host:06d}", samples=2)
        for host in range(5)
        for sequence in range(1, 9)
    ]
    together = threading.Barrier(4)

    def served(turn):
        with Database.open(fleet_url) as database:
            together.wait(timeout=60)
            mine = envelopes[10 * turn :] + envelopes[: 10 * turn]
            return [
                each.is_new
                for first in range(0, len(mine), 4)
                for each in stored(SqlReports(database), mine[first : first + 4])
            ]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(served, range(4)))
    assert sum(sum(each) for each in found) == len(envelopes)
    with Database.open(fleet_url) as database:
        fleet = SqlFleet(database)
        assert {(e.received_through, e.holes) for e in fleet.hosts()} == {(8, ())}
        assert {each.card.resolved for each in fleet.cards()} == {8}
        assert {each.card.resolved for each in fleet.totals()} == {5 * 8}
        assert fleet.count("memory-pressure", since=START).rows == 2 * len(envelopes)
        assert len(fleet.events()) == 2 * len(envelopes)


def stored(reports, group):
    """Store a group as a server does: what cannot be had now is tried again."""
    for _ in range(20):
        try:
            return reports.store_many([arrival(each) for each in group])
        except UnavailableError:
            continue
    raise AssertionError("never to be had")


def test_central_keeps_its_fleet_in_its_folder_until_told_otherwise(
    tmp_path, fleet_url, monkeypatch
):
    with opened_fleet(tmp_path) as opened:
        assert opened.place == str(tmp_path / "fleet.db")
        opened.reports.store_many([arrival(report())])
        assert [each.host_id for each in opened.fleet.hosts()] == [HOST]
    monkeypatch.setenv("FLEET_URL", fleet_url)
    (tmp_path / "fleet.toml").write_text('[database]\nurl = "$FLEET_URL"\n')
    with opened_fleet(tmp_path) as opened:
        assert opened.plans.plan("task") is None
        assert opened.inbox.claim(limit=1) == ()


def test_a_hole_is_where_the_pure_rule_has_it(fleet_url):
    order = [5, 2, 9, 1, 7, 4, 8]
    numbering = Numbering()
    with Database.open(fleet_url) as database:
        for sequence in order:
            numbering = numbering.taken(sequence)
            SqlReports(database).store_many([arrival(report(sequence))])
            (host,) = SqlFleet(database).hosts()
            assert (host.received_through, host.holes) == (
                numbering.through,
                numbering.holes,
            )
