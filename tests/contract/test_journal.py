"""The journal: one line an event, and nothing that ends the daemon."""

import os
from datetime import UTC, datetime

import pytest

from agent.adapters.journal import Journal
from agent.core.event import Event, EventName

AT = datetime(2026, 3, 1, 12, 30, 15, 999_999, tzinfo=UTC)
FAILED = Event(
    at=AT, name=EventName.COMMIT_FAILED, fields={"reason": "disk full", "n": 3}
)


def written(path, *, event=FAILED):
    with path.open("w+", encoding="utf-8") as file:
        Journal(file).write(event)
        file.seek(0)
        return file.read()


def journal_of(path):
    found = path.stat()
    return f"{found.st_dev}:{found.st_ino}"


def test_a_line_has_the_time_the_level_the_name_and_the_facts(tmp_path, monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert written(tmp_path / "log") == (
        '2026-03-01T12:30:15Z error   commit_failed reason="disk full" n=3\n'
    )


@pytest.mark.parametrize(
    ("name", "priority"),
    [
        (EventName.COMMIT_FAILED, 3),
        (EventName.COLLECTOR_FAILED, 4),
        (EventName.DAEMON_STARTED, 6),
    ],
)
def test_journald_gets_a_priority_and_tells_the_time_itself(
    tmp_path, monkeypatch, name, priority
):
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv("JOURNAL_STREAM", journal_of(path))
    line = written(path, event=Event(at=AT, name=name))
    assert line == f"<{priority}>{name}\n"


@pytest.mark.parametrize("named", ["", "1:2", "nonsense"])
def test_a_stream_that_leads_elsewhere_is_for_people(tmp_path, monkeypatch, named):
    """Whoever is started by a service inherits the variable."""
    monkeypatch.setenv("JOURNAL_STREAM", named)
    assert written(tmp_path / "log").startswith("2026-03-01T12:30:15Z error")


def test_a_stream_without_a_file_is_for_people(monkeypatch, capsys):
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    Journal().write(FAILED)
    assert capsys.readouterr().err.startswith("2026-03-01T12:30:15Z error")


def test_a_line_break_in_a_reason_makes_no_second_line(tmp_path, monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    event = Event(at=AT, name=EventName.COMMIT_FAILED, fields={"reason": "a\nb"})
    assert written(tmp_path / "log", event=event).count("\n") == 1


def test_a_reader_that_went_away_does_not_end_the_daemon():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(os.dup(writing), "w") as stream:
        journal = Journal(stream)
        journal.write(FAILED)
        journal.write(FAILED)
        # What is still in the buffer must not fail at the end of this test.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    os.close(writing)
