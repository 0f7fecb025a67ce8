"""The spool: the same laws in memory and in the state database."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from agent.adapters.store import schema
from agent.adapters.store.archive import Archive
from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.spool import SqliteSpool
from agent.core.event import Event, EventName
from agent.errors import StateError
from agent.ports.reporting import SpoolSize
from tests.fakes.ledger import START
from tests.fakes.spool import MemorySpool, parcel

HOUR = timedelta(hours=1)
EMPTY = SpoolSize(waiting=0, waiting_bytes=0, oldest_at=None, aside=0, dropped=0)
SENT = Event(at=START, name=EventName.REPORT_SENT, fields={"sequence": 1})


class StopError(Exception):
    pass


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture(params=["memory", "file"])
def spool(request, path):
    if request.param == "memory":
        yield MemorySpool()
        return
    with closing(SqliteSpool.open(path)) as opened:
        yield opened


@pytest.fixture
def filed(path):
    with closing(SqliteSpool.open(path)) as opened:
        yield opened


def numbers(spool):
    return [each.sequence for each in spool.waiting(limit=99)]


def filled(spool, count=3):
    made = [parcel(n, at=START + n * HOUR, said="x" * n) for n in range(1, count + 1)]
    for each in reversed(made):
        spool.put(each)
    return made


def test_nothing_waits_at_first(spool):
    assert spool.size() == EMPTY
    assert spool.waiting(limit=9) == spool.aside() == ()
    assert list(spool.sizes()) == []
    assert spool.state() is None


def test_the_state_is_what_was_set_last(spool):
    for document in (b'{"next":1}', b'{"next":2}'):
        spool.set_state(document)
    assert spool.state() == b'{"next":2}'


def test_the_oldest_come_first_byte_for_byte(spool):
    made = filled(spool)
    assert spool.waiting(limit=2) == tuple(made[:2])
    assert spool.waiting(limit=9) == tuple(made)
    assert list(spool.sizes()) == [(p.sequence, p.at, len(p.body)) for p in made]
    length = sum(len(each.body) for each in made)
    assert spool.size() == SpoolSize(
        waiting=3, waiting_bytes=length, oldest_at=START + HOUR, aside=0, dropped=0
    )


def test_what_is_acknowledged_is_deleted_and_nothing_else(spool):
    filled(spool)
    spool.acknowledge(2)
    spool.acknowledge(2)
    spool.acknowledge(9)
    assert numbers(spool) == [1, 3]
    assert spool.size().dropped == 0


def test_what_is_refused_is_kept_and_not_sent_again(spool):
    made = filled(spool)
    spool.set_aside(2, reason="status 400: no")
    assert numbers(spool) == [1, 3]
    (kept,) = spool.aside()
    assert (kept.parcel, kept.reason) == (made[1], "status 400: no")
    assert spool.size().aside == 1


def test_reports_are_given_up_and_counted(spool):
    filled(spool)
    spool.drop([1, 3])
    spool.drop([3, 7])
    assert numbers(spool) == [2]
    assert spool.size().dropped == 2


def test_reports_get_other_numbers_all_at_once(spool):
    filled(spool)
    anew = [parcel(n, said="y") for n in (2, 3, 4)]
    spool.replace(anew)
    assert spool.waiting(limit=9) == tuple(anew)


def everything_and_stop(spool):
    with spool.transaction():
        spool.put(parcel(9))
        spool.set_state(b"2")
        spool.set_aside(1, reason="no")
        spool.drop([2])
        spool.acknowledge(3)
        spool.record(SENT)
        spool.replace([parcel(5)])
        raise StopError


def test_a_transaction_that_raises_leaves_no_trace(spool):
    filled(spool, 4)
    spool.set_state(b"1")
    before = spool.waiting(limit=9)
    with pytest.raises(StopError):
        everything_and_stop(spool)
    assert spool.waiting(limit=9) == before
    assert (spool.state(), spool.aside(), spool.size().dropped) == (b"1", (), 0)


def test_a_transaction_that_ends_well_is_kept(spool):
    with spool.transaction():
        spool.put(parcel(1))
        spool.set_state(b"2")
        spool.record(SENT)
    assert (numbers(spool), spool.state()) == ([1], b"2")


# --- the file ---------------------------------------------------------------------


def test_what_waits_is_there_after_a_restart(path):
    with SqliteSpool.open(path) as spool:
        made = filled(spool)
        spool.drop([1])
        spool.record(SENT)
    with SqliteSpool.open(path) as spool:
        assert spool.waiting(limit=9) == tuple(made[1:])
        assert spool.size().dropped == 1
    with Archive.open(path) as archive:
        (event,) = archive.events()
        assert (event.name, event.fields) == ("report_sent", {"sequence": 1})


def test_a_number_is_not_written_over(filed):
    filled(filed)
    with pytest.raises(StateError, match="putting report 2: UNIQUE"):
        filed.put(parcel(2, said="other"))
    assert filed.waiting(limit=9)[1].body == parcel(2, said="xx").body


def test_one_number_can_be_refused_twice(filed):
    for said in ("a", "b"):
        filed.put(parcel(1, said=said))
        filed.set_aside(1, reason=said)
    assert [each.reason for each in filed.aside()] == ["a", "b"]


def test_the_daemon_writes_between_two_of_its_writes(path, filed):
    filed.put(parcel(1))
    with SqliteLedger.open(path) as ledger:
        assert ledger.has_changed()
        filed.put(parcel(2))
        assert ledger.has_changed()
    assert filed.size().waiting == 2


def test_a_file_that_an_older_program_made_is_brought_up_to_date(path, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(schema, "_STEPS", schema._STEPS[:3])
        older.setattr(schema, "VERSION", 3)
        schema.migrate(path)
    with SqliteSpool.open(path) as spool:
        spool.put(parcel(1))
        assert spool.size().waiting == 1


def test_a_full_or_damaged_file_is_the_operators(path, filed):
    filed._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StateError, match=r"state\.db: putting report 1: .*readonly"):
        filed.put(parcel(1))
    filed.close()
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StateError, match="not a database"):
        SqliteSpool.open(path)


def test_a_closed_spool_lets_the_file_go(path):
    with SqliteSpool.open(path) as spool:
        pass
    with pytest.raises(StateError, match="closed"):
        spool.size()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select count(*) from spool").fetchone() == (0,)
