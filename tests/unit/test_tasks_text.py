"""How tasks are told to people."""

from datetime import UTC, datetime

from agent.cli.tasks import TaskAtWork, tasks_text

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def told(**changes):
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
    return tasks_text([TaskAtWork(**fields | changes)]).splitlines()[1]


def test_a_task_that_has_predicted_says_when_last():
    assert "2026-03-01T12:00:00Z" in told(last_scored_at=NOON, skipped={"gap": 3})


def test_a_task_that_has_not_says_what_keeps_it():
    skipped = {"unknown now": 1, "holds already": 7}
    assert "not yet: holds already" in told(skipped=skipped)
    assert "not yet" not in told()
