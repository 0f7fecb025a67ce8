"""Attribution: what each feature did to a score."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.attribution import (
    LEAST_KNOWN,
    Driver,
    drivers,
    substituted,
    usual_values,
)

NAN = math.nan
finite = st.floats(-3, 3, width=32)


def vector(*values):
    return np.array(values, dtype=np.float32)


def known(*columns):
    return np.array(columns, dtype=np.float32).T


def sigmoid(logits):
    return (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)


# --- what is usual


def test_the_usual_value_is_the_median():
    usual = usual_values(known([1.0] * 11 + [9.0] * 10, range(21)))
    assert usual.tolist() == [1.0, 10.0]


def test_a_gap_is_no_value():
    column = [*range(21), *[NAN] * 30]
    assert usual_values(known(column)).tolist() == [10.0]


def test_where_too_few_are_known_the_training_tells():
    few = known([1.0] * (LEAST_KNOWN - 1), [NAN] * (LEAST_KNOWN - 1))
    usual = usual_values(few, reference=[(0.0, 7.0, 9.0), (0.0, 4.0, 6.0, 9.0)])
    assert usual.tolist() == [7.0, 5.0]


def test_enough_known_values_come_before_the_training():
    usual = usual_values(known([1.0] * LEAST_KNOWN), reference=[(0.0, 7.0, 9.0)])
    assert usual.tolist() == [1.0]


@pytest.mark.parametrize(
    "reference", [[], [(None, None, None)], [(0.0, None, 1.0)], [(1.0, None)], [()]]
)
def test_where_nothing_tells_no_value_is_usual(reference):
    assert np.isnan(usual_values(known([1.0]), reference=reference)).all()


# --- the rows


def test_each_row_has_one_feature_at_its_usual_value():
    rows = substituted(vector(1, 2, 3), usual=vector(10, NAN, 30))
    assert rows.tolist() == [[1, 2, 3], [10, 2, 3], [1, 2, 3], [1, 2, 30]]
    assert rows.dtype == np.float32


def test_a_gap_is_filled_with_the_usual_value():
    rows = substituted(vector(NAN), usual=vector(5))
    assert np.isnan(rows[0, 0])
    assert rows[1, 0] == 5


# --- the effects


def test_the_effects_of_a_linear_model_are_its_terms():
    """By hand: 2 * (3 - 1) = 4 and -1 * (5 - 2) = -3."""
    features, usual = vector(3, 5), vector(1, 2)
    scores = substituted(features, usual=usual) @ vector(2, -1)
    found = drivers(features, usual=usual, scores=scores, is_probability=False)
    assert found == [
        Driver(place=0, value=3, usual=1, effect=4),
        Driver(place=1, value=5, usual=2, effect=-3),
    ]


@given(st.lists(finite, min_size=3, max_size=3), st.lists(finite, min_size=3))
def test_the_effects_of_a_logistic_model_are_its_terms_in_log_odds(values, others):
    features, usual = vector(*values), vector(*others[:3])
    weights = vector(0.5, -0.25, 1)
    scores = sigmoid(substituted(features, usual=usual) @ weights)
    terms = weights * (features - usual)
    found = drivers(features, usual=usual, scores=scores, is_probability=True)
    for each in found:
        assert each.effect == pytest.approx(terms[each.place], abs=1e-3)
    sizes = [abs(each.effect) for each in found]
    assert sizes == sorted(sizes, reverse=True)


def test_only_the_strongest_are_told():
    features, usual = np.arange(9, dtype=np.float32), np.zeros(9, dtype=np.float32)
    scores = substituted(features, usual=usual).sum(axis=1)
    found = drivers(features, usual=usual, scores=scores, is_probability=False, most=3)
    assert [each.place for each in found] == [8, 7, 6]


def test_what_did_nothing_or_has_no_usual_value_is_left_out():
    features, usual = vector(1, 2, 3), vector(1, NAN, 0)
    scores = vector(7, 7, 5, 6)
    found = drivers(features, usual=usual, scores=scores, is_probability=False)
    assert [each.place for each in found] == [2]


def test_a_certain_probability_has_finite_log_odds():
    found = drivers(
        vector(1), usual=vector(0), scores=vector(1, 0), is_probability=True
    )
    assert found[0].effect == pytest.approx(2 * math.log(2**24 - 1))
