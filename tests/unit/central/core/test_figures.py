"""Figures: a worked example, and silence where nothing happened."""

import numpy as np
import pytest

from central.core.figures import Trial, figures


def trial(probability, baseline, happened):
    count = len(happened)
    return Trial(
        probability=np.array(probability),
        baseline=np.array(baseline),
        happened=np.array(happened, dtype=np.bool_),
        event=np.arange(count) // 2,
        block=np.arange(count) + 7,
    )


def found(*columns, threshold=0.5):
    return figures(trial(*columns), threshold=threshold, rng=np.random.default_rng(0))


def test_a_worked_example():
    got = found([0.9, 0.8, 0.1, 0.6], [0.5] * 4, [True, True, False, False])
    assert (got.rows, got.happened, got.events) == (4, 2, 1)
    assert got.auprc == 1.0
    assert got.baseline_auprc == 0.5
    assert got.brier_skill == pytest.approx(1 - 0.42)
    assert got.baseline_brier_skill == 0.0
    assert got.gain == pytest.approx(1 - 0.42)
    assert got.precision == pytest.approx(0.6667)
    assert got.recall == 1.0
    assert got.baseline_calibration_error == 0.0
    assert got.document()["skill_against_baseline"] == got.gain


def test_better_and_worse_are_said_only_where_they_were_shown():
    came = [True, False] * 20
    good, middling = [0.9, 0.1] * 20, [0.6, 0.4] * 20
    better, worse = found(good, middling, came), found(middling, good, came)
    alike = found(good, good, came)
    assert [better.is_better, better.is_worse] == [True, False]
    assert [worse.is_better, worse.is_worse] == [False, True]
    assert [alike.is_better, alike.is_worse] == [False, False]


def test_nothing_is_said_where_nothing_happened():
    got = found([0.1, 0.2], [0.1, 0.1], [False, False])
    assert got.rows == 2
    assert got.auprc is None
    assert not got.is_better
    assert not got.is_worse


def test_a_figure_that_is_undefined_is_none():
    got = found([0.1, 0.2], [0.1, 0.1], [True, False], threshold=0.9)
    assert got.precision is None


def test_some_moments_can_be_taken_out():
    whole = trial([0.1, 0.9], [0.2, 0.2], [False, True])
    part = whole.at(np.array([False, True]))
    assert part.probability.tolist() == [0.9]
    assert part.baseline.tolist() == [0.2]
    assert part.happened.tolist() == [True]
    assert part.event.tolist() == [0]
    assert part.block.tolist() == [8]
