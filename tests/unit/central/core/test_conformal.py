"""Conformal shifts: quantiles that were off elsewhere are put where they belong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.core.conformal import shifts

LEVELS = (0.1, 0.5, 0.9)


def hosts(*sizes):
    return np.repeat(np.arange(len(sizes)), sizes)


def test_a_band_that_is_too_narrow_is_widened_on_each_side_by_what_it_was_off():
    came = np.linspace(-1, 3, 401)
    said = np.tile([-0.5, 0.0, 0.5], (401, 1))
    low, middle, high = shifts(said, came=came, host=hosts(401), levels=LEVELS)
    assert low == pytest.approx(-0.6 + 0.5)
    assert high == pytest.approx(2.6 - 0.5)
    assert middle == 0.0


def test_a_band_that_is_too_wide_is_narrowed():
    came = np.linspace(-1, 1, 201)
    said = np.tile([-5.0, 0.0, 5.0], (201, 1))
    low, _, high = shifts(said, came=came, host=hosts(201), levels=LEVELS)
    assert low == pytest.approx(4.2)
    assert high == pytest.approx(-4.2)


def test_a_host_with_more_moments_has_no_more_to_say():
    came = np.concatenate([np.zeros(1000), np.full(10, 4.0)])
    said = np.zeros((1010, 3))
    _, _, high = shifts(said, came=came, host=hosts(1000, 10), levels=LEVELS)
    assert high == pytest.approx(4.0)


@given(
    st.lists(st.floats(-100, 100), min_size=50, max_size=200),
    st.integers(0, 99),
)
def test_shifted_levels_have_their_share_below(outcomes, seed):
    came = np.array(outcomes)
    said = np.random.default_rng(seed).normal(size=(len(came), 3))
    moved = said + shifts(said, came=came, host=hosts(len(came)), levels=LEVELS)
    slack = 2 / len(came)
    below = (came[:, np.newaxis] < moved - 1e-9).mean(axis=0)
    upto = (came[:, np.newaxis] <= moved + 1e-9).mean(axis=0)
    for place in (0, 2):
        assert below[place] - slack <= LEVELS[place] <= upto[place] + slack


def test_nobody_left_out_says_nothing():
    with pytest.raises(ValueError, match="expected rows of hosts left out, got none"):
        shifts(np.empty((0, 3)), came=np.empty(0), host=hosts(), levels=LEVELS)
