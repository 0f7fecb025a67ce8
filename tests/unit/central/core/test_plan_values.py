"""Plans of values: each can be served, and means the same on every usual grid."""

from datetime import UTC, datetime

import numpy as np
import pytest

from agent.core import metrics
from agent.core.expression import lookback_s
from agent.core.rehearsal import rehearse
from agent.core.sample import Sample
from agent.core.target import ValueMeaning
from central.core.plan_values import VALUE_PLANS

HOURS = 6
plans = pytest.mark.parametrize("plan", VALUE_PLANS, ids=lambda plan: plan.task)


def lived(plan, values, *, interval_s):
    """Return the moments of a host with these values, from the first minute on."""
    samples = (
        Sample(
            at=datetime.fromtimestamp(60 + row * interval_s, UTC),
            layout=(plan.metric,),
            values=np.array([value], dtype=np.float32),
        )
        for row, value in enumerate(values)
    )
    return rehearse(samples, interval_s=interval_s, tasks=[plan.survey()])[plan.task]


@plans
def test_a_plan_is_a_survey_of_a_change_of_a_known_metric(plan):
    survey = plan.survey()
    assert survey.target.meaning is ValueMeaning.CHANGE
    assert survey.target.quantiles == plan.levels
    assert survey.target.horizon_s == 1800
    assert {series.name for series in survey.all_series()} == {plan.metric}
    assert metrics.is_known(plan.metric)
    assert plan.scale == len(survey.features) - 1


@plans
def test_no_feature_reads_further_back_than_rollups_are_kept(plan):
    for formula in plan.survey().features:
        assert lookback_s(formula.expression) <= 8 * 86400


@plans
def test_what_is_seen_every_10_s_is_what_is_seen_every_minute(plan):
    rng = np.random.default_rng(3)
    fast = 0.5 + 0.002 * np.cumsum(rng.normal(size=HOURS * 360 + 1))
    slow = np.concatenate([fast[:1], fast[1:].reshape(-1, 6).mean(axis=1)])
    mine = lived(plan, fast, interval_s=10.0)
    other = lived(plan, slow, interval_s=60.0)
    together = np.intersect1d(mine.at_s, other.at_s)
    late = together[together > 2 * 3600]
    assert len(late) >= 40
    seen, known = (
        rows.features[np.searchsorted(rows.at_s, late)] for rows in (mine, other)
    )
    assert np.array_equal(np.isnan(seen), np.isnan(known))
    assert seen == pytest.approx(known, rel=0.02, abs=0.02, nan_ok=True)


@plans
def test_a_sample_every_5_min_will_do(plan):
    rng = np.random.default_rng(4)
    rows = lived(plan, rng.random(100), interval_s=300.0)
    assert len(rows) > 50
    assert np.isfinite(rows.features[-1, -1])


def test_a_task_hears_only_one_that_is_taught():
    tasks = {plan.task for plan in VALUE_PLANS}
    assert all(plan.hears in tasks for plan in VALUE_PLANS if plan.hears)
