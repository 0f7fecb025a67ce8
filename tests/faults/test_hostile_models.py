"""Hostile and broken models: the trial gives a reason, and the parent lives on."""

import os
import re

import numpy as np
import pytest
from onnx import TensorProto, helper

from agent.adapters.runtime.trial import ChildTrial
from tests.fakes import onnx_files
from tests.fakes.onnx_files import manifest_of, sha256


@pytest.fixture
def tried(tmp_path):
    def tried(document, *, file=None, wall_s=60.0, **changes):
        path = tmp_path / f"{sha256(document)}.onnx"
        path.write_bytes(document if file is None else file)
        return ChildTrial(tmp_path, wall_s=wall_s).verdict(
            manifest_of(document, **changes)
        )

    return tried


def golden(*vectors):
    return {"golden": [{"features": f, "score": s} for f, s in vectors]}


def test_a_fair_model_may_run_and_its_cost_is_told(tried, tmp_path):
    verdict = tried(
        onnx_files.logistic(),
        **golden(([0, 0], [0.5]), ([1, 0], [onnx_files.sigmoid(1)])),
    )
    assert verdict.reasons == ()
    assert 0 < verdict.latency_ms < 5
    assert 0 < verdict.memory_mb < 64
    assert list((tmp_path / ".empty").iterdir()) == []


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


def node(kind, inputs, **attributes):
    return helper.make_node(kind, inputs, ["probability"], **attributes)


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


def chance():
    return onnx_files.model(
        [
            helper.make_node("RandomUniformLike", ["features"], ["any"], dtype=1),
            node("ReduceMean", ["any"], axes=[1], keepdims=1),
        ]
    )


def hungry():
    """Ask for 40 GB while running."""
    shape = onnx_files.sized("shape", [100_000, 100_000])
    return onnx_files.model(
        [
            helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
            helper.make_node("ReduceMean", ["zeros"], ["mean"], keepdims=0),
            helper.make_node("Add", ["features", "mean"], ["sum"]),
            node("ReduceMean", ["sum"], axes=[1], keepdims=1),
        ],
        initializers=[shape],
    )


def endless():
    """Go round for ever."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["on"]),
            helper.make_node("Identity", ["state"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    true = helper.make_tensor("true", TensorProto.BOOL, [], [True])
    return onnx_files.model(
        [
            helper.make_node("Loop", ["", "true", "features"], ["last"], body=body),
            node("ReduceMean", ["last"], axes=[1], keepdims=1),
        ],
        initializers=[true],
    )


def crashing():
    """An empty input name, which kills ONNX Runtime itself."""
    return onnx_files.model([node("Einsum", ["features", ""], equation="ij,jk->ik")])


@pytest.mark.parametrize(
    ("document", "changes", "reason"),
    [
        pytest.param(b"garbage", {}, "cannot be loaded", id="garbage"),
        pytest.param(b"\x00" * 100, {}, "cannot be loaded", id="zeros"),
        pytest.param(
            onnx_files.logistic([1, 1, 1]), {}, r"shape \[n, 2\]", id="wrong_width"
        ),
        pytest.param(
            onnx_files.logistic(),
            golden(([0, 0], [0.6])),
            r"golden vector 1: expected \[0.6\] within 0.0001, got \[0.5\]",
            id="wrong_golden",
        ),
        pytest.param(onnx_files.constant(np.nan), {}, "got nan", id="nan"),
        pytest.param(onnx_files.constant(np.inf), {}, "got inf", id="infinite"),
        pytest.param(onnx_files.constant(7.0), {}, "got 7", id="no_probability"),
        pytest.param(
            onnx_files.model(
                [node("Cast", ["features"], to=TensorProto.STRING)],
                output_type=TensorProto.STRING,
            ),
            {},
            r"expected tensor\(float\), got tensor\(string\)",
            id="string",
        ),
        pytest.param(
            neighbours(),
            golden(([0, 0], [0.5]), ([20, 20], [1.0])),
            "golden vector",
            id="hangs_on_its_neighbours",
        ),
        pytest.param(chance(), {}, "golden vector 1", id="chance"),
        pytest.param(hungry(), {}, "alloc|memory", id="hungry"),
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
    ],
)
def test_a_bad_model_is_refused_with_the_reason(tried, document, changes, reason):
    verdict = tried(document, **changes)
    assert verdict.reasons
    assert verdict.is_conclusive
    assert_matches(reason, verdict)


def assert_matches(pattern, verdict):
    text = "; ".join(verdict.reasons)
    assert re.search(pattern, text), text


def test_a_model_that_kills_the_runtime_kills_only_the_child(tried):
    verdict = tried(crashing())
    assert verdict.reasons
    assert verdict.is_conclusive


def test_a_model_that_never_ends_is_stopped_and_may_be_tried_again(tried):
    verdict = tried(endless(), wall_s=1.5)
    assert verdict.reasons == ("trial: not over after 1.5 s",)
    assert not verdict.is_conclusive


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
