"""Plans: every starter task can be written down, learnt and served."""

import pytest

from agent.core import metrics
from agent.core.expression import parse, series_of
from agent.core.features import bind
from agent.core.series import parse_series
from agent.core.window import Window
from central.core.plan import PLANS


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.task)
def test_a_plan_is_spelled_for_serving_and_for_learning(plan):
    served = [parse(text) for text in plan.spelled()]
    learnt = plan.learnt()
    assert len(served) == len(learnt.features) == len(plan.signs)
    assert set().union(*map(series_of, served)) == {parse_series(plan.series)}
    assert set().union(*map(series_of, learnt.features)) == {learnt.target.series}
    assert metrics.is_known(plan.metric)


@pytest.mark.parametrize("interval_s", [5.0, 10.0, 60.0])
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.task)
def test_a_plan_can_be_read_on_every_usual_grid(plan, interval_s):
    window = Window(interval_s=interval_s, span_s=6 * 3600.0)
    expressions = [parse(text) for text in plan.spelled()]
    bind(expressions, entities=["/"], window=window, min_coverage=0.8)


def test_every_plan_has_a_task_of_its_own():
    assert len({plan.task for plan in PLANS}) == len(PLANS)
