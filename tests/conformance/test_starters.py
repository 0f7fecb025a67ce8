"""Every shipped starter release is whole, honest and what its recipe makes."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from agent.core import metrics
from agent.core.expression import parse
from agent.core.features import bind
from agent.core.manifest import parse_manifest
from agent.core.window import Window

STARTERS = Path(__file__).resolve().parents[2] / "agent" / "starters"
TASKS = ("cpu-saturation", "filesystem-full", "memory-pressure")
MAX_BYTES = 150_000


def manifest_of(task):
    return parse_manifest((STARTERS / task / "manifest.json").read_bytes())


def scores_of(document, rows):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(document, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"features": rows})
    assert answer.dtype == np.float32
    assert answer.shape == (len(rows), 1)
    return answer[:, 0]


def golden_rows(manifest):
    vectors = [
        [np.nan if value is None else value for value in golden.features]
        for golden in manifest.golden
    ]
    return np.array(vectors, dtype=np.float32)


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


def test_the_shipped_tasks_are_these():
    assert sorted(path.name for path in STARTERS.iterdir() if path.is_dir()) == list(
        TASKS
    )


def test_a_starter_is_three_files_and_names_its_folder(task):
    names = {path.name for path in (STARTERS / task).iterdir()}
    assert names == {"manifest.json", "model.onnx", "card.md"}
    assert manifest_of(task).task == task


def test_the_model_is_the_one_that_the_manifest_pins(task):
    document = (STARTERS / task / "model.onnx").read_bytes()
    model = manifest_of(task).model
    assert hashlib.sha256(document).hexdigest() == model.sha256
    assert len(document) == model.length


def test_the_models_together_are_small():
    total = sum(path.stat().st_size for path in STARTERS.glob("*/model.onnx"))
    assert total < MAX_BYTES


def test_the_manifest_tells_the_truth_about_the_file(task):
    onnx = pytest.importorskip("onnx")
    manifest = manifest_of(task)
    model = onnx.load(STARTERS / task / "model.onnx")
    onnx.checker.check_model(model)
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    assert opsets[""] == manifest.model.opset
    assert model.ir_version == manifest.model.ir
    assert [value.name for value in model.graph.input] == [manifest.model.input]
    assert [value.name for value in model.graph.output] == [manifest.model.output]
    assert model.producer_name == ""
    assert model.doc_string == ""
    assert not model.metadata_props


def test_golden_vectors_come_again_and_some_have_gaps(task):
    manifest = manifest_of(task)
    document = (STARTERS / task / "model.onnx").read_bytes()
    rows = golden_rows(manifest)
    scores = scores_of(document, rows)
    for golden, score in zip(manifest.golden, scores, strict=True):
        assert score == pytest.approx(golden.score[0], abs=golden.tolerance)
    has_gaps = np.isnan(rows).any(axis=1)
    assert has_gaps.any()
    assert not has_gaps.all()
    assert np.ptp(scores) > 0.3


def test_whatever_comes_in_a_probability_comes_out(task):
    manifest = manifest_of(task)
    document = (STARTERS / task / "model.onnx").read_bytes()
    rng = np.random.default_rng(7)
    width = len(manifest.features)
    rows = rng.normal(0, 10.0 ** rng.integers(-6, 7, (5000, 1)), (5000, width))
    rows[rng.random(rows.shape) < 0.3] = np.nan
    rows[0], rows[1], rows[2] = np.nan, np.inf, -np.inf
    scores = scores_of(document, rows.astype(np.float32))
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    assert (scores <= 1).all()


def test_rows_do_not_hang_on_their_neighbours(task):
    manifest = manifest_of(task)
    document = (STARTERS / task / "model.onnx").read_bytes()
    rows = golden_rows(manifest)
    alone = np.concatenate([scores_of(document, row[np.newaxis]) for row in rows])
    assert alone.tolist() == scores_of(document, rows).tolist()


def test_every_series_is_in_the_catalogue(task):
    manifest = manifest_of(task)
    for series in manifest.all_series():
        assert metrics.is_known(series.name)
        known = metrics.metric(series.name).attributes
        assert {key for key, _ in series.attributes} <= set(known)
    assert set(manifest.requires.metrics) == {s.name for s in manifest.all_series()}


@pytest.mark.parametrize("interval_s", [5.0, 10.0, 60.0])
def test_its_features_can_be_read_on_every_usual_grid(task, interval_s):
    manifest = manifest_of(task)
    window = Window(interval_s=interval_s, span_s=8 * 3600.0)
    bind(
        [parse(formula.text) for formula in manifest.features],
        entities=["/"],
        window=window,
        min_coverage=manifest.min_coverage,
    )


def test_nearer_to_the_limit_is_never_less_likely(task):
    """The first feature is the distance to the limit, and only falls."""
    document = (STARTERS / task / "model.onnx").read_bytes()
    rows = np.repeat(golden_rows(manifest_of(task)), 50, axis=0)
    rows[:, 0] = np.tile(np.linspace(0, 1, 50), len(rows) // 50)
    scores = scores_of(document, rows).reshape(-1, 50)
    assert (np.diff(scores, axis=1) <= 1e-6).all()


def test_the_reference_has_eleven_quantiles_a_feature_in_order(task):
    manifest = manifest_of(task)
    assert manifest.reference.rows > 10_000
    for quantiles in manifest.reference.quantiles:
        assert len(quantiles) == 11
        assert list(quantiles) == sorted(quantiles)


def test_it_says_how_it_was_tested_and_against_what(task):
    evaluation = manifest_of(task).provenance["evaluation"]
    assert {
        "auprc",
        "baseline_auprc",
        "brier_skill",
        "baseline_brier_skill",
        "skill_against_baseline",
        "ece",
        "rows",
        "events",
        "split",
        "tests",
    } <= set(evaluation)
    card = (STARTERS / task / "card.md").read_text()
    assert all(name in card for name in evaluation["tests"])


def test_the_filesystem_starter_comes_again_from_its_recipe():
    """It needs no recorded host: its curves are generated from the seed."""
    pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    pytest.importorskip("onnx", reason="onnx is not installed")
    trees = pytest.importorskip("central.adapters.trees")
    from central.core.plan import PLANS  # noqa: PLC0415
    from central.flows.starters import SEED, make_starters  # noqa: PLC0415

    (plan,) = (plan for plan in PLANS if plan.task == "filesystem-full")
    written = {}

    class Memory:
        def write(self, task, files):
            written[task] = files

    made = make_starters(
        traces=None,
        trainer=trees.TreeTrainer(seed=SEED),
        releases=Memory(),
        plans=[plan],
    )
    assert [starter.task for starter in made] == ["filesystem-full"]
    files = written["filesystem-full"]
    again = parse_manifest(files["manifest.json"])
    shipped = manifest_of("filesystem-full")
    assert again.features == shipped.features
    assert again.provenance["data_sha256"] == shipped.provenance["data_sha256"]
    assert again.provenance["rows"] == shipped.provenance["rows"]
    # Another processor may round otherwise in training, so the bytes may differ.
    scores = scores_of(files["model.onnx"], golden_rows(shipped))
    signed = [golden.score[0] for golden in shipped.golden]
    assert scores.tolist() == pytest.approx(signed, abs=0.03)
