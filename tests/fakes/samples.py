"""Reading a sample in a test, and the laws of every sample."""

import math

from agent.core.metrics import metric
from agent.core.series import parse_series


def value_of(sample, name):
    return float(sample.values[sample.layout.index(name)])


def readings(sample):
    return zip(map(parse_series, sample.layout), sample.values, strict=True)


def check_sample(sample):
    """What holds for every sample, whatever the host did."""
    assert sample.values.shape == (len(sample.layout),)
    for series, value in readings(sample):
        row = metric(series.name)
        assert {key for key, _ in series.attributes} <= set(row.attributes), series
        assert not math.isinf(value), series
        if row.is_ratio:
            assert math.isnan(value) or 0 <= value <= 1, series
        elif row.name != "system.hardware.temperature":
            assert math.isnan(value) or value >= 0, series
