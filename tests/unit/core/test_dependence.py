"""Dependence: how many blocks say the same thing, pooled in any order."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.dependence import Dependence, Pool

DAY = 240
X = st.floats(-1.1, 1.0)


def measured(values, *, base=20, ticks_per_day=DAY):
    dependence = Dependence(base=base, ticks_per_day=ticks_per_day)
    for t, x in enumerate(values):
        dependence.add(t, x)
    return dependence


def noise(days, *, together, seed=1):
    """Ticks of `days` days; `together` ticks in a row share one number."""
    generator = np.random.default_rng(seed)
    numbers = generator.standard_normal(days * DAY // together) / 10
    return np.repeat(numbers, together).tolist()


def test_the_ratio_by_hand():
    # Two ticks a block, four a day; blocks 1, 1 | 2, 2 | 3, 3 ... of ten days: blocks
    # vary as the days do, days twice as far: 4 * 55/6 / (2 * 165/19 / ...) by hand:
    # day sums 2, 4 .. 20 have variance 36 2/3, block sums 1, 1, 2, 2 .. 165 / 19.
    values = [day / 2 for day in range(1, 11) for _ in range(4)]
    dependence = measured([*values, 0.0], base=2, ticks_per_day=4)
    assert dependence.ratio(0) == pytest.approx((330 / 9) / (2 * 165 / 19))
    assert dependence.pool().days.value() * 1e-18 == pytest.approx(330 / 9)


def test_independent_blocks_have_a_ratio_of_one():
    dependence = measured(noise(300, together=1))
    assert dependence.ratio(0) == pytest.approx(1.0, abs=0.25)
    assert dependence.best() == 20


def test_blocks_shorter_than_the_disagreement_are_doubled():
    dependence = measured(noise(300, together=120))
    # Six blocks of 20 in a row say one thing, three of 40, one and a half of 80.
    assert [round(dependence.ratio(level)) for level in range(2)] == [6, 3]
    assert dependence.best() == 40
    assert dependence.best(limit=1.9) == 80


def test_the_longest_block_is_the_last_word():
    assert measured(noise(30, together=120)).best(limit=0.0) == 160


def test_the_first_block_of_which_nothing_is_known_is_taken():
    # Ten days have ten blocks of 160 ticks: fewer than twenty.
    dependence = measured([*noise(10, together=120), 0.0])
    assert dependence.ratio(3) is None
    assert dependence.best(limit=0.0) == 160


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([], id="nothing"),
        pytest.param(noise(5, together=1), id="the_fifth_day_is_not_over"),
        pytest.param([0.1] * DAY * 9, id="never_different"),
    ],
)
def test_without_enough_data_the_shortest_block_is_taken(values):
    dependence = measured(values)
    assert dependence.ratio(0) is None
    assert dependence.best() == 20


def test_five_full_days_are_enough():
    assert measured([*noise(5, together=1), 0.0]).ratio(0) is not None


def test_a_day_with_gaps_counts_neither_itself_nor_its_blocks():
    gaps = Dependence(base=20, ticks_per_day=DAY)
    for t, x in enumerate([*noise(8, together=1), 0.0]):
        if not DAY <= t < DAY + 40:
            gaps.add(t, x)
    pool = gaps.pool()
    assert (pool.days.count, pool.blocks[0].count) == (7, 7 * 12)


def test_a_pause_of_days_closes_what_was_open():
    dependence = Dependence(base=20, ticks_per_day=DAY)
    for t in range(DAY):
        dependence.add(t, 0.1)
    dependence.add(9 * DAY + 3, 0.1)
    assert dependence.pool().days.count == 1


def test_the_rest_of_a_day_that_is_no_whole_block_counts_for_the_day_alone():
    dependence = measured([1.0] * 10 + [5.0], base=4, ticks_per_day=10)
    pool = dependence.pool()
    assert len(pool.blocks) == 2
    assert [block.count for block in pool.blocks] == [2, 1]
    assert dependence._state.days.total == 10 * 10**9


@settings(max_examples=30, deadline=None)
@given(st.lists(X, max_size=90), st.integers(0, 90))
def test_a_restart_changes_nothing(values, at):
    steady = measured(values, base=2, ticks_per_day=8)
    restarted = measured(values[:at], base=2, ticks_per_day=8)
    restarted = Dependence.load(restarted.state())
    for t, x in list(enumerate(values))[at:]:
        restarted.add(t, x)
    assert restarted.state() == steady.state()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(X, max_size=60), min_size=3, max_size=3))
def test_hosts_are_pooled_in_any_order(hosts):
    one, two, three = (measured(xs, base=2, ticks_per_day=8).pool() for xs in hosts)
    pooled = one.merged(two).merged(three)
    assert pooled == three.merged(one.merged(two)) == two.merged(three).merged(one)
    assert msgspec.json.decode(msgspec.json.encode(pooled), type=Pool) == pooled


def test_what_only_differs_between_hosts_is_no_dependence():
    calm, loud = noise(60, together=1, seed=2), noise(60, together=1, seed=3)
    pooled = measured(calm).pool().merged(measured([x + 0.5 for x in loud]).pool())
    assert pooled.ratio(0) == pytest.approx(1.0, abs=0.4)


def test_pools_of_other_blocks_do_not_mix():
    with pytest.raises(ValueError, match="pool: expected blocks of 20 in 240 ticks"):
        measured([]).pool().merged(measured([], base=10).pool())


@pytest.mark.parametrize("base", [0, 241])
def test_a_block_that_fits_in_no_day_is_refused(base):
    with pytest.raises(ValueError, match=f"base: expected 1 to 240 ticks, got {base}"):
        Dependence(base=base, ticks_per_day=DAY)


def test_time_does_not_go_backwards():
    dependence = measured([0.1, 0.2])
    with pytest.raises(ValueError, match="tick: expected after 1, got 1"):
        dependence.add(1, 0.3)


def test_memory_does_not_grow():
    assert len(measured(noise(60, together=1)).state()) < 1000
