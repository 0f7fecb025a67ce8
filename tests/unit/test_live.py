from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.moment import (
    BASELINE,
    Moment,
    Outcome,
    OutcomeKind,
    Prediction,
    Resolved,
    Role,
    Void,
)
from agent.daemon.live import LiveLine, clipped
from agent.flows.tick import TickResult
from agent.ports import OwnCost

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def cost(cpu_s=1.0, *, rss_bytes=71_400_000):
    return OwnCost(
        pid=1,
        started_at=NOON,
        cpu_s=cpu_s,
        rss_bytes=rss_bytes,
        written_bytes=None,
        threads=1,
    )


def moment(task="cpu", *, entity="", active=(0.1,), baseline=(0.2,), limit=0.9):
    scores = {Role.ACTIVE: active, Role.BASELINE: baseline}
    return Moment(
        id=1,
        task=task,
        entity=entity,
        at=NOON,
        due_at=NOON + timedelta(minutes=2),
        limit=limit,
        origin=0.0,
        state=0,
        features=np.zeros(1, dtype=np.float32),
        predictions=tuple(
            Prediction(role=role, digest=BASELINE, values=values)
            for role, values in scores.items()
            if values is not None
        ),
    )


def resolved(kind, *, void=None, **scores):
    outcome = Outcome(kind=kind, resolved_at=NOON, void=void)
    return Resolved(moment=moment(**scores), outcome=outcome)


def tick(*moments, after_s=0, came=(), still_open=0):
    return TickResult(
        at=NOON + timedelta(seconds=after_s),
        moments=moments,
        resolved=came,
        events=(),
        open=still_open,
    )


def shown(line, *results, width=500):
    """Return what a terminal shows after the last of these ticks."""
    lines = [line.take(result, cost()) for result in results]
    return clipped(lines[-1], width=width)


def test_the_first_tick():
    assert shown(LiveLine(), tick()) == (
        "12:00:00 | no prediction yet | 0 open, 0 resolved, 0 happened | own 71 MB"
    )


def test_a_prediction_waits_then_comes_due_and_is_scored():
    line = LiveLine()
    assert shown(line, tick(moment(), still_open=1)) == (
        "12:00:00 | cpu 10 % | 1 open, 0 resolved, 0 happened | own 71 MB"
    )
    due = tick(after_s=120, came=[resolved(OutcomeKind.DID_NOT)])
    assert clipped(line.take(due, cost(1.6)), width=500) == (
        "12:02:00 | cpu 10 % | 0 open, 1 resolved, 0 happened | "
        "Brier 0.0100, baseline 0.0400 | own 0.5 % CPU, 71 MB"
    )


def test_what_is_void_is_no_outcome():
    gap = resolved(OutcomeKind.VOID, void=Void.GAP)
    happened = resolved(OutcomeKind.HAPPENED)
    assert "0 open, 1 resolved, 1 happened, 2 void | " in shown(
        LiveLine(), tick(came=[gap, happened, gap])
    )


def test_a_task_keeps_its_place_whenever_it_speaks():
    line = LiveLine()
    found = shown(line, tick(moment("b")), tick(moment("a")), tick(moment("b")))
    assert "| a 10 %  b 10 % |" in found


def test_of_many_entities_the_highest_is_named_as_it_is_now():
    line = LiveLine()
    both = [moment("disk", entity=name, active=(p,)) for name, p in _DISKS.items()]
    assert "| disk /var 99 % |" in shown(line, tick(*both))
    assert "| disk / 3.0 % |" in shown(line, tick(both[0], both[0]))
    assert "| disk 3.0 % |" in shown(line, tick(both[0]))


_DISKS = {"/": 0.03, "/var": 0.987}


def test_without_an_active_release_the_baseline_speaks():
    assert "| cpu 20 % |" in shown(LiveLine(), tick(moment(active=None)))


def test_a_value_is_no_probability():
    values = [moment("io", active=(1.0, 2.5, 9.0), limit=None), moment("cpu")]
    line = LiveLine()
    assert "| cpu 10 %  io 2.5 |" in shown(line, tick(*values))
    assert "| highest: cpu 10 % |" in shown(line, tick(), width=70)
    came = resolved(OutcomeKind.VALUE, active=(1.0,), limit=None)
    assert "Brier" not in shown(line, tick(came=[came]))


def test_a_clock_that_goes_back_is_no_share():
    assert shown(LiveLine(), tick(), tick(after_s=-60)).endswith("| own 71 MB")


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (
            200,
            (
                "12:01:00 | cpu 10 %  disk 90 % | 0 open, 1 resolved, 0 happened | "
                "Brier 0.0100, baseline 0.0400 | own 0.0 % CPU, 71 MB"
            ),
        ),
        (
            110,
            (
                "12:01:00 | highest: disk 90 % | 0 open, 1 resolved, 0 happened | "
                "Brier 0.0100, baseline 0.0400"
            ),
        ),
        (79, "12:01:00 | highest: disk 90 % | 0 open, 1 resolved, 0 happened"),
        (39, "12:01:00 | highest: disk 90 %"),
        (20, "12:01:00 | highes..."),
        (2, ".."),
        (0, ""),
        (-1, ""),
    ],
)
def test_a_narrower_terminal_gets_the_more_important(width, expected):
    line = LiveLine()
    line.take(tick(moment(), moment("disk", active=(0.9,))), cost())
    last = tick(after_s=60, came=[resolved(OutcomeKind.DID_NOT)])
    assert clipped(line.take(last, cost()), width=width) == expected


def test_what_a_terminal_would_obey_is_escaped():
    disks = [moment("disk", entity=name) for name in ("\x1b[2J\n", "b")]
    assert "| disk \\x1b[2J\\n 10 % |" in shown(LiveLine(), tick(*disks))


@given(st.lists(st.text(max_size=300), min_size=1, max_size=5), st.integers(-5, 300))
def test_never_more_than_the_width_and_never_two_lines(line, width):
    found = clipped(line, width=width)
    assert len(found) <= max(0, width)
    assert found.isprintable()
