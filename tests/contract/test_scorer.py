"""A model's answers are got from a child; whatever it does, central lives on."""

import math

import pytest

from agent.core.manifest import parse_manifest
from agent.errors import ModelError
from central.adapters.scorer import ChildScorer
from tests.fakes.hostile_onnx import loop
from tests.fakes.hostile_runs import crash_einsum
from tests.fakes.onnx_files import SERIES, constant, linear, logistic, manifest_of

ROWS = ((0.0, 0.0), (2.0, 1.0), (1.0, None))
QUANTILES = {
    "kind": "value",
    "expression": f"avg_over_time({SERIES}[5m])",
    "ahead": "10m",
    "quantiles": [0.1, 0.9],
}


@pytest.fixture
def scores(tmp_path):
    """Return what asks a model for its scores of three rows, the last with a gap."""

    def scores(model, *, wall_s=30, **changes):
        path = tmp_path / "model.onnx"
        path.write_bytes(model)
        manifest = parse_manifest(manifest_of(model, **changes))
        return ChildScorer(wall_s=wall_s).scores(path, manifest=manifest, inputs=ROWS)

    return scores


@pytest.mark.parametrize("output", ["(n,1)", "(n,)", "(n,2)"])
def test_a_model_answers_row_by_row_in_each_shape_that_an_agent_takes(output, scores):
    (first,), (second,), (third,) = scores(logistic([1, -1], output=output))
    assert (first, second) == pytest.approx((0.5, 1 / (1 + math.exp(-1))))
    assert math.isnan(third)


def test_a_forecast_has_a_number_for_each_quantile(scores):
    found = scores(linear([[1, 2], [0, 0]]), target=QUANTILES, decision=..., golden=[])
    assert found[1] == [2, 4]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_finite_number_is_no_answer(value, scores):
    assert all(math.isnan(score) for (score,) in scores(constant(value)))


@pytest.mark.parametrize(
    ("model", "changes", "words"),
    [
        pytest.param(b"garbage", {}, "model: raised InvalidProtobuf", id="garbage"),
        pytest.param(
            linear([[1, 2, 3], [0, 0, 0]]),
            {},
            r'output "probability": expected shape \(1, 1\), got \(1, 3\)',
            id="another_shape",
        ),
        pytest.param(
            logistic([1, 2, 3]), {}, "model: raised InvalidArgument", id="another_width"
        ),
        pytest.param(
            crash_einsum(), {}, "ended with status -11", id="kills_the_runtime"
        ),
        pytest.param(
            loop(), {"wall_s": 2}, "expected scores within 2 s, got none", id="endless"
        ),
    ],
)
def test_a_model_that_does_not_answer_is_at_fault(model, changes, words, scores):
    with pytest.raises(ModelError, match=words):
        scores(model, **changes)
