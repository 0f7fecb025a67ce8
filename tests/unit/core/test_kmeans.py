"""k-means over recent changes: what a host never did before is strange."""

import numpy as np
import pytest

from agent.core import kmeans
from agent.core.kmeans import strangeness

DAY = 1440


def usual(minutes=2 * DAY, seed=3):
    generator = np.random.default_rng(seed)
    return 0.3 + 0.02 * generator.normal(size=minutes)


def test_before_there_is_a_model_nothing_is_known():
    scores = strangeness(usual(), interval_s=60.0)
    assert np.isnan(scores[:180]).all()
    assert not np.isnan(scores[180:]).any()


def test_what_was_usual_is_within_what_was_learnt_and_a_jump_is_beyond_it():
    values = usual()
    values[2000] = 5.0
    scores = strangeness(values, interval_s=60.0)
    assert np.median(scores[200:2000]) < 0.5
    assert scores[2000] > 3
    assert scores[2100] < 1


def test_a_score_depends_on_the_past_only():
    values = usual()
    scores = strangeness(values, interval_s=60.0)
    cut = strangeness(values[:1500], interval_s=60.0)
    np.testing.assert_array_equal(scores[:1500], cut)


def test_a_gap_is_not_known_nor_is_what_follows_it_for_as_long_as_is_looked_back():
    values = usual()
    values[1000] = np.nan
    scores = strangeness(values, interval_s=60.0)
    assert np.isnan(scores[1000:1009]).all()
    assert not np.isnan(scores[1009:]).any()


def test_samples_closer_than_a_minute_are_taken_by_the_minute():
    values = np.repeat(usual(600), 6)
    scores = strangeness(values, interval_s=10.0)
    by_minute = strangeness(usual(600), interval_s=60.0)
    # A minute is known with its last sample and stands until the next one is.
    np.testing.assert_allclose(scores[5::6], by_minute)
    np.testing.assert_array_equal(scores[10::6], scores[5:-1:6])
    assert len(scores) == len(values)
    assert np.isnan(scores[:5]).all()


@pytest.mark.parametrize("length", [0, 1, 5, 8, 200, 1441])
def test_there_is_a_score_for_every_point(length):
    assert len(strangeness(usual(length), interval_s=60.0)) == length
    assert len(strangeness(usual(length), interval_s=10.0)) == length


def test_coarse_samples_are_taken_as_they_are():
    scores = strangeness(usual(800), interval_s=300.0)
    assert np.isnan(scores[:36]).all()
    assert np.isfinite(scores[108:]).all()


def test_a_series_that_never_moved_finds_any_move_strange():
    values = np.full(1000, 0.5)
    values[900] = 0.6
    scores = strangeness(values, interval_s=60.0)
    assert set(scores[200:900].tolist()) == {0.0}
    assert scores[900] > 0


def test_a_past_full_of_gaps_teaches_nothing():
    values = usual(1000)
    values[::4] = np.nan
    assert np.isnan(strangeness(values, interval_s=60.0)).all()


def test_the_rounds_are_bounded(monkeypatch):
    monkeypatch.setattr(kmeans, "_ROUNDS", 1)
    assert np.isfinite(strangeness(usual(400), interval_s=60.0)[200:]).all()
