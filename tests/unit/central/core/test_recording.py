"""Recordings: levels, and curves put at a limit."""

import numpy as np
import pytest

from central.core.recording import levels, restarts, shifted


def test_levels_are_exceeded_for_the_shares_of_the_known_past_only():
    curve = np.concatenate([np.linspace(0, 1, 101), np.full(100, 9.0)])
    found = levels(curve.astype(np.float32), shares=(0.1, 0.5), past=0.5)
    assert found == pytest.approx([0.505, 0.905], abs=0.011)


def test_equal_levels_are_one():
    assert levels(np.zeros(10, dtype=np.float32), shares=(0.1, 0.2), past=1.0) == [
        0.005
    ]


def test_gaps_have_no_level():
    curve = np.array([np.nan, 0.5, 0.5], dtype=np.float32)
    assert levels(curve, shares=(0.5,), past=1.0) == [0.505]


def test_a_level_is_put_at_the_limit_and_the_rest_stretched_around_it():
    curve = np.array([0.3, 0.5, 0.7], dtype=np.float32)
    found = shifted(curve, level=0.5, limit=0.9, scale=0.5)
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx([0.8, 0.9, 1.0])


def test_an_agent_that_is_restarted_again_and_again_lives_lives_of_all_lengths():
    starts = restarts(20_000, longest=360, rng=np.random.default_rng(0))
    lives = np.diff([0, *sorted(starts)])
    assert lives.min() == 1
    assert 300 < lives.max() <= 360
    assert np.mean(lives < 19) == pytest.approx(0.5, abs=0.05)
    assert max(starts) < 20_000
