"""Pooling: which rows are counted, when, and for whom."""

from datetime import timedelta

import msgspec
import pytest

from agent.core.envelope import TrialReport
from central.core.autopilot import Course, counted, first_block
from tests.fakes.plans import EVERY_S, HOUR, START, TICKS, block_of, row_of

FIRST = block_of(START)
NEW = "a" * 64
TERMS = {"grace": 2 * HOUR, "alpha": 0.01}


def course(**changes):
    known = {"version": 2, "digest": NEW, "before": "", "rings": (1, 100)}
    return Course(**{**known, "began_at": START, **changes})


def trial(host="x", block=FIRST, *, ticks=TICKS, every_s=EVERY_S, row=None, **seen):
    return TrialReport(
        task="cpu",
        digest=NEW,
        ticks=ticks,
        score_every_s=every_s,
        row=row or row_of(host, seen.pop("version", 2), block, **seen),
    )


def count(known, trials, *, now, on_trial=(), clusters=None):
    return counted(
        known,
        pace=(TICKS, EVERY_S),
        trials=trials,
        on_trial=on_trial,
        clusters=clusters or {},
        now=now,
        **TERMS,
    )


def test_without_a_row_there_is_no_evidence():
    assert count(course(), [], now=START + 9 * HOUR) == course()
    waiting = course(began_at=None)
    assert count(waiting, [trial()], now=START + 9 * HOUR) == waiting
    assert first_block(course()) == -1


def test_a_block_is_counted_a_while_after_its_end():
    known = count(course(), [trial()], now=START + 3 * HOUR - timedelta(seconds=1))
    assert (known.guard.harm.blocks, first_block(known)) == (0, FIRST - 1)
    known = count(known, [trial()], now=START + 3 * HOUR)
    assert (known.guard.harm.blocks, first_block(known)) == (1, FIRST)
    assert (known.guard.episodes, known.block_s) == (1, 3600.0)
    assert known.guard.day_blocks == 24


def test_rows_that_come_late_or_are_from_before_never_count():
    early = [trial(block=FIRST - 1), trial(block=FIRST + 1)]
    known = count(course(), early, now=START + 4 * HOUR)
    assert (known.guard.episodes, known.guard.harm.blocks) == (1, 2)
    later = count(known, [trial(), trial(block=FIRST + 2)], now=START + 5 * HOUR)
    assert (later.guard.episodes, later.guard.harm.blocks) == (2, 3)


def test_counting_changes_nothing_that_is_remembered():
    known = count(course(), [trial()], now=START + 3 * HOUR)
    before = msgspec.json.encode(known)
    count(known, [trial(block=FIRST + 1, excess=0.1)], now=START + 9 * HOUR)
    assert msgspec.json.encode(known) == before


def test_looking_often_or_once_counts_the_same():
    rows = [
        trial(host, FIRST + hour, excess=0.01 * hour, merit=0.01)
        for hour in range(6)
        for host in "xyz"
    ]
    once = count(course(), rows, now=START + 8 * HOUR)
    often = course()
    for hour in range(9):
        often = count(often, rows, now=START + hour * HOUR)
    assert often == once


def test_hosts_that_are_hit_together_are_one_cluster():
    rows = [trial(host, excess=0.05) for host in "xyz"]
    alone = count(course(), rows, now=START + 3 * HOUR)
    apart = {"x": "1", "y": "2", "z": "3"}
    spread = count(course(), rows, now=START + 3 * HOUR, clusters=apart)
    together = count(
        course(), rows, now=START + 3 * HOUR, clusters=dict.fromkeys("xyz", "rack")
    )
    assert alone.guard == together.guard
    assert spread.guard.evidence() > alone.guard.evidence()


def test_a_host_on_trial_that_is_silent_counts_as_having_seen_nothing():
    rows = [trial("x", excess=0.05)]
    heard = count(course(), rows, now=START + 3 * HOUR)
    silent = count(course(), rows, now=START + 3 * HOUR, on_trial=["x", "y", "z"])
    assert 1 < silent.guard.evidence() < heard.guard.evidence()


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(trial("odd", every_s=30.0), id="another_pace"),
        pytest.param(trial("odd", ticks=30, every_s=120.0), id="another_count"),
        pytest.param(trial("odd", version=3), id="another_version"),
        pytest.param(trial("odd", excess=2.0), id="impossible"),
    ],
)
def test_rows_that_do_not_fit_are_left_out(odd):
    rows = [trial("x"), trial("y")]
    known = count(course(), [*rows, odd], now=START + 3 * HOUR)
    assert known.guard == count(course(), rows, now=START + 3 * HOUR).guard


def test_the_manifest_sets_the_pace_and_not_who_tells_first():
    odd = trial("odd", every_s=30.0)
    known = count(course(), [odd], now=START + 3 * HOUR)
    assert (known.guard, known.strays) == (None, 1)
    known = count(known, [trial("x")], now=START + 3 * HOUR)
    assert (known.block_s, known.guard.harm.blocks, known.strays) == (3600.0, 1, 1)


def test_a_clock_that_was_ahead_for_once_counts_nothing_away():
    known = count(course(), [trial()], now=START + 3 * HOUR)
    known = count(known, [], now=START + 20 * 24 * HOUR)
    assert first_block(known) == FIRST
    rows = [trial("x", FIRST + n, excess=0.2) for n in range(1, 9)]
    assert count(known, rows, now=START + 11 * HOUR).guard.halted()


def test_what_a_host_saw_in_the_shadow_and_then_at_work_is_one_row():
    half = trial("x", excess=0.02)
    known = count(course(), [half, half], now=START + 3 * HOUR)
    whole = count(course(), [trial("x", excess=0.04)], now=START + 3 * HOUR)
    assert known.guard.harm == whole.guard.harm
    assert known.guard.episodes == 2


def test_a_halt_is_for_good():
    rows = [trial("x", FIRST + n, excess=0.2) for n in range(9)]
    known = count(course(), rows, now=START + 11 * HOUR)
    assert known.guard.halted()
    assert known.guard.harm.blocks < 9
    assert count(known, rows, now=START + 12 * HOUR).guard.halted()


def test_values_need_no_episodes():
    known = count(course(has_events=False), [trial()], now=START + 3 * HOUR)
    assert known.guard.least_episodes == 0
