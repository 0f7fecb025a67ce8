"""Surveys: tasks to be lived through on recorded hosts, and served on live ones."""

from functools import partial

import pytest

from agent.core import metrics
from agent.core.expression import parse, series_of
from agent.core.fit import misfit
from agent.core.series import parse_series
from agent.core.syntax import Function, calls
from agent.core.window import Window
from central.core.survey_notes import notes, split
from central.core.surveys import CPU_PEAK, UNUSUAL

SURVEYS = (*UNUSUAL, CPU_PEAK)
every_survey = pytest.mark.parametrize("survey", SURVEYS, ids=lambda s: s.task)


@every_survey
def test_a_survey_is_spelled_for_serving_in_series_of_the_catalogue(survey):
    read = {series for text in survey.spelled() for series in series_of(parse(text))}
    assert read == {parse_series(survey.series)}
    assert metrics.is_known(survey.metric)


@every_survey
def test_a_survey_is_rehearsed_as_it_is_served(survey):
    manifest = survey.rehearsed()
    assert manifest.model is None
    assert len(manifest.features) == len(survey.spelled())
    assert {parse_series(survey.series)} <= manifest.all_series()


def test_peaks_are_a_column_of_their_own_where_they_were_recorded():
    rehearsed = CPU_PEAK.rehearsed()
    assert str(rehearsed.target.series) == "system.cpu.utilization.max"
    assert str(rehearsed.features[0].text).startswith("avg_over_time(system.cpu.util")
    assert CPU_PEAK.columns == ("system.cpu.utilization", "system.cpu.utilization.max")
    assert "max" not in CPU_PEAK.series


@every_survey
def test_features_mean_the_same_on_every_usual_grid(survey):
    """Spans of a minute or more, and nothing that counts samples."""
    unlike = {Function.LAST, Function.COUNT, Function.CHANGES, Function.SUM}
    for text in survey.spelled():
        for call in calls(parse(text)):
            assert call.span_s >= 60
            assert call.function not in unlike


@pytest.mark.parametrize("survey", UNUSUAL, ids=lambda survey: survey.task)
@pytest.mark.parametrize("interval_s", [10.0, 60.0])
def test_a_live_agent_can_run_it(survey, interval_s):
    new_window = partial(Window, interval_s=interval_s)
    assert misfit(survey.rehearsed(), new_window=new_window) is None


@pytest.mark.parametrize("survey", UNUSUAL, ids=lambda survey: survey.task)
def test_an_unusual_task_compares_a_host_with_its_own_past_only(survey):
    assert survey.is_relative
    assert survey.condition == f"> quantile_over_time(0.99, {survey.series}[2d])"
    assert survey.entity in {"host", "device", "interface"}
    assert (survey.entity == "host") == ("$entity" not in survey.series)


@every_survey
def test_a_card_says_where_it_was_learnt_and_how_it_was_tested(survey):
    told = notes(survey)
    assert told[0].startswith("Learnt from ")
    assert any("other tasks" in note for note in told) == survey.hears
    assert "never saw" in split(survey)


def test_every_survey_has_a_task_of_its_own():
    assert len({survey.task for survey in SURVEYS}) == len(SURVEYS)
