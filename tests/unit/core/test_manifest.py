"""The manifest: read strictly, once; whatever is wrong is named."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.manifest import MAX_BYTES, parse_manifest
from agent.core.manifest_parts import GuardPolicy
from agent.core.series import parse_series
from agent.core.target import EventTarget, ValueMeaning, ValueTarget
from agent.errors import ManifestError

UTILIZATION = 'system.filesystem.utilization{mountpoint="$entity"}'
# The worked example of the contract, its gaps filled in.
EXAMPLE = {
    "schema": 1,
    "task": "filesystem-full",
    "version": 7,
    "title": "A file system fills up within 6 hours",
    "entity": "mountpoint",
    "target": {
        "kind": "event",
        "series": UTILIZATION,
        "condition": ">= 0.95",
        "sustained": "60s",
        "within": "6h",
        "onset": True,
    },
    "score_every": "60s",
    "features": [
        f"last_over_time({UTILIZATION}[1m])",
        f"predict_linear({UTILIZATION}[1h], 21600)",
        "hour_sin()",
    ],
    "min_coverage": 0.8,
    "missing": "nan",
    "model": {
        "format": "onnx",
        "sha256": "ab" * 32,
        "length": 81234,
        "opset": 21,
        "ir": 10,
        "input": "features",
        "output": "probability",
    },
    "decision": {"threshold": 0.37, "clear": 0.25},
    "golden": [{"features": [0.1, None, 1], "score": [0.02], "tolerance": 1e-4}],
    "limits": {"latency_ms": 5, "memory_mb": 64},
    "requires": {"agent": ">=1.0", "metrics": ["system.filesystem.utilization"]},
    "reference": {"quantiles": [[0.1, 0.9], [None, None], [-1, 1]], "rows": 120000},
    "guard": {"margin": 0.10, "block": "20m"},
    "provenance": {"parent": 6, "hosts": 412, "evaluation": {"auprc": 0.71}},
}
VALUE = {
    "kind": "value",
    "expression": f"avg_over_time({UTILIZATION}[5m])",
    "ahead": "1h",
    "quantiles": [0.1, 0.5, 0.9],
    "as": "change",
}


def parsed(*path, value=..., **changes):
    """Return the example, understood, with one key changed or (`...`) removed."""
    content = json.loads(json.dumps(EXAMPLE)) | changes
    if path:
        *parents, key = path
        inner = content
        for parent in parents:
            inner = inner[parent]
        if value is ...:
            del inner[key]
        else:
            inner[key] = value
    return parse_manifest(json.dumps(content).encode())


def test_the_worked_example_is_understood():
    manifest = parsed()
    target = manifest.target
    assert isinstance(target, EventTarget)
    assert target.series == parse_series(UTILIZATION)
    assert (target.sustained_s, target.within_s, target.onset) == (60, 6 * 3600, True)
    assert manifest.score_every == 60
    assert manifest.outputs == 1
    assert manifest.guard.block == 1200
    assert manifest.golden[0].features == (0.1, None, 1.0)
    assert manifest.entity_series == parse_series(UTILIZATION)
    assert manifest.all_series() == {parse_series(UTILIZATION)}
    assert manifest.features[2].text == "hour_sin()"


def test_two_readings_of_one_manifest_are_equal():
    assert parsed() == parsed()
    assert hash(parsed().features) == hash(parsed().features)
    assert parsed() != parsed("features", 2, value="hour_cos()")


def test_a_value_target_is_understood():
    manifest = parsed(
        target=VALUE,
        decision=None,
        golden=[{"features": [0, 0, 0], "score": [1, 2, 3]}],
    )
    target = manifest.target
    assert isinstance(target, ValueTarget)
    assert target.quantiles == (0.1, 0.5, 0.9)
    assert target.meaning is ValueMeaning.CHANGE
    assert target.horizon_s == 3600
    assert manifest.outputs == 3
    assert manifest.entity_series == parse_series(UTILIZATION)
    assert manifest.all_series() == {parse_series(UTILIZATION)}


def test_a_limit_relative_to_the_past_is_read_too():
    condition = f"> quantile_over_time(0.99, {UTILIZATION}[7d])"
    assert parsed("target", "condition", value=condition).target.lookback_s == 7 * 86400


def test_a_survey_has_neither_model_nor_decision():
    manifest = parsed("model", decision=None)
    assert manifest.model is None
    assert manifest.golden


def test_what_may_be_left_out_has_its_default():
    content = {
        key: EXAMPLE[key]
        for key in ("schema", "task", "version", "title", "target", "entity")
    }
    content["features"] = EXAMPLE["features"][:1]
    manifest = parse_manifest(json.dumps(content).encode())
    assert (manifest.score_every, manifest.min_coverage, manifest.missing) == (
        60,
        0.8,
        "nan",
    )
    assert manifest.provenance == {}


@pytest.mark.parametrize(
    "key", ["schema", "task", "version", "title", "target", "features"]
)
def test_what_may_not_be_left_out_is_named(key):
    with pytest.raises(ManifestError, match=f"missing required field `{key}`"):
        parsed(key)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("schema",), 2, "expected schema 1, got 2"),
        (("task",), "../x", "$.task"),
        (("task",), "Disk", "$.task"),
        (("task",), "a" * 65, "$.task"),
        (("task",), "disk\n", "$.task"),
        (("model", "sha256"), "ab" * 32 + "\n", "$.model.sha256"),
        (("target", "sustained"), "7h", "sustained must not exceed target.within"),
        (("version",), 0, "$.version"),
        (("version",), 1.5, "$.version"),
        (("surprise",), 1, "`surprise`"),
        (("target", "surprise"), 1, "`surprise`"),
        (("model", "surprise"), 1, "`surprise`"),
        (("target", "kind"), "wish", "'wish' - at `$.target.kind`"),
        (("target", "within"), "6 hours", "$.target.within"),
        (("target", "within"), 6, "$.target.within"),
        (("target", "within"), "0s", "the horizon must be longer than 0"),
        (("target", "series"), "not a series!", "column 4"),
        (("target", "condition"), "0.95", "expected one of >=, <=, >, <"),
        (("target", "condition"), ">= nothing(", "expected"),
        (("score_every",), "0s", "score_every must be longer than 0"),
        (("features",), [], "features: expected 1 to 512, got 0"),
        (("features",), ["1"] * 513, "features: expected 1 to 512, got 513"),
        (("features",), [1, "1", "1"], "$.features[0]"),
        (("features",), ["1", "sum(x[1m])", "1"], "$.features[1]"),
        (("min_coverage",), 1.1, "$.min_coverage"),
        (("missing",), "zero", "$.missing"),
        (("model", "sha256"), "AB" * 32, "$.model.sha256"),
        (("model", "length"), 0, "$.model.length"),
        (("model", "format"), "pickle", "$.model.format"),
        (("decision",), None, "decision: an event with a model needs one"),
        (("decision", "clear"), 0.5, "decision.clear must not be above"),
        (("decision", "threshold"), 1.5, "$.decision.threshold"),
        (("calibration",), "fleet", "$.calibration"),
        (("golden", 0, "features"), [1, 2], "every vector needs 3 features and 1"),
        (("golden", 0, "score"), [1, 2], "every vector needs 3 features and 1"),
        (("golden", 0, "tolerance"), 0, "$.golden[0].tolerance"),
        (("reference", "quantiles"), [[1]], "reference.quantiles: expected 3 rows"),
        (("limits", "latency_ms"), -5, "$.limits.latency_ms"),
        (("guard", "margin"), 2, "$.guard.margin"),
        (("guard", "block"), "soon", "$.guard.block"),
        (("guard", "mean_output"), [0.9, 0.1], "expected the lower bound first"),
        (("guard", "mean_output"), [0.1], "$.guard.mean_output"),
        (("guard", "mean_output"), [0.1, None], "$.guard.mean_output[1]"),
        (("entity",), "host", '"host" has no $entity to fill in'),
        (("entity",), "Mount", "$.entity"),
        (("requires", "metrics"), "all", "$.requires.metrics"),
        (("requires", "agent"), ">=" + "1" * 99, "$.requires.agent"),
        (("provenance",), [], "$.provenance"),
    ],
)
def test_what_is_wrong_is_named(path, value, words):
    with pytest.raises(ManifestError) as refused:
        parsed(*path, value=value)
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_only_an_events_probability_is_calibrated():
    assert parsed().calibration is None
    assert parsed(calibration="local").calibration == "local"
    with pytest.raises(ManifestError, match="only the probability of an event can be"):
        parsed(target=VALUE, calibration="local", decision=None, golden=[])


@pytest.mark.parametrize("quantiles", [[], [0.9, 0.1], [0.5, 0.5], [1.5]])
def test_quantiles_ascend(quantiles):
    with pytest.raises(ManifestError, match="quantiles"):
        parsed(target=VALUE | {"quantiles": quantiles}, decision=None, golden=[])


@pytest.mark.parametrize("quantiles", [[0.0, 0.5], [0.5, 1.0], [0.0], [1.0]])
def test_no_quantile_is_the_least_or_the_most_that_can_be(quantiles):
    """No loss prices those: to answer minus infinity would be best."""
    with pytest.raises(ManifestError, match="quantiles must lie between 0 and 1"):
        parsed(target=VALUE | {"quantiles": quantiles}, decision=None, golden=[])


def test_how_a_release_wants_to_be_guarded_is_understood():
    assert parsed().guard == GuardPolicy(margin=0.1, block=1200.0, mean_output=None)
    assert parsed("guard").guard == GuardPolicy(margin=0.1, block=None)
    for bounds in ([0.0, 0.3], [0.2, 0.2], [-1.5, 7]):
        guard = parsed("guard", "mean_output", value=bounds).guard
        assert guard.mean_output == tuple(bounds)


def test_an_entity_needs_something_to_fill_in():
    features = ["last_over_time(system.uptime[1m])"] * 3
    target = EXAMPLE["target"] | {"series": "system.uptime"}
    with pytest.raises(ManifestError, match="every other needs one"):
        parsed(features=features, target=target)


def test_a_manifest_that_is_too_long_is_not_even_read():
    with pytest.raises(ManifestError, match="expected at most 1000000 bytes, got"):
        parse_manifest(b" " * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b'{"schema": "1"}',
        b'{"schema": 1e999}',
        b'{"schema": 1, "task": "\\ud800"}',
        b"[" * 100_000,
        b'{"schema": 1, "provenance": ' + b'{"a": ' * 10_000 + b"1" + b"}" * 10_001,
        b'{"schema": 1, "schema": 2}',
    ],
)
def test_what_is_no_manifest_is_a_manifest_error(document):
    with pytest.raises(ManifestError):
        parse_manifest(document)


@given(st.binary(max_size=300))
def test_random_bytes_are_a_manifest_error(document):
    with pytest.raises(ManifestError):
        parse_manifest(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(sorted(EXAMPLE)), JSON)
def test_a_manifest_with_anything_in_a_key_is_read_or_refused(key, value):
    with suppress(ManifestError):
        parsed(key, value=value)


@given(
    st.sampled_from(["series", "condition", "within", "sustained", "kind", "onset"]),
    JSON,
)
def test_a_target_with_anything_in_a_key_is_read_or_refused(key, value):
    with suppress(ManifestError):
        assert parsed("target", key, value=value).target.horizon_s > 0


@given(st.integers(0, len(json.dumps(EXAMPLE)) - 1), st.integers(0, 255))
def test_a_manifest_with_any_byte_changed_is_read_or_refused(position, byte):
    document = bytearray(json.dumps(EXAMPLE).encode())
    document[position] = byte
    with suppress(ManifestError):
        parse_manifest(bytes(document))


def test_a_value_that_is_read_from_nothing_is_refused():
    target = {"kind": "value", "expression": "1 + hour_sin()", "ahead": "5m"}
    content = {**EXAMPLE, "target": target}
    content.pop("decision")
    with pytest.raises(ManifestError, match="target must read a series"):
        parse_manifest(json.dumps(content).encode())
