"""Whereabouts: which place a release has on each host."""

from datetime import UTC, datetime

import pytest

from agent.core.envelope import LineUpReport, Placed, ToldEvent
from agent.core.event import EventName
from agent.core.release import ReleaseState
from central.core.whereabouts import Place, ended, whereabouts

MINE, OTHER = "a" * 64, "b" * 64
AT = datetime(2026, 3, 2, tzinfo=UTC)


def placed(digest, state):
    return Placed(digest=digest, version=1, state=state)


def line_up(slot, digest=MINE, *, state="shadow", confirmed=None):
    place = {slot: placed(digest, ReleaseState(state))}
    return LineUpReport(task="cpu", confirmed_running=confirmed, **place)


def told(host, name=EventName.RELEASE_ROLLED_BACK, **fields):
    fields = {"digest": MINE[:12], **fields}
    return host, ToldEvent(id=1, at=AT, name=name, fields=fields)


@pytest.mark.parametrize(
    ("row", "place"),
    [
        (line_up("active", confirmed=MINE), Place.CONFIRMED),
        (line_up("active"), Place.PROBATION),
        (line_up("active", confirmed=OTHER), Place.PROBATION),
        (line_up("shadow"), Place.SHADOW),
        (line_up("standby"), Place.STANDBY),
        (line_up("active", OTHER, confirmed=OTHER), None),
        (line_up("shadow", OTHER), None),
        (line_up("standby", OTHER), None),
        (LineUpReport(task="cpu"), None),
    ],
)
def test_a_host_counts_as_updated_only_when_it_says_so_itself(row, place):
    found = whereabouts(MINE, line_ups={"x": (row,), "y": ()}, told=())
    assert {each for each, hosts in found.items() if hosts} == {place} - {None}


def test_a_release_that_was_taken_off_is_rolled_back_until_it_is_there_again():
    rows = {"x": (line_up("active", OTHER),), "y": (line_up("active"),)}
    seen = [told("x"), told("y"), told("z", EventName.RELEASE_REJECTED)]
    found = whereabouts(MINE, line_ups=rows, told=seen)
    assert found[Place.ROLLED_BACK] == {"x", "z"}
    assert found[Place.PROBATION] == {"y"}


def test_whose_guard_it_was_is_told_apart_from_an_operator():
    seen = [
        told("x"),
        told("y", by="ann"),
        told("z", digest=MINE),
        told("v", digest=OTHER[:12]),
        told("w", EventName.RELEASE_CONFIRMED),
    ]
    assert ended(MINE, told=seen, is_own=True) == {"x", "z"}
    assert ended(MINE, told=seen, is_own=False) == {"x", "y", "z"}
