"""Proof: curves and days that a page of a backtest is drawn from."""

import numpy as np
import pytest

from agent.core.blocks import DAY_S
from agent.core.proof import day_of, precision_recall
from tests.fakes.answers import HORIZON_S, value_host
from tests.fakes.answers import event_host as host


def test_a_curve_goes_through_every_threshold():
    scores = np.array([0.9, 0.8, 0.8, 0.1])
    happened = np.array([1.0, 0.0, 1.0, 0.0])
    line = precision_recall("v1", scores=scores, happened=happened)
    assert line.x.tolist() == [0.5, 1.0, 1.0]
    assert line.y.tolist() == [1.0, pytest.approx(2 / 3), 0.5]


def test_a_long_curve_keeps_its_ends_and_has_no_more_points_than_a_picture():
    given = host(days=40)
    line = precision_recall("x", scores=given.said["chance"], happened=given.outcome)
    assert len(line.x) <= 300
    assert line.x[-1] == 1.0
    assert (np.diff(line.x) >= 0).all()
    assert line.y[-1] == pytest.approx(given.outcome.mean())


def test_the_day_is_that_around_the_middle_episode_of_the_host_with_the_most():
    few, many = host(name="few", rate=0.02), host(name="many", rate=0.05, seed=1)
    day, began_s = day_of([few, many], horizon_s=HORIZON_S)
    assert day.host == "many"
    assert day.at_s[-1] - day.at_s[0] <= DAY_S
    assert len(began_s) >= 1
    assert all(day.at_s[0] <= at_s <= day.at_s[-1] + HORIZON_S for at_s in began_s)


def test_the_day_of_a_value_task_is_its_middle_one():
    day, began_s = day_of([value_host()], horizon_s=HORIZON_S)
    assert began_s == ()
    assert day.at_s[0] < 6 * DAY_S < day.at_s[-1]


def test_the_day_tells_of_one_entity():
    given = host()
    kept = {name: getattr(given, name) for name in given.__slots__ if name != "entity"}
    entity = np.arange(len(given)) % 2
    both = type(given)(**kept, entity=entity)
    day, _ = day_of([both], horizon_s=HORIZON_S)
    assert len(set(day.entity.tolist())) == 1


def test_where_nothing_was_predicted_there_is_no_day():
    assert day_of([], horizon_s=HORIZON_S) is None
    assert day_of([host(days=0)], horizon_s=HORIZON_S) is None
