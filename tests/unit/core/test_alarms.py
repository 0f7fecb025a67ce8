"""Alarms: raised, cleared, true or for nothing; episodes warned of in time."""

import numpy as np
import pytest

from agent.core.alarms import (
    Warned,
    beginnings,
    foremost,
    raised,
    together,
    warned,
)
from agent.core.answers import Answers

HORIZON_S = 900.0
STEP_S = 300.0


def answers(happened_s, *, at_s=None, entity=None):
    happened = np.array(happened_s, dtype=float)
    count = len(happened)
    at = np.arange(count) * STEP_S if at_s is None else np.array(at_s, dtype=float)
    nothing = np.full(count, np.nan)
    return Answers(
        host="host",
        days=2.0,
        at_s=at,
        outcome=(~np.isnan(happened)).astype(float),
        happened_s=happened,
        origin=nothing,
        limit=nothing,
        entity=np.zeros(count, dtype=int) if entity is None else np.array(entity),
        reference=nothing,
        said={},
    )


def alarm_of(given, probabilities, *, threshold=0.5, clear=0.3):
    return raised(
        given,
        np.array(probabilities),
        threshold=threshold,
        clear=clear,
        horizon_s=HORIZON_S,
    ).tolist()


def mask(*rows, count):
    return np.isin(np.arange(count), rows)


def test_an_alarm_is_raised_at_the_threshold_and_lasts_until_it_clears():
    given = answers([np.nan] * 6)
    assert alarm_of(given, [0.4, 0.5, 0.4, 0.3, 0.2, 0.4]) == [0, 1, 1, 1, 0, 0]


def test_an_alarm_is_over_where_nothing_is_predicted_for_longer_than_a_horizon():
    given = answers([np.nan] * 3, at_s=[0, 900, 1801])
    assert alarm_of(given, [0.6, 0.4, 0.4]) == [1, 1, 0]


def test_every_entity_has_an_alarm_of_its_own():
    given = answers([np.nan] * 4, at_s=[0, 0, 300, 300], entity=[0, 1, 0, 1])
    assert alarm_of(given, [0.6, 0.4, 0.4, 0.4]) == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, [0, 0, 0, 0]),
        (1, [0, 0, 0, 1]),
        # Two are equal: neither may be told from the other.
        (2, [0, 0, 0, 1]),
        (3, [0, 1, 1, 1]),
        (4, [1, 1, 1, 1]),
        (9, [1, 1, 1, 1]),
    ],
)
def test_the_foremost_are_no_more_than_were_asked_for(count, expected):
    scores = np.array([-np.inf, 0.5, 0.5, 0.9])
    assert foremost(scores, count=count).tolist() == expected


def test_a_return_within_a_horizon_is_the_same_episode():
    events = np.array([100.0, np.nan, 100.0, 1000.0, 1901.0, 5000.0])
    assert beginnings(events, apart_s=HORIZON_S) == [100.0, 1901.0, 5000.0]
    assert beginnings(np.array([np.nan]), apart_s=HORIZON_S) == []


def test_an_alarm_before_an_episode_is_true_and_has_a_lead():
    # The event at 1,500 s is seen coming by the moments at 600, 900 and 1,200 s.
    given = answers([np.nan, np.nan, 1500, 1500, 1500, np.nan])
    found = warned(given, mask(3, 4, count=6), horizon_s=HORIZON_S)
    assert found == Warned(
        days=2.0, alarms=1, false_alarms=0, episodes=1, warned=1, leads_s=(600.0,)
    )
    assert (found.per_day, found.false_per_day) == (0.5, 0.0)
    assert (found.recall, found.precision, found.lead_s) == (1.0, 1.0, 600.0)


def test_an_alarm_that_came_to_nothing_is_false_and_an_episode_without_is_missed():
    given = answers([np.nan, np.nan, 1500, 1500, np.nan, np.nan])
    found = warned(given, mask(0, 5, count=6), horizon_s=HORIZON_S)
    assert (found.alarms, found.false_alarms, found.warned) == (2, 2, 0)
    assert (found.recall, found.precision, found.lead_s) == (0.0, 0.0, None)


def test_an_alarm_that_stands_into_an_episode_is_one_alarm():
    given = answers([np.nan, np.nan, 1500, 1500, 1500, np.nan])
    found = warned(given, mask(0, 1, 2, 3, 4, 5, count=6), horizon_s=HORIZON_S)
    assert (found.alarms, found.false_alarms) == (1, 0)
    assert found.leads_s == (900.0,)


def test_a_longer_time_without_a_moment_ends_an_alarm():
    given = answers([np.nan, np.nan], at_s=[0, 901])
    assert warned(given, mask(0, 1, count=2), horizon_s=HORIZON_S).alarms == 2


def test_the_alarms_of_entities_are_counted_one_by_one():
    given = answers(
        [600, np.nan, 600, np.nan], at_s=[0, 0, 300, 300], entity=[0, 1] * 2
    )
    found = warned(given, mask(0, 1, 2, 3, count=4), horizon_s=HORIZON_S)
    assert (found.alarms, found.false_alarms, found.episodes) == (2, 1, 1)


def test_what_never_was_has_no_share():
    found = warned(answers([]), np.zeros(0, dtype=bool), horizon_s=HORIZON_S)
    assert (found.recall, found.precision, found.lead_s) == (None, None, None)
    nobody = together([])
    assert (nobody.per_day, nobody.false_per_day) == (None, None)


def test_hosts_add_up():
    given = answers([np.nan, np.nan, 1500, 1500, 1500, np.nan])
    one = warned(given, mask(3, count=6), horizon_s=HORIZON_S)
    other = warned(given, mask(0, count=6), horizon_s=HORIZON_S)
    both = together([one, other])
    assert (both.days, both.alarms, both.false_alarms) == (4.0, 2, 1)
    assert (both.episodes, both.warned, both.leads_s) == (2, 1, (600.0,))
