"""Weighing: events weigh 1 on average, and the rate is set right whatever taught."""

from dataclasses import replace

import numpy as np
import pytest

from central.core.settings import Settings
from central.core.weighing import rate_shift, teaching_weight
from tests.fakes.truth import truth

SAMPLES = truth(release="a", moments=1000).samples
EVENTS = SAMPLES.label > 0


def rate(weight):
    return weight[EVENTS].sum() / weight[~EVENTS].sum()


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_events_weigh_one_on_average(power):
    found = teaching_weight(SAMPLES, settings=Settings(weighing=power))
    assert found[EVENTS].mean() == pytest.approx(1)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_the_shift_leads_from_the_rate_that_taught_to_the_true_one(power):
    settings = Settings(weighing=power)
    taught = rate(teaching_weight(SAMPLES, settings=settings))
    found = rate_shift(SAMPLES, settings=settings)
    assert taught * np.exp(found) == pytest.approx(rate(SAMPLES.weight))


def test_weighed_as_they_are_nothing_is_to_be_set_right():
    assert rate_shift(SAMPLES, settings=Settings()) == pytest.approx(0)


def test_values_weigh_one_on_average_and_have_no_rate():
    settings = Settings(levels=(0.5,))
    assert teaching_weight(SAMPLES, settings=settings).mean() == pytest.approx(1)
    assert rate_shift(SAMPLES, settings=settings) == 0.0


def test_without_events_all_weigh_one_on_average():
    quiet = replace(SAMPLES, label=np.zeros(len(SAMPLES)))
    assert teaching_weight(quiet, settings=Settings()).mean() == pytest.approx(1)
