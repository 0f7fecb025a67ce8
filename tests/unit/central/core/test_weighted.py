"""Weighted figures: a row of weight w counts as w rows; as scikit-learn has them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.core import skill
from central.core.weighted import average_precision, calibration_error

try:
    from sklearn import metrics as METRICS  # noqa: N812
except ImportError:
    METRICS = None

SAID = st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.55, 0.9, 1.0])
rows = st.lists(
    st.tuples(SAID, st.booleans(), st.integers(1, 50)), min_size=1, max_size=60
)


def columns(found):
    return (
        np.array([said for said, _, _ in found]),
        np.array([came for _, came, _ in found]),
        np.array([float(weight) for _, _, weight in found]),
    )


@pytest.mark.skipif(METRICS is None, reason="scikit-learn is not installed")
@given(rows)
def test_average_precision_is_that_of_scikit_learn(found):
    said, came, weight = columns(found)
    if came.any():
        theirs = METRICS.average_precision_score(came, said, sample_weight=weight)
        assert average_precision(said, came, weight=weight) == pytest.approx(theirs)


@pytest.mark.parametrize("name", ["average_precision", "calibration_error"])
@given(found=rows)
def test_a_row_of_weight_n_is_n_rows(name, found):
    said, came, weight = columns(found)
    times = weight.astype(int)
    weighted = {
        "average_precision": average_precision,
        "calibration_error": calibration_error,
    }[name](said, came, weight=weight)
    repeated = getattr(skill, name)(np.repeat(said, times), np.repeat(came, times))
    assert weighted == pytest.approx(repeated, nan_ok=True)


@given(rows, st.floats(1e-3, 1e3))
def test_only_how_weights_compare_matters(found, scale):
    said, came, weight = columns(found)
    for figure in (average_precision, calibration_error):
        scaled = figure(said, came, weight=scale * weight)
        assert scaled == pytest.approx(
            figure(said, came, weight=weight), nan_ok=True, abs=1e-9
        )


def test_where_nothing_happened_there_is_no_average_precision():
    nothing = np.zeros(2, dtype=np.bool_)
    assert math.isnan(average_precision(np.ones(2), nothing, weight=np.ones(2)))


def test_the_calibration_error_of_a_worked_example():
    """One tenth says 0.9 of 3 moments of which 2 came; another is right."""
    said = np.array([0.9, 0.9, 0.0])
    came = np.array([True, False, False])
    weight = np.array([2.0, 1.0, 1.0])
    assert calibration_error(said, came, weight=weight) == pytest.approx(0.7 / 4)
