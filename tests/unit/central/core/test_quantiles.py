"""Weighted quantiles: numpy's for equal weights, and gaps passed over."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.core.quantiles import reference, weighted_quantiles

LEVELS = (0.0, 0.25, 0.5, 0.9, 1.0)
values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


@given(values)
def test_equal_weights_give_numpys_quantiles(numbers):
    column = np.array(numbers)
    found = weighted_quantiles(column, weight=np.full(len(column), 3.0), levels=LEVELS)
    assert found == pytest.approx(np.quantile(column, LEVELS), rel=1e-6, abs=1e-6)


@given(values, st.integers(0, 99))
def test_quantiles_rise_and_stay_within(numbers, seed):
    column = np.array(numbers)
    weight = np.random.default_rng(seed).random(len(column)) + 0.01
    found = weighted_quantiles(column, weight=weight, levels=LEVELS)
    assert found == sorted(found)
    assert (found[0], found[-1]) == (column.min(), column.max())


def test_what_weighs_more_moves_the_middle():
    found = weighted_quantiles(
        np.array([0.0, 10.0]), weight=np.array([1.0, 3.0]), levels=(0.5,)
    )
    assert found == [5.0]
    many = weighted_quantiles(
        np.arange(4.0), weight=np.array([1.0, 1.0, 1.0, 97.0]), levels=(0.5,)
    )
    assert many[0] > 2.4


def test_a_reference_has_eleven_quantiles_a_feature_and_none_for_what_was_never_there():
    features = np.array([[0.0, np.nan], [1.0, np.nan], [np.nan, np.nan]], np.float32)
    found = reference(features, weight=np.ones(3))
    assert found[0] == pytest.approx(np.linspace(0, 1, 11), abs=1e-6)
    assert found[1] == [None] * 11
