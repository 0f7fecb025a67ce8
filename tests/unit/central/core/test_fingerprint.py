"""The fingerprint: the same rows in any order, and other rows in no way."""

from dataclasses import replace

import numpy as np
import pytest

from central.core.fingerprint import fingerprint
from tests.fakes.truth import truth

SAMPLES = truth(release="a", moments=50, sent=1.0).samples


def test_the_order_of_the_rows_does_not_matter():
    order = np.random.default_rng(1).permutation(len(SAMPLES))
    assert fingerprint(SAMPLES.where(order)) == fingerprint(SAMPLES)


@pytest.mark.parametrize(
    "name", ["features", "label", "weight", "at", "host", "entity", "release"]
)
def test_whatever_a_row_says_matters(name):
    column = getattr(SAMPLES, name).copy()
    column[3] = "b" if column.dtype.kind == "U" else column[3] + 1
    if name == "entity":
        column = np.array(["b", *SAMPLES.entity[1:].tolist()])
    changed = replace(SAMPLES, **{name: column})
    assert fingerprint(changed) != fingerprint(SAMPLES)
