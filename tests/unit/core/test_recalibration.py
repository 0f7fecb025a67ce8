"""Recalibration: two numbers from a host's own outcomes, robust whatever comes."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.recalibration import Calibration, Learnt, Recalibration, Terms

DAY_S = 86_400.0
# One outcome is worth one, the prior of either number is worth one.
PLAIN = Terms(slope_sd=1.0, level_sd=1.0, worth=1.0, half_life_s=DAY_S)
PATIENT = Terms(half_life_s=1e12)

PROBABILITIES = st.floats(0, 1, width=32)
OUTCOMES = st.lists(
    st.tuples(
        PROBABILITIES,
        st.booleans(),
        st.floats(0.01, 1),
        st.floats(-1e5, 1e7),
    ),
    max_size=200,
)


def taught(outcomes, **options):
    found = Recalibration(**options)
    for said, happened, weight, at_s in outcomes:
        found.learn(said, happened=happened, weight=weight, at_s=at_s)
    return found


def line(found):
    return found.a, found.b


def answer(found, said):
    made = found.calibration(said)
    return said if made is None else made.answer


def world(*, a, b, count=6_000, seed=61, level=-2.0):
    """Yield what a model says, what is true, and what comes, each five minutes."""
    generator = np.random.default_rng(seed)
    for number in range(count):
        x = generator.normal(level, 1.5)
        true = 1 / (1 + math.exp(-(a * x + b)))
        yield (
            1 / (1 + math.exp(-x)),
            true,
            bool(generator.random() < true),
            300.0 * number,
        )


# --- worked examples


def test_no_outcome_changes_nothing():
    found = Recalibration()
    assert (found.calibration(0.3), line(found)) == (None, (1.0, 0.0))


def test_one_outcome_is_one_newton_step():
    """At even odds the slope tells nothing: 0.5 / (1 + 0.25) for the level alone."""
    found = taught([(0.5, True, 1.0, 0.0)], terms=PLAIN)
    assert line(found) == (1.0, 0.4)
    assert answer(found, 0.5) == pytest.approx(1 / (1 + math.exp(-0.4)))


def test_what_is_worth_half_moves_less():
    halved = msgspec.structs.replace(PLAIN, worth=0.5)
    by_worth = taught([(0.5, True, 1.0, 0.0)], terms=halved)
    by_weight = taught([(0.5, True, 0.5, 0.0)], terms=PLAIN)
    assert line(by_worth) == line(by_weight) == (1.0, round(0.25 / 1.125, 4))


def test_a_calibration_tells_what_was_made_of_an_answer():
    made = Calibration(said=0.5, a=2.0, b=math.log(3), outcomes=7)
    assert made.answer == pytest.approx(0.75)
    assert made.of(0.75) == Calibration(said=0.75, a=2.0, b=math.log(3), outcomes=7)
    assert made.of(0.75).answer == pytest.approx(27 / 28)


def test_what_is_applied_is_what_is_told_with_how_many_outcomes():
    found = taught([(0.2, True, 1.0, 0.0), (0.2, False, 1.0, 60.0)])
    made = found.calibration(0.2)
    assert (made.a, made.b, made.outcomes) == (*line(found), 2)
    assert line(found) == tuple(round(each, 4) for each in line(found))


# --- properties


@given(OUTCOMES, PROBABILITIES)
def test_whatever_comes_the_line_is_bounded_and_the_answer_a_probability(outcomes, p):
    found = taught(outcomes)
    assert 0.25 <= found.a <= 4
    assert -4 <= found.b <= 4
    assert 0 <= answer(found, p) <= 1


@given(OUTCOMES, PROBABILITIES, PROBABILITIES)
def test_what_was_more_likely_stays_more_likely(outcomes, p, q):
    found = taught(outcomes)
    low, high = sorted((p, q))
    assert answer(found, low) <= answer(found, high)


@given(OUTCOMES, OUTCOMES)
def test_a_restart_changes_no_digit(before, after):
    whole = taught(before + after)
    kept = msgspec.json.encode(taught(before).learnt)
    again = Recalibration(msgspec.json.decode(kept, type=Learnt))
    assert line(again) == line(taught(before))
    for said, happened, weight, at_s in after:
        again.learn(said, happened=happened, weight=weight, at_s=at_s)
    assert (again.learnt, line(again)) == (whole.learnt, line(whole))


@pytest.mark.parametrize("said", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("happened", [20, 300, 700])
@pytest.mark.parametrize("seed", range(3))
def test_in_any_order_one_answer_becomes_the_rate_of_what_came(said, happened, seed):
    came = [True] * (10 * happened) + [False] * (10 * (1000 - happened))
    np.random.default_rng(seed).shuffle(came)
    found = taught([(said, each, 1.0, 0.0) for each in came], terms=PATIENT)
    assert answer(found, said) == pytest.approx(happened / 1000, abs=0.02)


# --- edges


@pytest.mark.parametrize("said", [0.0, 1.0])
@pytest.mark.parametrize("happened", [True, False])
def test_a_model_that_is_certain_is_learnt_from(said, happened):
    found = taught([(said, happened, 1.0, 0.0)] * 1000)
    assert 0 < answer(found, said) < 1 or (said == happened)
    assert math.isfinite(answer(found, 1 - said))


def test_one_surprise_does_not_make_a_quiet_model_shout():
    quiet = [(0.001, False, 0.3, 300.0 * n) for n in range(300)]
    found = taught([*quiet, (0.001, True, 0.3, 90_300.0)])
    assert answer(found, 0.001) < 0.01
    assert answer(found, 0.5) < 0.6


def test_a_model_that_is_upside_down_is_flattened_and_never_turned():
    found = taught([(p, came, 1.0, t) for p, _, came, t in world(a=-1.0, b=-4.0)])
    assert found.a == 0.25
    assert answer(found, 0.01) < answer(found, 0.9)
    # About the best level for that slope: what comes, comes as often as is said.
    pairs = [(answer(found, p), came) for p, _, came, _ in world(a=-1.0, b=-4.0)]
    said, came = np.array(pairs).T
    assert said[-1000:].mean() == pytest.approx(came[-1000:].mean(), abs=0.1)


def test_a_model_that_always_errs_by_more_is_met_at_the_bound():
    always = taught([(0.01, True, 1.0, 60.0 * n) for n in range(50_000)])
    assert always.b == 4.0 or always.a == 0.25
    never = taught([(0.99, False, 1.0, 60.0 * n) for n in range(50_000)])
    assert never.b == -4.0 or never.a == 0.25


def test_what_is_old_is_forgotten():
    old = [(0.1, True, 1.0, float(n)) for n in range(100)]
    late = (0.3, False, 1.0, 1000 * DAY_S)
    fresh, found = taught([late]), taught([*old, late])
    # The step of the one outcome began where the line had stood; no more is left.
    assert line(found) == pytest.approx(line(fresh), abs=0.05)
    assert line(taught(old))[1] > 1
    assert (fresh.learnt.outcomes, found.learnt.outcomes) == (1, 101)


def test_after_a_half_life_it_counts_half():
    once = taught([(0.5, True, 1.0, 0.0)], terms=PLAIN)
    later = taught([(0.5, True, 1.0, 0.0), (0.5, True, 1e-9, DAY_S)], terms=PLAIN)
    assert later.learnt.bb == pytest.approx(once.learnt.bb / 2)
    assert later.learnt.pull_b == pytest.approx(once.learnt.pull_b / 2)


def test_a_clock_that_goes_back_forgets_nothing():
    back = taught([(0.1, True, 1.0, 5 * DAY_S), (0.1, True, 1.0, 0.0)])
    still = taught([(0.1, True, 1.0, 5 * DAY_S), (0.1, True, 1.0, 5 * DAY_S)])
    assert line(back) == line(still)


# --- what it is for; seeded


@pytest.mark.parametrize(
    ("a", "b"), [(1.0, 1.0), (1.0, -1.0), (0.5, -1.0), (1.8, 0.5), (1.0, -2.5)]
)
def test_a_model_that_is_off_in_level_or_slope_is_put_right(a, b):
    found, losses = Recalibration(), []
    for p, true, came, at_s in world(a=a, b=b):
        losses.append([(each - came) ** 2 for each in (p, answer(found, p), true)])
        found.learn(p, happened=came, weight=1 / 3, at_s=at_s)
    raw, made, best = np.array(losses).mean(axis=0)
    assert made - best < (raw - best) / 3


def test_a_model_that_is_right_loses_next_to_nothing():
    found, losses = Recalibration(), []
    for p, _, came, at_s in world(a=1.0, b=0.0):
        losses.append([(each - came) ** 2 for each in (p, answer(found, p))])
        found.learn(p, happened=came, weight=1 / 3, at_s=at_s)
    raw, made = np.array(losses).mean(axis=0)
    assert made < raw * 1.01
