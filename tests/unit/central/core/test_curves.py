"""Curves: laws of every kind of generated file system."""

import numpy as np
import pytest

from central.core.curves import KINDS, fill_curve

DAYS = 4 * 1440


def curve(kind, seed=0, rows=DAYS, interval_s=60.0):
    return fill_curve(
        kind, rng=np.random.default_rng(seed), rows=rows, interval_s=interval_s
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_stays_a_ratio_and_comes_again_from_its_seed(kind):
    for seed in range(10):
        found = curve(kind, seed)
        assert found.shape == (DAYS,)
        assert found.dtype == np.float32
        assert found.min() >= 0
        assert found.max() <= 1
        assert found.tobytes() == curve(kind, seed).tobytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 2, 17])
def test_every_kind_can_be_short(kind, rows):
    assert curve(kind, rows=rows, interval_s=10.0).shape == (rows,)


def test_a_flat_file_system_never_moves_by_more_than_its_jitter():
    for seed in range(20):
        found = curve("flat", seed)
        assert found.max() - found.min() < 0.01


@pytest.mark.parametrize("kind", ["steady growth", "plateaus", "deletions"])
def test_a_growing_kind_fills_up_sometimes(kind):
    assert any((curve(kind, seed) >= 0.95).any() for seed in range(30))


def test_a_full_file_system_is_cleared_within_half_a_day():
    full = 0
    for seed in range(20):
        is_full = curve("steady growth", seed) >= 0.999
        edges = np.flatnonzero(np.diff(is_full.astype(int), prepend=0, append=0))
        spans = edges[1::2] - edges[::2]
        full += len(spans)
        assert all(span <= 12 * 60 + 60 for span in spans)
    assert full > 0


def test_copies_are_deleted_again():
    for seed in range(10):
        found = curve("copies", seed, rows=1440)
        if found.max() < 1:
            assert found.min() > found[0] - 0.01
