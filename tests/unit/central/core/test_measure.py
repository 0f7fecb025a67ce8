"""Measures: losses of events and of values, and what is usual."""

import numpy as np
import pytest

from central.core.measure import EventMeasure, ValueMeasure

LABEL = np.array([1.0, 0.0, 0.0])
WEIGHT = np.array([1.0, 2.0, 1.0])
SAID = np.array([[0.8], [0.1], [0.2]])


def test_an_event_is_judged_by_the_squared_error():
    measure = EventMeasure()
    assert measure.losses(SAID, label=LABEL) == pytest.approx([0.04, 0.01, 0.04])
    assert measure.climate(LABEL, weight=WEIGHT) == pytest.approx(0.25)
    known = {"label": LABEL, "weight": WEIGHT}
    assert measure.average_precision(SAID, **known) == 1.0
    error = measure.calibration_error(SAID, **known)
    assert error == pytest.approx((0.2 + 0.2 + 0.2) / 4)


def test_a_value_is_judged_by_the_pinball_loss():
    measure = ValueMeasure(levels=(0.1, 0.9))
    said = np.array([[0.0, 2.0]])
    losses = measure.losses(said, label=np.array([3.0]))
    assert losses == pytest.approx([(0.1 * 3 + 0.9 * 1) / 2])


def test_who_says_the_quantiles_of_all_is_calibrated():
    rng = np.random.default_rng(1)
    label = rng.normal(size=5000)
    weight = np.ones(5000)
    measure = ValueMeasure(levels=(0.1, 0.5, 0.9))
    usual = np.repeat(measure.climate(label, weight=weight), 5000, axis=0)
    known = {"label": label, "weight": weight}
    assert measure.calibration_error(usual, **known) < 0.001
    assert measure.calibration_error(usual + 9, **known) == pytest.approx(0.5)
    assert measure.average_precision(usual, **known) is None
