"""What a page draws: columns that keep what stood out, and who was there when."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent.core.story import called, curve, tenures, thinned

SPAN_S = (0.0, 1_000.0)
LABELS = {"a" * 64: "v1", "b" * 64: "v2"}
ONE, OTHER = LABELS


def drawn(at_s, values, *, columns=4):
    return curve("v1", at_s=at_s, values=values, span_s=SPAN_S, columns=columns)


def test_few_answers_are_told_one_by_one():
    told = drawn([0, 10, 20], [0.1, 0.3, 0.2])
    assert told.label == "v1"
    assert told.at_s.tolist() == [0, 10, 20]
    assert told.mean.tolist() == told.highest.tolist() == [0.1, 0.3, 0.2]


def test_entities_of_one_instant_are_one_column():
    told = drawn([0, 0, 10], [0.1, 0.5, 0.2])
    assert told.at_s.tolist() == [0, 10]
    assert told.mean.tolist() == [0.3, 0.2]
    assert told.highest.tolist() == [0.5, 0.2]


def test_many_answers_are_the_mean_and_the_highest_of_equal_columns():
    told = drawn([0, 100, 249, 250, 999, 1_000], [1, 2, 9, 4, 5, 7])
    assert told.at_s.tolist() == [125, 375, 625, 875]
    np.testing.assert_array_equal(told.mean, [4, 4, np.nan, 6])
    np.testing.assert_array_equal(told.highest, [9, 4, np.nan, 7])


@given(
    st.lists(st.floats(0, 1_000, width=32), min_size=1, max_size=60).map(sorted),
    st.integers(1, 20),
    st.randoms(use_true_random=False),
)
def test_no_column_hides_what_stood_out(at_s, columns, chance):
    values = [chance.uniform(-5, 5) for _ in at_s]
    told = drawn(at_s, values, columns=columns)
    assert len(told.at_s) <= max(columns, 1)
    assert np.nanmax(told.highest) == max(values)
    said = ~np.isnan(told.mean)
    assert (told.mean[said] <= told.highest[said] + 1e-9).all()


def test_of_many_instants_the_first_of_each_column_is_left():
    assert thinned([900, 10, 20, 260, 251], span_s=SPAN_S, columns=4) == (10, 251, 900)
    assert thinned([], span_s=SPAN_S, columns=4) == ()
    assert thinned([5, 5.5], span_s=(5, 5), columns=2) == (5, 5.5)


def test_who_was_seen_has_the_place_until_another_is():
    seen = [(0, ONE), (10, ONE), (20, OTHER), (30, None), (40, None), (50, ONE)]
    found = tenures("active", seen=seen, ends_s=60, labels=LABELS)
    assert [(t.label, t.begins_s, t.ends_s) for t in found] == [
        ("v1", 0, 20),
        ("v2", 20, 30),
        ("v1", 50, 60),
    ]
    assert {tenure.role for tenure in found} == {"active"}
    assert [tenure.digest for tenure in found] == [ONE, OTHER, ONE]


def test_a_place_that_nobody_had_has_no_tenure():
    assert tenures("shadow", seen=[(0, None)], ends_s=9, labels=LABELS) == ()
    assert tenures("shadow", seen=[], ends_s=9, labels=LABELS) == ()


def test_a_release_is_called_by_its_version_or_else_by_its_digest():
    assert called(OTHER, LABELS) == "v2"
    assert called("baseline", LABELS) == "baseline"
    assert called("c" * 64, LABELS) == "c" * 12
    (unknown,) = tenures("active", seen=[(0, "c" * 64)], ends_s=9, labels=LABELS)
    assert unknown.label == "c" * 12
