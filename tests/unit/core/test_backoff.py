"""Waiting for another try: spread, ever longer, never for ever, never at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.backoff import beat_s, delay_s, rest_s

DRAWS = st.floats(0, 1)


@pytest.mark.parametrize(
    ("failures", "draw", "expected"),
    [(1, 1.0, 120), (1, 0.5, 60), (2, 1.0, 240), (3, 0.25, 120), (6, 1.0, 3600)],
)
def test_each_failure_doubles_the_span_that_is_drawn_from(failures, draw, expected):
    assert delay_s(failures, base_s=60, cap_s=3600, draw=draw) == expected


@given(failures=st.integers(1, 10**9), draw=DRAWS)
def test_no_wait_is_shorter_than_a_second_or_longer_than_the_cap(failures, draw):
    assert 1 <= delay_s(failures, base_s=60, cap_s=3600, draw=draw) <= 3600


@given(failures=st.integers(1, 50), draw=DRAWS)
def test_with_more_failures_the_same_draw_never_means_less(failures, draw):
    now, later = (
        delay_s(n, base_s=60, cap_s=3600, draw=draw) for n in (failures, failures + 1)
    )
    assert now <= later


@given(draw=DRAWS)
def test_a_beat_is_up_to_a_tenth_early_and_never_late(draw):
    assert 810 <= beat_s(900, draw=draw) <= 900


def test_the_rest_of_a_beat_is_the_excess_of_a_renewal_process():
    """Its mean is E[X^2] / (2 E[X]), for X even between 0.9 and 1 (Cox, 1962)."""
    rests = [rest_s(1e6, draw=(n + 0.5) / 100_000) / 1e6 for n in range(100_000)]
    second_moment = (1 - 0.9**3) / 0.3
    assert sum(rests) / len(rests) == pytest.approx(second_moment / 1.9, rel=1e-4)
    assert rests == sorted(rests)


@given(draw=DRAWS)
def test_the_rest_of_a_beat_is_never_longer_than_one(draw):
    assert 1 <= rest_s(900, draw=draw) <= 900
