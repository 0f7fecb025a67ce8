"""Sifting: no row of one host can spoil what all the others teach."""

from dataclasses import replace

import numpy as np
import pytest

from central.core.sifting import sifted
from tests.fakes.truth import truth


def samples():
    rows = truth(release="a", moments=100).samples
    return replace(rows, active=rows.baseline.copy())


def spoilt(place, **fields):
    rows = samples()
    for name, value in fields.items():
        array = getattr(rows, name)
        array[place] = value
    return rows


def test_what_can_be_stays_as_it_is():
    rows = spoilt(3, features=np.nan, active=np.nan)
    found = sifted(rows, is_event=True)
    assert (found.dropped, found.lightened) == (0, 0)
    assert found.samples.weight.tolist() == rows.weight.tolist()
    assert found.heaviest == rows.weight.max()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("label", 7.0),
        ("label", 1e200),
        ("label", 0.5),
        ("label", np.nan),
        ("weight", np.inf),
        ("weight", np.nan),
        ("weight", 0.0),
        ("at", np.inf),
        ("features", np.inf),
        ("baseline", 1e150),
        ("baseline", -0.1),
        ("active", 1.1),
    ],
)
def test_of_an_event_what_cannot_be_is_left_out(name, value):
    found = sifted(spoilt(3, **{name: value}), is_event=True)
    whole = samples()
    assert found.dropped == 1
    assert found.samples.at.tolist() == np.delete(whole.at, 3).tolist()


@pytest.mark.parametrize(("value", "dropped"), [(7.0, 0), (-1e30, 0), (1e200, 1)])
def test_of_a_value_what_no_float32_holds_is_left_out(value, dropped):
    assert sifted(spoilt(3, label=value), is_event=False).dropped == dropped
    assert sifted(spoilt(3, baseline=value), is_event=False).dropped == dropped


@pytest.mark.parametrize("weight", [1e9, 1e300])
def test_a_row_that_weighs_too_much_weighs_as_others_do(weight):
    usual = samples().weight
    found = sifted(spoilt(3, weight=weight), is_event=True)
    assert (found.dropped, found.lightened) == (0, 1)
    assert found.samples.weight.max() == found.heaviest == usual.max()


def test_of_nothing_nothing_is_left():
    rows = samples()
    found = sifted(rows.where(np.zeros(len(rows), dtype=np.bool_)), is_event=True)
    assert (len(found.samples), found.dropped, found.heaviest) == (0, 0, 0.0)
