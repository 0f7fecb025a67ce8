"""Numbers of reports: each comes once, and what has not come is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.core.numbering import MAX_HOLES, MAX_SKIP, Numbering


def after(*sequences):
    numbering = Numbering()
    for sequence in sequences:
        numbering = numbering.taken(sequence)
    return numbering


@pytest.mark.parametrize(
    ("sequences", "through", "holes"),
    [
        pytest.param([], 0, (), id="none"),
        pytest.param([1, 2, 3], 3, (), id="in_order"),
        pytest.param([4], 4, ((1, 3),), id="the_first_is_late"),
        pytest.param([1, 5, 2], 5, ((3, 4),), id="the_low_end_comes"),
        pytest.param([1, 5, 4], 5, ((2, 3),), id="the_high_end_comes"),
        pytest.param([1, 5, 3], 5, ((2, 2), (4, 4)), id="the_middle_comes"),
        pytest.param([1, 3, 2], 3, (), id="all_of_it_comes"),
        pytest.param([1, 3, 5, 4], 5, ((2, 2),), id="one_of_two"),
        pytest.param([1, 3, 3, 1], 3, ((2, 2),), id="what_was_there_comes_again"),
    ],
)
def test_holes_are_what_has_not_come(sequences, through, holes):
    assert after(*sequences) == Numbering(through=through, holes=holes)


@given(st.permutations(range(1, 12)), st.integers(0, 11))
def test_in_any_order_what_came_is_closed_and_the_rest_is_open(order, count):
    come = set(order[:count])
    numbering = after(*order[:count])
    assert numbering.through == max(come, default=0)
    assert [n for n in range(1, 13) if numbering.is_open(n)] == [
        n for n in range(1, 13) if n not in come
    ]


@given(st.lists(st.integers(1, 30), unique=True))
def test_the_order_does_not_matter(sequences):
    assert after(*sequences) == after(*sorted(sequences))


def test_of_too_many_holes_the_oldest_is_closed():
    numbering = after(*range(2, 2 * MAX_HOLES + 4, 2))
    assert len(numbering.holes) == MAX_HOLES
    assert not numbering.is_open(1)
    assert numbering.is_open(3)
    assert not numbering.taken(1).is_open(1)


@pytest.mark.parametrize("through", [0, 7])
def test_a_number_that_no_host_can_have_come_to_is_too_far(through):
    numbering = Numbering(through=through)
    assert numbering.highest == through + MAX_SKIP
    assert not numbering.is_too_far(through + MAX_SKIP)
    assert numbering.is_too_far(through + MAX_SKIP + 1)
