"""Hostile and broken models: the trial gives a reason, and the parent lives on."""

import os
import re

import numpy as np
import pytest
from onnx import TensorProto, helper

from agent.adapters.runtime.trial import ChildTrial
from agent.core.scan import ScanPolicy
from tests.fakes import hostile_onnx, hostile_runs, onnx_files
from tests.fakes.hostile_onnx import node
from tests.fakes.onnx_files import manifest_of, sha256

ANY = ScanPolicy()


@pytest.fixture
def tried(tmp_path):
    def tried(document, *, file=None, wall_s=60.0, policy=ANY, **changes):
        path = tmp_path / f"{sha256(document)}.onnx"
        path.write_bytes(document if file is None else file)
        trial = ChildTrial(tmp_path, wall_s=wall_s, policy=policy)
        return trial.verdict(manifest_of(document, **changes))

    return tried


def golden(*vectors):
    return {"golden": [{"features": f, "score": s} for f, s in vectors]}


def model_file(**changes):
    document = onnx_files.logistic()
    return {
        "sha256": sha256(document),
        "length": len(document),
        "opset": onnx_files.OPSET,
        "ir": onnx_files.IR,
        **changes,
    }


def test_a_fair_model_may_run_and_its_cost_is_told(tried, tmp_path):
    verdict = tried(
        onnx_files.logistic(),
        **golden(([0, 0], [0.5]), ([1, 0], [onnx_files.sigmoid(1)])),
    )
    assert verdict.reasons == ()
    assert 0 < verdict.latency_ms < 5
    assert 0 < verdict.memory_mb < 64
    assert list((tmp_path / ".empty").iterdir()) == []


def test_a_large_model_is_tried_within_its_limits(tried):
    """20 MB: the file, what the runtime reads of it, and the weights it keeps."""
    document = onnx_files.model(
        [
            helper.make_node("Gather", ["weights", "first"], ["zero"]),
            helper.make_node("Add", ["features", "zero"], ["sum"]),
            helper.make_node("Sigmoid", ["sum"], ["each"]),
            node("ReduceMean", ["each"], axes=[1], keepdims=1),
        ],
        initializers=[
            onnx_files.floats("weights", np.zeros(5_000_000)),
            onnx_files.sized("first", [0]),
        ],
    )
    assert len(document) > 20_000_000
    verdict = tried(document, limits={"memory_mb": 90})
    assert verdict.reasons == ()
    assert 20 < verdict.memory_mb < 90
    assert_matches("memory", tried(document, limits={"memory_mb": 20}))


def test_a_gap_in_a_golden_vector_reaches_the_model(tried):
    nodes = [
        helper.make_node("IsNaN", ["features"], ["gaps"]),
        helper.make_node("Cast", ["gaps"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node(
            "ReduceMax", ["numbers"], ["probability"], axes=[1], keepdims=1
        ),
    ]
    vectors = golden(([None, 0], [1]), ([0, 0], [0]))
    assert tried(onnx_files.model(nodes), **vectors).reasons == ()


def neighbours():
    """Answer the mean over all rows: right alone, wrong in company."""
    return onnx_files.model(
        [
            helper.make_node("Sigmoid", ["features"], ["each"]),
            helper.make_node("ReduceMean", ["each"], ["all"], axes=[0], keepdims=1),
            helper.make_node("Sub", ["each", "each"], ["nothing"]),
            helper.make_node("Add", ["nothing", "all"], ["mean"]),
            node("ReduceMean", ["mean"], axes=[1], keepdims=1),
        ]
    )


def crowd():
    """Answer the share of one row in all: right alone, even where rows are alike."""
    return onnx_files.model(
        [
            helper.make_node("Sigmoid", ["features"], ["each"]),
            helper.make_node("ReduceSum", ["each", "first"], ["all"], keepdims=1),
            helper.make_node("Div", ["each", "all"], ["shares"]),
            node("ReduceMean", ["shares"], axes=[1], keepdims=1),
        ],
        initializers=[onnx_files.sized("first", [0])],
    )


@pytest.mark.parametrize(
    ("document", "changes", "reason"),
    [
        pytest.param(
            onnx_files.logistic(),
            golden(([0, 0], [0.6])),
            r"golden vector 1: expected \[0.6\] within 0.0001, got \[0.5\]",
            id="wrong_golden",
        ),
        pytest.param(onnx_files.logistic(), {"golden": []}, "golden: ", id="no_golden"),
        pytest.param(
            neighbours(),
            golden(([0, 0], [0.5]), ([20, 20], [1.0])),
            "golden vector",
            id="hangs_on_its_neighbours",
        ),
        pytest.param(
            crowd(), golden(([0, 0], [1.0])), "golden vector 1", id="hangs_on_how_many"
        ),
        pytest.param(
            onnx_files.logistic(),
            {"limits": {"latency_ms": 1e-6}},
            "latency: expected at most 1e-06 ms",
            id="slow",
        ),
        pytest.param(
            onnx_files.logistic(),
            {"limits": {"memory_mb": 1e-3}},
            "memory: expected at most 0.001 MB",
            id="large",
        ),
        pytest.param(
            onnx_files.logistic(),
            {"model": model_file(opset=18)},
            "scan: opset: default domain: the manifest says 18, the model 17",
            id="other_opset",
        ),
        pytest.param(
            onnx_files.logistic(),
            {"model": model_file(ir=9)},
            "scan: ir: file format: the manifest says 9, the model 8",
            id="other_ir",
        ),
    ],
)
def test_a_bad_model_is_refused_with_the_reason(tried, document, changes, reason):
    verdict = tried(document, **changes)
    assert verdict.reasons
    assert verdict.is_conclusive
    assert_matches(reason, verdict)


@pytest.mark.parametrize("name", hostile_onnx.CASES)
def test_what_the_scan_finds_is_the_reason(tried, name):
    make, rule = hostile_onnx.CASES[name]
    document = make()
    # Nothing to pin in a manifest: a length must be above 0.
    verdict = tried(document or b"\0")
    assert verdict.is_conclusive
    assert_matches(rf"scan: {rule}: ", verdict)


@pytest.mark.parametrize("case", hostile_runs.CASES.values(), ids=hostile_runs.CASES)
def test_what_only_a_trial_finds_is_refused(tried, case):
    policy = ScanPolicy(extra_ops=case.extra_ops)
    verdict = tried(case.make(), wall_s=case.wall_s, policy=policy, **case.changes)
    assert_matches(case.reason, verdict)
    assert verdict.is_conclusive == case.is_conclusive


def assert_matches(pattern, verdict):
    text = "; ".join(verdict.reasons)
    assert re.search(pattern, text), text


@pytest.mark.parametrize(
    "change", [lambda d: d[:-1], lambda d: d + b"\0", lambda d: b""]
)
def test_a_file_of_another_length_is_refused(tried, change):
    document = onnx_files.logistic()
    verdict = tried(document, file=change(document))
    assert_matches("expected a regular file of 196 bytes, got", verdict)


def test_a_file_that_was_changed_is_refused(tried):
    document = onnx_files.logistic()
    verdict = tried(document, file=bytes([document[0] ^ 1]) + document[1:])
    assert_matches("expected sha256 .*, got", verdict)


def test_a_link_is_not_followed(tmp_path):
    document = onnx_files.logistic()
    (tmp_path / "elsewhere").write_bytes(document)
    (tmp_path / f"{sha256(document)}.onnx").symlink_to(tmp_path / "elsewhere")
    verdict = ChildTrial(tmp_path).verdict(manifest_of(document))
    assert_matches("got Too many levels of symbolic links", verdict)


def test_a_manifest_that_is_none_is_a_reason(tmp_path):
    assert_matches("manifest: ", ChildTrial(tmp_path).verdict(b"{}"))


def test_a_trial_that_cannot_start_is_a_reason(tmp_path):
    verdict = ChildTrial(tmp_path / "gone").verdict(b"{}")
    assert_matches("trial: cannot be started: ", verdict)
    assert not verdict.is_conclusive


def test_the_child_gets_nothing_of_the_parents_environment(tried, monkeypatch):
    monkeypatch.setenv("ORT_LOAD_CONFIG_FROM_MODEL", "1")
    monkeypatch.setenv("PYTHONPATH", os.devnull)
    assert tried(onnx_files.logistic()).reasons == ()
