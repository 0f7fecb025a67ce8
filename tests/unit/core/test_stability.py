"""Stability: cells between quantiles, bins that give the benefit of the doubt, PSI."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.stability import Scale, chi2_quantile, f_quantile, psi, scale_of

DECILES = [float(n) for n in range(11)]
CELLS = st.lists(st.integers(0, 500), min_size=19, max_size=19).filter(any)


def binned(scale, counts):
    cells = np.array(counts, dtype=float)
    found = scale.binning(cells)
    return found.matrix @ cells, found.expected


def test_an_edge_is_a_cell_of_its_own():
    scale = scale_of([0.0, 1.0, 2.0, 3.0])
    values = np.array([-np.inf, 0.5, 1.0, 1.5, 2.0, 2.0, 9.0], dtype=np.float32)
    assert scale.counted(values).tolist() == [2, 1, 1, 2, 1]


@pytest.mark.parametrize("value", [1 / 3, -1 / 3, 1e9 / 3, 1e-9 / 3, 0.0])
def test_a_value_lies_on_its_quantile_though_that_has_six_digits(value):
    scale = scale_of([value, float(f"{value:.6g}"), value])
    assert scale.counted(np.array([value], dtype=np.float32)).tolist() == [0, 1, 0]


def test_equal_quantiles_are_one_edge_and_gaps_none():
    scale = scale_of([0, 0, 0, 0.0000001, 5, None, None])
    # 1e-7 is not 0, however little it is more.
    assert [(e.value, round(6 * e.first), round(6 * e.last)) for e in scale.edges] == [
        (0, 1, 2),
        (0.0000001, 3, 3),
        (5, 4, 4),
    ]


@pytest.mark.parametrize("quantiles", [[], [1.0], [1.0, 2.0], [None] * 11])
def test_without_an_inner_quantile_there_is_no_scale(quantiles):
    assert scale_of(quantiles) is None


def test_bins_between_deciles_by_hand():
    counts = [7, 0] * 9 + [7]
    bins, expected = binned(scale_of(DECILES), counts)
    assert bins == pytest.approx([7.0] * 10)
    assert expected == pytest.approx([0.1] * 10)


def test_what_lies_on_an_edge_is_divided_as_the_training_wants_it():
    scale = scale_of([0.0, 1.0, 2.0])
    bins, expected = binned(scale, [4, 10, 6])
    assert bins == pytest.approx([10.0, 10.0])
    bins, _ = binned(scale, [12, 3, 5])
    assert bins == pytest.approx([12.0, 8.0])
    assert expected == pytest.approx([0.5, 0.5])


def test_a_value_that_is_common_is_a_bin_of_its_own():
    # 0 up to the sixth decile: its share is between 0.5 and 0.7.
    scale = scale_of([0.0] * 7 + [1.0, 2.0, 3.0, 4.0])
    counts = [0, 62, 8, 0, 10, 0, 10, 0, 10]
    bins, expected = binned(scale, counts)
    assert bins == pytest.approx([62, 8, 10, 10, 10])
    assert expected == pytest.approx([0.62, 0.08, 0.1, 0.1, 0.1])


def test_a_feature_that_was_constant_may_not_move():
    scale = scale_of([5.0] * 11)
    bins, expected = binned(scale, [0, 50, 0])
    assert psi(bins, expected=expected, effective=50) == 0
    bins, expected = binned(scale, [0, 0, 50])
    assert psi(bins, expected=expected, effective=50) > 1


@given(CELLS)
def test_bins_hold_all_moments_and_the_training_all_of_itself(counts):
    bins, expected = binned(scale_of(DECILES), counts)
    assert bins.sum() == pytest.approx(sum(counts))
    assert bins.min() >= -1e-9
    assert expected.sum() == pytest.approx(1)
    assert expected.min() > 0.04


@given(CELLS, st.lists(st.sampled_from(DECILES), min_size=11, max_size=11).map(sorted))
def test_any_quantiles_make_bins_of_some_size(counts, quantiles):
    scale = scale_of(quantiles)
    bins, expected = binned(scale, counts[: 2 * len(scale.edges) + 1] + [0] * 0)
    assert expected.min() >= 0.05 - 1e-9
    assert psi(bins, expected=expected, effective=100.0) >= 0


def test_the_index_by_hand():
    # (0.75 - 0.5) ln(1.5) + (0.25 - 0.5) ln(0.5), but for the half of a moment.
    found = psi(np.array([75.0, 25.0]), expected=np.array([0.5, 0.5]), effective=1e9)
    assert found == pytest.approx(0.25 * np.log(1.5) - 0.25 * np.log(0.5))


def test_the_index_of_few_is_smaller_and_of_none_is_none():
    counts, expected = np.array([9.0, 1.0]), np.array([0.5, 0.5])
    few = psi(counts, expected=expected, effective=2.0)
    assert 0 < few < psi(counts, expected=expected, effective=10.0) < 1
    assert psi(np.array([5.0, 5.0]), expected=expected, effective=1.0) == 0


@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    [
        # Tables of the chi-squared distribution.
        (0.95, 9, 16.919),
        (0.999, 9, 27.877),
        (0.99, 4, 13.277),
        (0.999, 1, 10.828),
        (0.999, 30, 59.703),
    ],
)
def test_quantiles_of_chi_squared(probability, freedom, quantile):
    found = chi2_quantile(probability, freedom=freedom)
    assert found == pytest.approx(quantile, rel=0.06)


@pytest.mark.parametrize(
    ("freedom", "known_by", "quantile"),
    # Tables of the F distribution at 0.99.
    [(9, 10, 4.942), (4, 20, 4.431), (1, 60, 7.077), (9, 10**6, 2.407)],
)
def test_quantiles_of_f(freedom, known_by, quantile):
    found = f_quantile(0.99, freedom=freedom, known_by=known_by)
    assert found == pytest.approx(quantile, rel=0.06)


def test_by_too_few_nothing_is_known():
    assert f_quantile(0.999, freedom=9, known_by=1) == np.inf


def test_nothing_to_compare_has_no_quantile():
    assert chi2_quantile(0.99, freedom=0) == 0
    assert chi2_quantile(1e-9, freedom=1) >= 0


def test_a_scale_is_what_it_is_made_of():
    scale = scale_of(DECILES)
    assert scale == Scale(edges=scale.edges, step=0.1)
