"""Skill: what the sums of a card mean, checked by hand and against numpy."""

import math
import statistics

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.scorecard import Scorecard, merged
from agent.core.skill import CalibrationBin, LevelSkill, Skill, skill


def card_of(*events, threshold=0.5, baseline=0.5):
    """Return the card of (probability, happened) or (probability, lead in s)."""
    card = Scorecard()
    for probability, came in events:
        card.add_event(
            probability,
            baseline=baseline,
            happened=bool(came),
            threshold=threshold,
            lead_s=float(came) if came else 0.0,
        )
    return card


# Worked by hand. Brier (1950): the mean of (0.9-1)^2, (0.7-0)^2, (0.2-0)^2, (0.1-1)^2
# is (0.01 + 0.49 + 0.04 + 0.81) / 4 = 0.3375. Murphy (1988): the skill is one less the
# ratio to a reference. Always 0.4 makes (2 * 0.36 + 2 * 0.16) / 4 = 0.26; the card's
# own share of events, 2 of 4, makes 0.5 * 0.5 = 0.25.
WORKED = card_of((0.9, 60), (0.7, 0), (0.2, 0), (0.1, 60), baseline=0.4)


def test_the_worked_example_of_brier_and_murphy():
    found = skill(WORKED)
    assert found.brier == pytest.approx(0.3375)
    assert found.baseline_brier == pytest.approx(0.26)
    assert found.climatology_brier == pytest.approx(0.25)
    assert found.skill == pytest.approx(1 - 0.3375 / 0.26)
    assert found.climatology_skill == pytest.approx(1 - 0.3375 / 0.25)
    nats = -math.log(0.9) - math.log(0.3) - math.log(0.8) - math.log(0.1)
    assert found.log_loss == pytest.approx(nats / 4)
    assert found.baseline_log_loss == pytest.approx(
        -(math.log(0.4) + math.log(0.6)) / 2
    )
    assert (found.resolved, found.happened) == (4, 2)


def test_its_alarms():
    found = skill(WORKED)
    alarms = (found.hits, found.misses, found.false_alarms, found.quiet)
    assert alarms == (1, 1, 1, 1)
    assert (found.precision, found.recall) == (0.5, 0.5)
    assert found.lead_time_mean_s == 60.0


def test_its_calibration():
    found = skill(WORKED)
    assert found.calibration == [
        CalibrationBin(count=1, predicted=0.1, happened=1.0),
        CalibrationBin(count=1, predicted=0.2, happened=0.0),
        CalibrationBin(count=1, predicted=0.7, happened=0.0),
        CalibrationBin(count=1, predicted=0.9, happened=1.0),
    ]
    assert found.calibration_error == pytest.approx((0.9 + 0.2 + 0.7 + 0.1) / 4)


def test_a_bin_tells_the_mean_of_its_probabilities_and_their_share():
    found = skill(card_of((0.62, 1), (0.64, 0), (0.66, 1), (0.68, 1)))
    assert found.calibration == [CalibrationBin(count=4, predicted=0.65, happened=0.75)]
    assert found.calibration_error == pytest.approx(0.1)


def test_of_an_empty_card_nothing_is_known():
    counts = {"resolved", "happened", "hits", "misses", "false_alarms", "quiet"}
    empty = {"voids": {}, "calibration": [], "levels": {}}
    expected = {f: 0 if f in counts else empty.get(f) for f in Skill.__struct_fields__}
    assert msgspec.structs.asdict(skill(Scorecard())) == expected


def test_of_voids_alone_only_their_number_is_known():
    card = Scorecard()
    card.add_void("gap")
    found = skill(card)
    assert found.voids == {"gap": 1}
    assert found.brier is found.skill is found.calibration_error is None


def test_whoever_is_always_right_has_all_skill():
    found = skill(card_of((1.0, 5), (0.0, 0), (0.0, 0)))
    assert (found.brier, found.skill, found.climatology_skill) == (0.0, 1.0, 1.0)
    assert found.calibration_error == 0.0
    assert found.log_loss == pytest.approx(-math.log(0.999))


def test_where_a_reference_is_always_right_there_is_no_skill_to_tell():
    found = skill(card_of((0.3, 0), (0.1, 0), baseline=0.0))
    assert found.climatology_brier == 0.0
    assert found.skill is found.climatology_skill is None


def test_the_baseline_against_itself_has_no_skill():
    found = skill(card_of((0.3, 0), (0.3, 1), baseline=0.3))
    assert found.skill == 0.0


def test_without_alarms_there_is_no_precision_and_without_events_no_recall():
    found = skill(card_of((0.1, 0)))
    assert found.precision is found.recall is None
    assert found.lead_time_mean_s is found.lead_time_median_s is None
    assert skill(card_of((0.1, 1))).recall == 0.0
    assert skill(card_of((0.9, 0))).precision == 0.0


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40),
    st.floats(0, 1),
)
def test_the_numbers_are_those_of_numpy(events, baseline):
    found = skill(card_of(*events, baseline=baseline))
    said, came = np.array(events, dtype=float).T
    assert found.brier == pytest.approx(np.mean((said - came) ** 2), abs=1e-8)
    assert found.baseline_brier == pytest.approx(
        np.mean((baseline - came) ** 2), abs=1e-8
    )
    assert found.climatology_brier == pytest.approx(np.var(came), abs=1e-12)
    right = np.clip(np.where(came, said, 1 - said), 0.001, 0.999)
    assert found.log_loss == pytest.approx(np.mean(-np.log(right)), abs=1e-8)
    assert found.calibration_error <= 1 + 1e-9
    counts = sum(each.count for each in found.calibration)
    assert counts == found.resolved == len(events)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(1, 86400), min_size=1, max_size=40))
def test_the_median_lead_time_is_right_to_five_percent(leads_s):
    found = skill(card_of(*((1.0, lead_s) for lead_s in leads_s)))
    middle_s = statistics.median_low(leads_s)
    assert found.lead_time_median_s == pytest.approx(middle_s, rel=0.05)
    assert found.lead_time_mean_s == pytest.approx(np.mean(leads_s), rel=1e-6)


def test_lead_times_are_those_of_hits_that_have_one():
    labelled = Scorecard()
    for _ in range(5):
        labelled.add_event(1.0, baseline=0.5, happened=True, threshold=0.5, lead_s=0.0)
    assert skill(labelled).lead_time_mean_s is None
    assert skill(labelled).lead_time_median_s is None
    found = skill(merged([labelled, card_of((1.0, 2.0), (1.0, 2.0), (1.0, 50.0))]))
    assert (found.hits, found.lead_time_mean_s) == (8, 18.0)
    assert found.lead_time_median_s == pytest.approx(2.0, rel=0.05)


def test_lead_times_are_put_in_order_as_numbers():
    found = skill(card_of((1.0, 2.0), (1.0, 2.0), (1.0, 2.0), (1.0, 9000.0)))
    assert found.lead_time_median_s == pytest.approx(2.0, rel=0.05)


# Values.


def test_the_pinball_loss_worked_by_hand():
    # Of 10 at a level of 0.9: 12 costs 0.9 * 2 = 1.8, 7 costs 0.1 * 3 = 0.3.
    card = Scorecard()
    for value in (12.0, 7.0):
        card.add_value((10.0,), baseline=(12.0,), value=value, quantiles=(0.9,))
    found = skill(card)
    assert found.levels == {
        "0.9": LevelSkill(
            count=2,
            pinball=1.05,
            baseline_pinball=0.25,
            skill=pytest.approx(1 - 1.05 / 0.25),
            coverage=0.5,
        )
    }
    assert found.resolved == 2
    assert found.brier is found.climatology_brier is None


def test_against_a_baseline_without_loss_a_level_has_no_skill_to_tell():
    card = Scorecard()
    card.add_value((1.0,), baseline=(2.0,), value=2.0, quantiles=(0.5,))
    assert skill(card).levels["0.5"].skill is None


def test_a_true_quantile_covers_its_level():
    values = np.random.default_rng(4).normal(size=4000)
    card = Scorecard()
    for value in values.tolist():
        # The 10 % and the 90 % quantile of a standard normal.
        card.add_value(
            (-1.2816, 1.2816), baseline=(0.0, 0.0), value=value, quantiles=(0.1, 0.9)
        )
    levels = skill(card).levels
    for name, each in levels.items():
        assert each.coverage == pytest.approx(float(name), abs=0.015)
        assert each.skill > 0


def test_each_level_is_judged_by_what_was_predicted_at_it():
    # The baseline goes on when a new version asks for other levels, or for an event.
    one, two = Scorecard(), card_of((0.5, 1))
    one.add_value((1.0,), baseline=(1.0,), value=2.0, quantiles=(0.5,))
    two.add_value((1.0, 3.0), baseline=(1.0, 3.0), value=2.0, quantiles=(0.5, 0.9))
    found = skill(merged([one, two]))
    half, high = found.levels["0.5"], found.levels["0.9"]
    assert (half.count, half.pinball, half.coverage) == (2, 0.5, 0.0)
    assert (high.count, high.pinball, high.coverage) == (1, pytest.approx(0.1), 1.0)
    assert found.brier == 0.25
