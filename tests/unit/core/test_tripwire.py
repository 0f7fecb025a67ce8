"""Tripwires: a model that has died, or lost its measure, is seen before any outcome."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.tripwire import Tripwire

SWING = 0.1
BLOCK = 3
QUIET, MOVING = (0.3, 0.3, 0.39), (0.3, 0.35, 0.4)
DEAD, ALIVE = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5001)


def watched(blocks, *, declared=None, wire=None, first=0):
    """Return what each block tripped over, told at the first instant of the next.

    Args:
        blocks: For each block, what the release said and what its reference said.
        declared: Of the manifest.
        wire: One that has watched before.
        first: Number of the first block.
    """
    wire = Tripwire() if wire is None else wire
    found = []
    for number, (own, reference) in enumerate([*blocks, blocks[-1]], start=first):
        for place, answer in enumerate(zip(own, reference, strict=True)):
            told = wire.watch([answer], block=number, swing=SWING, declared=declared)
            assert told is None or place == 0
            if place == 0 and number > first:
                found.append(told)
            if number - first == len(blocks):
                break
    return found


def test_a_release_that_stands_still_for_four_blocks_while_its_reference_moves():
    found = watched([(DEAD, MOVING)] * 5)
    assert found[:3] == [None, None, None]
    assert (
        found[3]
        == found[4]
        == ("it answered 0.5 and nothing else over 4 blocks, while its reference moved")
    )


def test_where_nothing_happens_a_release_may_be_silent():
    assert watched([(DEAD, QUIET)] * 20) == [None] * 20


def test_a_release_that_moves_by_ever_so_little_is_not_dead():
    assert watched([(ALIVE, MOVING)] * 20) == [None] * 20


@pytest.mark.parametrize("between", [(ALIVE, MOVING), (DEAD, QUIET)])
def test_a_block_in_which_nothing_can_be_said_begins_the_count_anew(between):
    three = [(DEAD, MOVING)] * 3
    assert watched([*three, between, *three]) == [None] * 7
    assert watched([*three, between, *three, three[0]])[-1] is not None


def test_a_release_that_steps_from_one_number_to_another_is_not_dead():
    steps = [((level,) * BLOCK, MOVING) for level in (0.5, 0.5, 0.5, 0.7) * 5]
    assert watched(steps) == [None] * 20


def test_at_another_number_the_first_still_block_counts_as_one():
    low, high = ((0.5,) * BLOCK, MOVING), ((0.7,) * BLOCK, MOVING)
    found = watched([low] * 3 + [high] * 4)
    assert found[:6] == [None] * 6
    assert found[6] == (
        "it answered 0.7 and nothing else over 4 blocks, while its reference moved"
    )


def test_a_release_that_stands_still_at_zero_is_as_dead_as_another():
    found = watched([((0.0,) * BLOCK, MOVING)] * 4)
    assert found[:3] == [None] * 3
    assert found[3] is not None


def test_a_reference_moves_from_the_swing_on():
    just = (0.0, 0.05, SWING)
    assert watched([(DEAD, just)] * 4)[-1] is not None
    less = (0.0, 0.05, SWING - 0.001)
    assert watched([(DEAD, less)] * 4)[-1] is None


@pytest.mark.parametrize(
    ("declared", "is_wrong"),
    [((0.0, 0.3), True), ((0.4, 0.5), False), ((0.5, 1.0), False), ((0.6, 1.0), True)],
)
def test_a_mean_outside_of_what_is_declared_is_told_after_one_block(declared, is_wrong):
    (found,) = watched([((0.25, 0.5, 0.75), QUIET)], declared=declared)
    low, high = declared
    told = (
        "its mean answer over a block was 0.5, the manifest declares "
        f"{low:g} to {high:g}"
    )
    assert found == (told if is_wrong else None)


def test_only_the_mean_of_a_whole_block_counts():
    extremes = ((0.0, 1.0, 0.5), QUIET)
    assert watched([extremes] * 3, declared=(0.4, 0.6)) == [None] * 3


def test_entities_of_one_instant_are_watched_together():
    wire = Tripwire()
    said = [(0.5, 0.1), (0.5, 0.9)]  # the reference tells the entities apart
    found = [wire.watch(said, block=block, swing=SWING) for block in range(5)]
    assert found[:4] == [None] * 4
    assert found[4] is not None
    alive = Tripwire()
    apart = [(0.4, 0.1), (0.6, 0.9)]
    assert not any(alive.watch(apart, block=n, swing=SWING) for n in range(9))


def test_before_anything_was_said_nothing_is_wrong():
    wire = Tripwire()
    declared = (0.0, 0.1)
    assert wire.watch([], block=0, swing=SWING, declared=declared) is None
    assert wire.watch([(0.5, 0.5)], block=7, swing=SWING, declared=declared) is None
    told = wire.watch([(0.5, 0.5)], block=8, swing=SWING, declared=declared)
    assert told is not None


ANSWERS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 1.0]),
        st.sampled_from([0.0, 0.05, 0.5]),
        st.booleans(),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=100)
@given(ANSWERS, st.integers(0, 60))
def test_a_restart_in_the_middle_changes_nothing(answers, cut):
    whole, other, block = Tripwire(), Tripwire(), 0
    for place, (own, reference, is_new) in enumerate(answers):
        if place == cut:
            written = msgspec.json.encode(other)
            other = msgspec.json.decode(written, type=Tripwire)
        block += is_new
        found = [
            wire.watch(
                [(own, reference)], block=block, swing=SWING, declared=(0.2, 0.8)
            )
            for wire in (whole, other)
        ]
        assert found[0] == found[1]
    assert other == whole
