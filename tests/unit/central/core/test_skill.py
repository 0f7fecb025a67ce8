"""Skill: worked examples, laws and edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.core.skill import (
    alarm_rates,
    average_precision,
    best_threshold,
    calibration_error,
    gain_interval,
    skill,
    skill_interval,
    squared_errors,
)

try:
    from sklearn import metrics as METRICS  # noqa: N812
except ImportError:
    METRICS = None

SAID = np.array([0.1, 0.4, 0.35, 0.8])
CAME = np.array([False, False, True, True])
NOTHING = np.zeros(4, dtype=np.bool_)

moments = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), st.booleans()), min_size=1
).map(lambda rows: (np.array([p for p, _ in rows]), np.array([h for _, h in rows])))


def test_average_precision_of_a_worked_example():
    # scikit-learn's documentation of average_precision_score.
    assert average_precision(SAID, CAME) == pytest.approx(0.8333333)


@pytest.mark.skipif(METRICS is None, reason="scikit-learn is not installed")
@given(moments)
def test_average_precision_is_that_of_scikit_learn(rows):
    said, came = rows
    if came.any():
        theirs = METRICS.average_precision_score(came, said)
        assert average_precision(said, came) == pytest.approx(theirs)


def test_where_nothing_happened_there_is_no_average_precision():
    assert math.isnan(average_precision(SAID, NOTHING))


def test_skill_is_the_share_of_the_loss_that_is_saved():
    mine = squared_errors(SAID, CAME)
    theirs = squared_errors(0.5, CAME)
    assert mine.tolist() == pytest.approx([0.01, 0.16, 0.4225, 0.04])
    assert skill(mine, reference=theirs) == pytest.approx(1 - 0.6325)


def test_a_reference_without_loss_leaves_no_skill():
    assert math.isnan(skill(np.ones(4), reference=np.zeros(4)))


def test_the_interval_holds_the_skill_and_is_seeded():
    rng = np.random.default_rng(1)
    theirs = rng.uniform(0.5, 1.0, 400)
    mine = theirs * rng.uniform(0.4, 0.6, 400)
    blocks = np.arange(400) // 10
    bounds = [
        skill_interval(
            mine, reference=theirs, blocks=blocks, rng=np.random.default_rng(2)
        )
        for _ in range(2)
    ]
    low, high = bounds[0]
    assert bounds[0] == bounds[1]
    assert 0.45 < low < skill(mine, reference=theirs) < high < 0.55


def test_few_blocks_make_a_wide_interval():
    theirs = np.ones(40)
    mine = np.repeat([0.0, 1.0], 20)
    few, many = (
        skill_interval(
            mine, reference=theirs, blocks=blocks, rng=np.random.default_rng(3)
        )
        for blocks in (np.repeat([0, 1], 20), np.arange(40))
    )
    assert few[1] - few[0] > many[1] - many[0]


def test_one_block_drawn_anew_is_no_certainty():
    low, high = skill_interval(
        np.ones(3),
        reference=np.ones(3),
        blocks=np.zeros(3, dtype=np.intp),
        rng=np.random.default_rng(4),
    )
    assert math.isnan(low)
    assert math.isnan(high)


def test_without_a_loss_of_the_reference_there_is_no_interval():
    low, high = skill_interval(
        np.zeros(3),
        reference=np.zeros(3),
        blocks=np.arange(3),
        rng=np.random.default_rng(4),
    )
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize("count", [2, 3, 5, 8, 20])
def test_of_few_blocks_too_the_truth_is_missed_in_one_case_of_twenty(count):
    rng = np.random.default_rng(5)
    missed = 0
    for _ in range(400):
        # Each block has its own luck; a tenth more is lost than by the reference.
        mine, theirs = rng.gamma(2, 0.55, count), rng.gamma(2, 0.5, count)
        low, high = gain_interval(mine, reference=theirs, blocks=np.arange(count))
        missed += not low <= -0.1 <= high
    assert missed / 400 < 0.09


@pytest.mark.skipif(METRICS is None, reason="scipy comes with scikit-learn")
@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 7, 20, 1000])
def test_the_bounds_are_students(freedom):
    from scipy.stats import t  # noqa: PLC0415

    count = freedom + 1
    mine, theirs = np.linspace(1, 2, count), np.ones(count)
    without = (mine.sum() - mine) / freedom
    error = math.sqrt(freedom * np.var(without))
    low, high = gain_interval(mine, reference=theirs, blocks=np.arange(count))
    apart = t.ppf(0.975, freedom) * error / 1.5
    assert math.log((1 - low) / (1 - high)) / 2 == pytest.approx(apart, rel=1e-3)


def test_who_has_no_loss_saves_all_for_sure():
    found = gain_interval(np.zeros(3), reference=np.ones(3), blocks=np.arange(3))
    assert found == (1.0, 1.0)


@pytest.mark.parametrize(
    ("theirs", "blocks"),
    [
        pytest.param([], [], id="no_moment"),
        pytest.param([1.0, 1.0], [0, 0], id="one_block"),
        pytest.param([0.0, 0.0], [0, 1], id="no_loss"),
        pytest.param([1.0, 0.0], [0, 1], id="all_loss_in_one_block"),
    ],
)
def test_where_nothing_can_be_left_out_nothing_is_known(theirs, blocks):
    found = gain_interval(
        np.ones(len(blocks)),
        reference=np.array(theirs),
        blocks=np.array(blocks, dtype=np.intp),
    )
    assert all(math.isnan(bound) for bound in found)


def test_what_comes_as_often_as_said_is_calibrated():
    said = np.array([0.25, 0.25, 0.25, 0.25, 1.0])
    came = np.array([True, False, False, False, True])
    assert calibration_error(said, came) == pytest.approx(0.0)
    assert calibration_error(1 - said, came) == pytest.approx((4 * 0.75 - 1 + 1) / 5)


def test_the_threshold_with_the_best_f1_is_chosen():
    # From 0.35 on: 2 hits of 3 alarms, F1 0.8; from 0.8 on: 1 of 1, F1 0.67.
    assert best_threshold(SAID, CAME) == pytest.approx(0.35)


def test_where_nothing_happened_the_threshold_is_one_half():
    assert best_threshold(SAID, NOTHING) == 0.5


def test_precision_and_recall_at_a_threshold():
    assert alarm_rates(SAID, CAME, threshold=0.4) == (0.5, 0.5)


def test_precision_and_recall_are_undefined_without_alarms_and_events():
    precision, recall = alarm_rates(SAID, NOTHING, threshold=0.9)
    assert math.isnan(precision)
    assert math.isnan(recall)
