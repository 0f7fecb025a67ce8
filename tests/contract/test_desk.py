"""The desk: what an operator asks for is on disk, and the daemon hears of it."""

import re
import sqlite3
from contextlib import closing
from dataclasses import replace

import msgspec
import pytest

from agent.adapters.store import schema
from agent.adapters.store.archive import Archive
from agent.adapters.store.desk import SqliteDesk
from agent.adapters.store.ledger import SqliteLedger
from agent.core.request import Answer, Label, Request, Verb
from agent.errors import StateError
from tests.fakes.ledger import NOTHING, START, request

EVERYTHING = Request(
    at=START,
    by="ada",
    verb=Verb.LABEL,
    task="disk-full",
    version=3,
    moment=2**40,
    label=Label.AVERTED,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def ledger(path):
    with closing(SqliteLedger.open(path)) as opened:
        yield opened


@pytest.fixture
def desk(path, ledger):
    with closing(SqliteDesk.open(path)) as opened:
        yield opened


def answer(number, *, words="done"):
    return Answer(request=number, at=START, is_done=True, words=words)


def write(path, statement, *values):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement, values)


def test_a_request_comes_to_the_daemon_as_it_was_asked(desk, ledger):
    ledger.has_changed()
    number = desk.ask(EVERYTHING)
    assert ledger.has_changed()
    assert ledger.requests() == (msgspec.structs.replace(EVERYTHING, id=number),)


def test_requests_are_numbered_in_their_order_whatever_they_say(desk):
    numbers = [desk.ask(msgspec.structs.replace(EVERYTHING, id=9)) for _ in range(3)]
    assert numbers == [1, 2, 3]


def test_an_answer_comes_once_the_daemon_has_committed_it(desk, ledger):
    number = desk.ask(request())
    assert desk.answer(number) is None
    ledger.commit(replace(NOTHING, answers=[answer(number)]))
    assert desk.answer(number) == answer(number)
    assert ledger.requests() == ()


def test_a_number_that_nobody_was_given_is_an_error(desk, path):
    with pytest.raises(StateError, match=f"^{re.escape(str(path))}: no request 7$"):
        desk.answer(7)


def test_a_request_is_on_disk_when_its_number_is_known(desk):
    (synchronous,) = desk._connection.execute("PRAGMA synchronous").fetchone()
    assert synchronous == 2  # FULL
    desk.ask(request())
    assert not desk._connection.in_transaction


def test_requests_are_listed_newest_first_with_their_answers(desk, ledger, path):
    for verb in (Verb.PIN, Verb.UNPIN):
        desk.ask(request(verb))
    ledger.commit(replace(NOTHING, answers=[answer(1)]))
    with Archive.open(path) as archive:
        found = archive.requests()
        assert [(r.id, r.verb, a) for r, a in found] == [
            (2, Verb.UNPIN, None),
            (1, Verb.PIN, answer(1)),
        ]
        assert archive.requests(limit=1) == found[:1]


def test_what_only_a_newer_program_can_be_asked_waits_for_that_one(desk, ledger, path):
    number = desk.ask(request())
    newer = "update requests set document = replace(document, 'rollback', 'retrain')"
    write(path, newer)
    assert ledger.requests() == ()
    assert desk.answer(number) is None
    with Archive.open(path) as archive:
        assert archive.requests() == []


def test_a_desk_waits_its_turn_and_then_says_who_is_in_the_way(desk, path):
    desk._connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        message = "asking for pin: database is locked; another process holds the data"
        with pytest.raises(StateError, match=message):
            desk.ask(request(Verb.PIN))
    assert desk.ask(request(Verb.PIN)) == 1


def test_without_a_state_there_is_no_desk_and_none_is_made(path):
    message = f"^{re.escape(str(path))}: no state here; has the daemon ever run"
    with pytest.raises(StateError, match=message):
        SqliteDesk.open(path)
    assert not path.exists()


@pytest.mark.parametrize(("other", "message"), [(-1, "expected"), (1, "at most")])
def test_a_desk_of_another_schema_is_refused_and_left_as_it_is(path, other, message):
    schema.migrate(path)
    write(path, f"PRAGMA user_version = {schema.VERSION + other}")
    with pytest.raises(StateError, match=rf"{message} .*schema {schema.VERSION}, got"):
        SqliteDesk.open(path)
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
    assert found == schema.VERSION + other
