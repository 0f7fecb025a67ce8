"""Models: what a loaded release answers, and what it may not answer."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
from onnx import TensorProto, helper

from agent.adapters.runtime import OnnxModels
from agent.core.manifest import parse_manifest
from agent.core.release import Release, ReleaseState
from agent.errors import AnswerError, ModelError, StateError, TamperedError
from tests.fakes import onnx_files
from tests.fakes.onnx_files import manifest_of, sha256, sigmoid

VALUE = {
    "target": {
        "kind": "value",
        "expression": "avg_over_time(system.cpu.utilization[1m])",
        "ahead": "10m",
        "quantiles": [0.1, 0.5, 0.9],
    },
    "decision": ...,
    "golden": [],
}


@pytest.fixture
def load(tmp_path):
    def load(document, **changes):
        (tmp_path / f"{sha256(document)}.onnx").write_bytes(document)
        manifest = parse_manifest(manifest_of(document, **changes))
        return OnnxModels(tmp_path).load(
            Release(
                digest=sha256(document), manifest=manifest, state=ReleaseState.SHADOW
            )
        )

    return load


def matrix(*rows):
    return np.array(rows, dtype=np.float32)


@pytest.mark.parametrize("output", ["(n,1)", "(n,)", "(n,2)"])
def test_every_shape_of_a_probability_comes_out_as_one_column(load, output):
    model = load(onnx_files.logistic([2.0, -1.0], bias=0.5, output=output))
    scores = model.score(matrix([1, 1], [0, 3]))
    assert scores.dtype == np.float32
    assert scores.tolist() == [
        pytest.approx([sigmoid(1.5)]),
        pytest.approx([sigmoid(-2.5)]),
    ]


def test_a_value_model_answers_one_number_a_quantile(load):
    model = load(onnx_files.linear([[1, 2, 3], [0, 0, 10]]), **VALUE)
    assert model.score(matrix([1, 0], [-1, 1])).tolist() == [[1, 2, 3], [-1, -2, 7]]


def test_no_entity_is_no_score(load):
    assert load(onnx_files.logistic()).score(np.empty((0, 2), np.float32)).shape == (
        0,
        1,
    )


def test_rows_are_scored_as_if_each_were_alone(load):
    model = load(onnx_files.logistic())
    rows = matrix([0, 1], [5, -5], [2, 2])
    alone = np.concatenate([model.score(row[np.newaxis]) for row in rows])
    assert np.array_equal(model.score(rows), alone)


def test_nobody_measures_a_model_that_nobody_guards(load):
    model = load(onnx_files.logistic())
    model.score(matrix([1, 2]))
    assert model.latency_ms == 0


def test_a_survey_has_no_model(tmp_path):
    manifest = parse_manifest(manifest_of(None))
    survey = Release(digest="0" * 64, manifest=manifest, state=ReleaseState.SHADOW)
    with pytest.raises(ModelError, match="a survey has no model"):
        OnnxModels(tmp_path).load(survey)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 1.1])
def test_what_is_no_probability_is_an_error_that_names_the_row(load, value):
    model = load(onnx_files.constant(value))
    wrong = r"in 0\.\.1, got .* in row 1 of 2 \(2 such\)"
    with pytest.raises(AnswerError, match=wrong):
        model.score(matrix([0, 0], [1, 1]))


def test_one_bad_row_among_good_ones_is_told(load):
    model = load(onnx_files.logistic())
    with pytest.raises(AnswerError, match=r"got nan in row 3 of 3 \(1 such\)"):
        model.score(matrix([0, 0], [1, 1], [np.nan, 0]))


def test_a_value_that_is_not_finite_is_an_error(load):
    model = load(onnx_files.linear([[1, 2, 3], [0, 0, 10]]), **VALUE)
    with pytest.raises(AnswerError, match="expected a finite number, got inf in row 1"):
        model.score(matrix([np.inf, 1]))


def test_a_probability_that_left_its_range_by_rounding_comes_back_into_it(load):
    model = load(onnx_files.constant(1.000001))
    assert model.score(matrix([0, 0])).tolist() == [[1.0]]


def test_a_model_that_raises_is_at_fault(load):
    model = load(onnx_files.logistic())
    with pytest.raises(ModelError, match=r"model .*: raised ") as caught:
        model.score(np.zeros((1, 3), np.float32))
    assert caught.type is ModelError  # an answer is worse: it is not given twice


def test_an_answer_of_another_shape_is_an_error(load):
    nodes = [helper.make_node("Identity", ["features"], ["probability"])]
    model = load(onnx_files.model(nodes, width=3), **manifest_width(3))
    with pytest.raises(AnswerError, match=r"expected answers of shape \(1, 1\), got"):
        model.score(np.zeros((1, 3), np.float32))


def manifest_width(width):
    names = [f"avg_over_time({onnx_files.SERIES}[{n + 1}m])" for n in range(width)]
    return {"features": names, "golden": []}


def text_output():
    nodes = [helper.make_node("Cast", ["features"], ["probability"], to=8)]
    return onnx_files.model(nodes, output_type=TensorProto.STRING)


def extra_input():
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2])
        for name in ("features", "more")
    ]
    nodes = [helper.make_node("Add", ["features", "more"], ["probability"])]
    return onnx_files.model(nodes, inputs=inputs)


def other_input(kind=TensorProto.FLOAT, shape=("n", 2), name="features"):
    nodes = [helper.make_node("Identity", [name], ["probability"])]
    inputs = [helper.make_tensor_value_info(name, kind, list(shape))]
    return onnx_files.model(
        nodes, inputs=inputs, output_type=kind, output_shape=["a", "b"]
    )


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (onnx_files.logistic([1, 2, 3]), r"expected tensor\(float\) of shape \[n, 2\]"),
        (text_output(), r'output "probability": expected tensor\(float\), got tensor'),
        (extra_input(), 'expected one input "features", got "features", "more"'),
        (other_input(name="x"), 'expected one input "features", got "x"'),
        (other_input(TensorProto.DOUBLE), r"got tensor\(double\) of shape"),
        (other_input(shape=("n",)), r"of shape \[n, 2\], got .* of shape \['n'\]"),
        (other_input(shape=(1, 2)), r"of shape \[n, 2\], got .* of shape \[1, 2\]"),
        (b"garbage", "cannot be loaded: "),
        (b"\x08", "cannot be loaded: "),
    ],
)
def test_a_model_that_is_not_what_its_manifest_says_is_refused(load, document, reason):
    with pytest.raises(ModelError, match=reason):
        load(document)


def test_an_output_of_another_name_is_refused(load):
    document = onnx_files.logistic()
    manifest = {
        "sha256": sha256(document),
        "length": len(document),
        "opset": 17,
        "ir": 8,
        "output": "label",
    }
    with pytest.raises(ModelError, match=r'"label": expected .*, got outputs "prob'):
        load(document, model=manifest)


def lay_nothing(path, document):
    pass


def lay_link(path, document):
    path.with_suffix(".other").write_bytes(document)
    path.symlink_to(path.with_suffix(".other"))


def lay_fifo(path, document):
    os.mkfifo(path)


def lay_folder(path, document):
    path.mkdir()


def lay_short(path, document):
    path.write_bytes(document[:-1])


def lay_long(path, document):
    path.write_bytes(document + b"\0")


def lay_changed(path, document):
    path.write_bytes(document[:-1] + bytes([document[-1] ^ 1]))


@pytest.mark.parametrize(
    ("lay", "reason"),
    [
        (lay_nothing, "expected a regular file, got No such file"),
        (lay_link, "expected a regular file, got Too many levels of symbolic links"),
        (lay_fifo, "expected a regular file of .* bytes, got something else"),
        (lay_folder, "expected a regular file, got Is a directory"),
        (lay_short, "expected a regular file of 196 bytes, got 195 bytes"),
        (lay_long, "expected a regular file of 196 bytes, got 197 bytes"),
        (lay_changed, "expected sha256 .*, got "),
    ],
)
def test_bytes_that_were_not_signed_are_never_loaded(tmp_path, lay, reason):
    document = onnx_files.logistic()
    lay(tmp_path / f"{sha256(document)}.onnx", document)
    release = Release(
        digest=sha256(document),
        manifest=parse_manifest(manifest_of(document)),
        state=ReleaseState.SHADOW,
    )
    with pytest.raises(TamperedError, match=reason):
        OnnxModels(tmp_path).load(release)


def release_of(document, *, digest=None):
    return Release(
        digest=digest or sha256(document),
        manifest=parse_manifest(manifest_of(document)),
        state=ReleaseState.SHADOW,
    )


@pytest.mark.parametrize(
    "lay", [lay_link, lay_fifo, lay_folder, lay_short, lay_changed]
)
def test_what_stands_in_a_models_place_can_be_set_aside(tmp_path, lay):
    document = onnx_files.logistic()
    path = tmp_path / f"{sha256(document)}.onnx"
    lay(path, document)
    before = path.lstat()
    OnnxModels(tmp_path).set_aside(release_of(document))
    assert not os.path.lexists(path)
    (aside,) = (tmp_path / "aside").iterdir()
    assert aside.name == f"{sha256(document)}.1"
    assert (aside.lstat().st_mode, aside.lstat().st_ino) == (
        before.st_mode,
        before.st_ino,
    )


def test_what_is_gone_leaves_nothing_to_set_aside(tmp_path):
    OnnxModels(tmp_path).set_aside(release_of(onnx_files.logistic()))
    assert list((tmp_path / "aside").iterdir()) == []


def test_a_survey_has_nothing_to_set_aside(tmp_path):
    manifest = parse_manifest(manifest_of(None))
    survey = Release(digest="0" * 64, manifest=manifest, state=ReleaseState.SHADOW)
    OnnxModels(tmp_path).set_aside(survey)
    assert list(tmp_path.iterdir()) == []


def test_the_five_newest_of_what_was_set_aside_are_kept_and_none_overwritten(tmp_path):
    documents = [onnx_files.logistic([weight, 1]) for weight in range(2)]
    models = OnnxModels(tmp_path)
    (tmp_path / "aside").mkdir()
    (tmp_path / "aside" / "notes.txt").touch()
    for turn in range(8):
        document = documents[turn % 2]
        lay = lay_folder if turn == 1 else lay_fifo
        lay(tmp_path / f"{sha256(document)}.onnx", document)
        models.set_aside(release_of(document))
    kept = {path.suffix for path in (tmp_path / "aside").iterdir()}
    assert kept == {".4", ".5", ".6", ".7", ".8"}


def test_what_cannot_be_set_aside_says_where(tmp_path):
    document = onnx_files.logistic()
    (tmp_path / f"{sha256(document)}.onnx").write_bytes(b"")
    (tmp_path / "aside").write_bytes(b"")
    with pytest.raises(StateError, match="aside: File exists"):
        OnnxModels(tmp_path).set_aside(release_of(document))


def test_a_file_that_cannot_be_read_is_not_taken_for_a_tampered_one(
    tmp_path, monkeypatch
):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StateError, match="onnx: Permission denied; see its rights"):
        OnnxModels(tmp_path).load(release_of(onnx_files.logistic()))


def test_a_file_swapped_after_the_load_does_not_matter_to_a_loaded_model(
    load, tmp_path
):
    document = onnx_files.logistic()
    model = load(document)
    before = model.score(matrix([1, 2]))
    (tmp_path / f"{sha256(document)}.onnx").write_bytes(b"another")
    assert np.array_equal(model.score(matrix([1, 2])), before)
    with pytest.raises(TamperedError):
        OnnxModels(tmp_path).load(release_of(document))


def test_the_runtime_comes_in_at_the_first_load_and_never_with_telemetry():
    script = (
        "import os, sys; import agent.adapters.runtime.model as m;"
        "assert 'onnxruntime' not in sys.modules;"
        "del os.environ['ORT_DISABLE_TELEMETRY']; m.load_engine()"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert "StateError: ORT_DISABLE_TELEMETRY must be set" in done.stderr


def test_scoring_loads_nothing_that_networks():
    script = (
        "import sys; import agent.adapters.runtime.model as m; m.load_engine();"
        "bad = {'tuf', 'httpx', 'cryptography', 'securesystemslib'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603 - as above
