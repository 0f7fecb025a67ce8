"""Golden vectors: over the range of what was seen, the same for the same manifest."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.manifest import parse_manifest
from central.core.golden import golden_inputs, golden_vectors, unanswered
from tests.fakes.onnx_files import SERIES, logistic, manifest_of

MODEL = logistic()


def manifest(width=2, **changes):
    return parse_manifest(manifest_of(MODEL, width=width, golden=[], **changes))


def reference(*rows):
    return {"quantiles": rows, "rows": 1000}


def test_the_first_rows_walk_from_the_least_to_the_greatest():
    found = golden_inputs(manifest(reference=reference([0, 10], [5, 6, 105])))
    assert found[:5] == ((0, 5), (2.5, 5.5), (5, 6), (7.5, 55.5), (10, 105))


def test_the_same_manifest_has_the_same_rows():
    signed = manifest(reference=reference([0, 1], [0, 1]))
    assert golden_inputs(signed) == golden_inputs(signed)


@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=11).map(sorted),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["nan", "skip"]),
)
def test_every_value_was_seen_and_a_gap_comes_where_it_may(quantiles, missing):
    signed = manifest(len(quantiles), reference=reference(*quantiles), missing=missing)
    rows = golden_inputs(signed)
    assert len(rows) == (8 if missing == "nan" else 7)
    for row in rows[:7]:
        for value, seen in zip(row, quantiles, strict=True):
            slack = 1e-5 * max(1, abs(seen[0]), abs(seen[-1]))
            assert seen[0] - slack <= value <= seen[-1] + slack
    assert [None in row for row in rows] == [False] * 7 + [True] * (missing == "nan")


def test_without_a_reference_the_units_say_what_is_plausible():
    features = [
        f"avg_over_time({SERIES}[5m])",
        'sum_over_time(system.disk.io{device="sda",direction="read"}[5m])',
        "hour_sin()",
    ]
    rows = golden_inputs(manifest(3, features=features))
    assert rows[0] == (0, 0, -1)
    assert rows[4] == (1, 1e6, 1)


def test_a_metric_that_nobody_knows_is_taken_for_an_amount():
    rows = golden_inputs(manifest(1, features=["avg_over_time(my.own[5m])"]))
    assert rows[4] == (1e6,)


def test_quantiles_that_were_never_seen_are_made_up():
    found = golden_inputs(manifest(reference=reference([None, None], [None, 3, 4])))
    assert found[0] == (0, 3)
    assert found[4] == (1, 4)


def test_a_probability_may_be_off_by_the_same_everywhere():
    (vector,) = golden_vectors(((1.0, None),), [[0.25]], manifest=manifest())
    assert (vector.features, vector.score) == ((1.0, None), (0.25,))
    assert vector.tolerance == 1e-4


@pytest.mark.parametrize(
    ("score", "tolerance"), [([0.5, -0.5], 1e-4), ([10.0, -4000.0], 0.4)]
)
def test_a_value_may_be_off_by_a_share_of_its_size(score, tolerance):
    target = {
        "kind": "value",
        "expression": f"avg_over_time({SERIES}[5m])",
        "ahead": "10m",
        "quantiles": [0.1, 0.9],
    }
    signed = manifest(target=target, decision=...)
    (vector,) = golden_vectors(((1.0, 2.0),), [score], manifest=signed)
    assert vector.tolerance == pytest.approx(tolerance)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_row_without_a_finite_answer_is_named(bad):
    rows = ((1.0, 2.0), (1.0, None))
    assert unanswered(rows, [[0.1], [0.2]]) is None
    assert unanswered(rows, [[bad], [0.2]]) == (
        f"model: answers [{bad}] to the features [1.0, 2.0]"
    )
    assert unanswered(rows, [[0.1], [bad]]) == (
        f"model: answers [{bad}] to a row with gaps; train it with gaps, or set "
        'missing to "skip"'
    )


def test_the_rows_stand_in_a_manifest_as_they_are():
    signed = manifest(reference=reference([0, 1 / 3], [0, 2 / 3]))
    rows = golden_inputs(signed)
    vectors = golden_vectors(rows, [[0.5]] * len(rows), manifest=signed)
    found = json.loads(json.dumps([list(v.features) for v in vectors]))
    assert found == [list(row) for row in rows]
    assert np.float32(rows[4][0]) == np.float32(0.333333)
