"""Effective: what moments of one host are worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.effective import effective_rows
from tests.fakes.autoregressive import autoregressive


def found_of(values):
    return effective_rows(np.asarray(values, dtype=float), at=np.arange(len(values)))


@pytest.mark.parametrize(
    ("coefficient", "least", "most"),
    [(0.0, 0.8, 1.0), (0.5, 0.22, 0.36), (0.9, 0.03, 0.06), (0.98, 0.003, 0.012)],
)
def test_it_is_about_that_of_the_process(coefficient, least, most):
    # (1 - rho) / (1 + rho) of them: 1, 0.33, 0.053, 0.010; rather less than more.
    series = autoregressive(4_000, 20, coefficient=coefficient, seed=3)
    shares = [found_of(column) / 4_000 for column in series.T]
    assert least <= np.mean(shares) <= most


@pytest.mark.parametrize(
    "values", [[], [1.0], [1.0, 2.0], [3.0] * 100, [0.0] * 99 + [1.0], range(100)]
)
def test_a_series_that_hardly_moves_tells_as_much_as_one_moment(values):
    if len(values):
        assert found_of(values) == 1


def test_entities_that_move_together_count_once():
    series = np.repeat(autoregressive(500, 1, coefficient=0.0, seed=4)[:, 0], 10)
    at = np.repeat(np.arange(500), 10)
    assert 300 < effective_rows(series, at=at) <= 500


def test_entities_that_move_apart_count_each():
    series = autoregressive(5_000, 1, coefficient=0.0, seed=5)[:, 0]
    assert 3_000 < effective_rows(series, at=np.repeat(np.arange(500), 10)) <= 5_000


def test_all_in_one_instant_tell_as_much_as_one():
    series = autoregressive(100, 1, coefficient=0.0, seed=6)[:, 0]
    assert effective_rows(series, at=np.zeros(100)) == 1


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_it_is_never_less_than_one_nor_more_than_there_are(values):
    assert 1 <= found_of(values) <= len(values)
