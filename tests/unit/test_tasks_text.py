"""How tasks are told to people."""

from datetime import UTC, datetime

from agent.cli.tasks import TaskAtWork, tasks_text
from agent.core.wait import Wait

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def lines(**changes):
    fields = {
        "task": "cpu-busy",
        "title": "Busy",
        "entity": "host",
        "predicts": "system.cpu.utilization >= 0.9 within 2 min",
        "horizon_s": 120.0,
        "score_every_s": 10.0,
        "version": 1,
        "active": "ab" * 32,
        "is_heard": True,
        "is_pinned": False,
        "standby": None,
        "standby_version": None,
        "shadow": None,
        "shadow_version": None,
        "last_scored_at": None,
        "skipped": {},
    }
    return tasks_text([TaskAtWork(**fields | changes)]).splitlines()


def told(**changes):
    return lines(**changes)[1]


def test_a_task_that_has_predicted_says_when_last():
    assert "2026-03-01T12:00:00Z" in told(last_scored_at=NOON, skipped={"gap": 3})


def test_a_task_that_has_not_says_what_keeps_it():
    skipped = {"unknown now": 1, "holds already": 7}
    assert "not yet: holds already" in told(skipped=skipped)
    assert "not yet" not in told()


def test_a_task_that_waits_for_history_says_what_it_needs_and_what_there_is():
    known = Wait(series="system.cpu.utilization", needs_s=483_840.0, has_s=10_800.0)
    _, row, wait = lines(waits_for=known, skipped={"unknown now": 1})
    assert "not yet: waits for history" in row
    assert wait == (
        "cpu-busy waits for history: needs 5 d 14 h of system.cpu.utilization, has 3 h"
    )


def test_of_a_series_that_was_never_there_it_has_none():
    known = Wait(series="system.cpu.utilization", needs_s=240.0, has_s=0.0)
    (*_, wait) = lines(waits_for=known)
    assert wait.endswith("needs 4 min of system.cpu.utilization, has none")


def test_no_task_is_no_line():
    assert not tasks_text([])
