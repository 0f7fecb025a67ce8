"""Every shipped starter release is whole, honest and what its recipe makes.

What it says in the first minutes after a start, when its window is not full, is the
first that anybody sees of it: a host far from every limit must not be alarming.
"""

import hashlib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from agent.core import metrics
from agent.core.expression import parse
from agent.core.features import bind
from agent.core.fit import misfit
from agent.core.manifest import parse_manifest
from agent.core.rehearsal import rehearse
from agent.core.sample import Sample
from agent.core.window import Window

STARTERS = Path(__file__).resolve().parents[2] / "agent" / "starters"
RECORDED = STARTERS.parents[2] / "shared" / "data"
ABSOLUTE = ("cpu-saturation", "filesystem-full", "memory-pressure")
SURVEYS = (
    "cpu-peak",
    "cpu-unusual",
    "disk-busy-unusual",
    "disk-writes-unusual",
    "load-unusual",
    "memory-unusual",
    "network-in-unusual",
    "tcp-connections-unusual",
)
VALUES = ("cpu-change", "memory-change")
MAX_BYTES = 3_000_000
HOUR_S = 3600.0
# Spans after which a feature may turn from a gap to a number, and what lies between.
AGES_S = (0, 1, 10, 30, 50, 60, 70, 120, 240, 300, 600, 720, 900, 1800, 2880, HOUR_S)
USUAL_GRIDS_S = (1.0, 5.0, 10.0, 30.0, 60.0)


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


@pytest.fixture(params=[*ABSOLUTE, *SURVEYS])
def task(request):
    """Return an event task."""
    return request.param


@pytest.fixture(params=ABSOLUTE)
def absolute(request):
    return request.param


@pytest.fixture(params=SURVEYS)
def survey(request):
    return request.param


def test_the_shipped_tasks_are_these():
    assert sorted(path.name for path in STARTERS.iterdir() if path.is_dir()) == sorted(
        [*ABSOLUTE, *SURVEYS, *VALUES]
    )


def test_a_starter_is_some_files_and_names_its_folder(task):
    names = {path.name for path in (STARTERS / task).iterdir()}
    pictures = {"curves.png"} if task in SURVEYS else set()
    assert names == {"manifest.json", "model.onnx", "card.md"} | pictures
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
def test_an_agent_can_run_it_on_every_usual_grid(task, interval_s):
    new_window = partial(Window, interval_s=interval_s)
    assert misfit(manifest_of(task), new_window=new_window) is None


def test_nearer_to_the_limit_is_never_less_likely(absolute):
    """The first feature is the distance to the limit, and only falls."""
    document = (STARTERS / absolute / "model.onnx").read_bytes()
    rows = np.repeat(golden_rows(manifest_of(absolute)), 50, axis=0)
    rows[:, 0] = np.tile(np.linspace(0, 1, 50), len(rows) // 50)
    scores = scores_of(document, rows).reshape(-1, 50)
    assert (np.diff(scores, axis=1) <= 1e-6).all()


@pytest.mark.parametrize("interval_s", USUAL_GRIDS_S)
def test_the_distance_to_the_limit_is_known_from_the_first_sample_on(
    absolute, interval_s
):
    manifest = manifest_of(absolute)
    (first,) = lived(manifest, still(0.23, 1), interval_s=interval_s)
    limit = manifest.target.condition.limit.value
    assert first[0] == pytest.approx(limit - 0.23, abs=1e-6)


CALM = [
    pytest.param("cpu-saturation", 0.03, 0.005, id="idle processors"),
    pytest.param("cpu-saturation", 0.2, 0.005, id="processors at 20 %"),
    pytest.param("cpu-saturation", 0.23, 0.005, id="processors at 23 %"),
    pytest.param("memory-pressure", 0.03, 0.005, id="memory at 3 %"),
    pytest.param("memory-pressure", 0.2, 0.005, id="memory at 20 %"),
    pytest.param("memory-pressure", 0.23, 0.005, id="memory at 23 %"),
    pytest.param("filesystem-full", 0.03, 0.01, id="a disk at 3 %"),
    pytest.param("filesystem-full", 0.23, 0.01, id="a disk at 23 %"),
    pytest.param("filesystem-full", 0.5, 0.01, id="a disk at 50 %"),
    pytest.param("filesystem-full", 0.59, 0.01, id="a disk at 59 %"),
]


@pytest.mark.parametrize("interval_s", USUAL_GRIDS_S)
@pytest.mark.parametrize(("of", "level", "most"), CALM)
def test_a_still_host_far_from_the_limit_alarms_nobody_in_its_first_hour(
    of, level, most, interval_s
):
    manifest = manifest_of(of)
    document = (STARTERS / of / "model.onnx").read_bytes()
    curve = still(level, 1 + round(HOUR_S / interval_s))
    scores = scores_of(document, lived(manifest, curve, interval_s=interval_s))
    assert scores.max() < most


@pytest.mark.parametrize("interval_s", [10.0, 60.0])
@pytest.mark.parametrize(("of", "level", "most"), CALM)
def test_nor_does_one_that_trembles_a_little(of, level, most, interval_s):
    manifest = manifest_of(of)
    document = (STARTERS / of / "model.onnx").read_bytes()
    curve = still(level, 1 + round(HOUR_S / interval_s))
    curve += np.random.default_rng(3).normal(0, 1e-4, curve.shape)
    rows = lived(manifest, curve, interval_s=interval_s)
    assert scores_of(document, rows).max() < most


def test_the_nearer_a_still_host_is_to_the_limit_the_likelier_whatever_its_age(
    absolute,
):
    """At every stage of filling windows, and with nothing but the newest sample."""
    manifest = manifest_of(absolute)
    document = (STARTERS / absolute / "model.onnx").read_bytes()
    levels = np.linspace(0, manifest.target.condition.limit.value - 0.001, 60)
    lives = [lived(manifest, still(level, 61), interval_s=60.0) for level in levels]
    for rows in np.stack(lives, axis=1):
        alone = np.full_like(rows, np.nan)
        alone[:, 0] = rows[:, 0]
        assert (np.diff(scores_of(document, alone)) >= -1e-6).all()
        distance_only = rows.copy()
        distance_only[:, 1:] = rows[30, 1:]
        assert (np.diff(scores_of(document, distance_only)) >= -1e-6).all()


def test_a_model_that_is_asked_without_anything_raises_no_alarm(task):
    manifest = manifest_of(task)
    document = (STARTERS / task / "model.onnx").read_bytes()
    nothing = np.full((1, len(manifest.features)), np.nan, dtype=np.float32)
    (score,) = scores_of(document, nothing)
    assert score < manifest.decision.clear / 2


def test_the_first_minutes_have_their_own_row_and_were_tested(absolute):
    tests = manifest_of(absolute).provenance["evaluation"]["tests"]
    first_minutes = tests["first 15 minutes after a start"]
    assert first_minutes["rows"] > 10_000
    assert first_minutes["events"] > 30
    assert first_minutes["ece"] < 0.03
    assert first_minutes["skill_against_baseline_95"][1] > 0


def test_a_host_that_stands_still_raises_no_alarm_once_its_limit_is_known(survey):
    manifest = manifest_of(survey)
    found = rehearsed(manifest, np.full(6 * 1440, 0.4), interval_s=60.0)
    scores = scores_of((STARTERS / survey / "model.onnx").read_bytes(), found.features)
    assert len(scores) > 500
    assert scores.max() < manifest.decision.clear


def test_a_survey_is_better_than_every_rule_on_hosts_that_it_never_saw(survey):
    evaluation = manifest_of(survey).provenance["evaluation"]
    release, *_ = evaluation["comparison"].values()
    own, *others = [known[0] for known in release["average_precision"].values()]
    assert own > max(others)
    assert release["skill"][0] > 0
    assert release["ece"][0] < (0.03 if release["rate"] >= 0.03 else 0.01)


def rehearsed(manifest, curve, *, interval_s):
    """Return the moments of a host whose curve is lived through, all else unknown."""
    series = str(manifest.target.series.bound("all"))
    samples = (
        Sample(
            at=datetime.fromtimestamp(row * interval_s, UTC),
            layout=(series,),
            values=np.array([value], dtype=np.float32),
        )
        for row, value in enumerate(curve.tolist())
    )
    (rows,) = rehearse(samples, interval_s=interval_s, tasks=[manifest]).values()
    return rows


def still(level, count):
    return np.full(count, level)


def lived(manifest, curve, *, interval_s):
    """Return the features of an agent at `AGES_S` after its start: float32."""
    series = manifest.target.series
    entity = "/" if series.is_template else ""
    window = Window(interval_s=interval_s, span_s=2 * HOUR_S, origin_s=1e9)
    features = bind(
        [parse(formula.text) for formula in manifest.features],
        entities=[entity],
        window=window,
        min_coverage=manifest.min_coverage,
    )
    limit = np.array([np.float32(manifest.target.condition.limit.value)], np.float64)
    wanted = {round(age / interval_s) for age in AGES_S}
    found = []
    for row, value in enumerate(curve.tolist()):
        at = window.instant_of(row)
        values = np.array([value], dtype=np.float32)
        layout = (str(series.bound(entity)),)
        window.append(Sample(at=at, layout=layout, values=values))
        if row in wanted:
            found.append(features.evaluate(at=at, limit=limit)[0])
    return np.array(found)


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


def test_the_load_starter_comes_again_from_its_recipe():
    """No other task's moments teach it, so it is the quickest one to make anew."""
    if not (RECORDED / "smd").is_dir():
        pytest.skip(f"expected recorded hosts in {RECORDED.name}/smd, got none")
    for needed in ("lightgbm", "onnx", "pyarrow", "matplotlib"):
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    from central.core.surveys import UNUSUAL  # noqa: PLC0415
    from tests.fakes.recipe import made_of  # noqa: PLC0415

    (load,) = (survey for survey in UNUSUAL if survey.task == "load-unusual")
    (files,) = made_of([load], RECORDED / "smd").values()
    shipped = STARTERS / "load-unusual"
    again, signed = parse_manifest(files["manifest.json"]), manifest_of("load-unusual")
    assert again.features == signed.features
    assert again.provenance["data_sha256"] == signed.provenance["data_sha256"]
    assert again.provenance["rows"] == signed.provenance["rows"]
    if files["model.onnx"] != (shipped / "model.onnx").read_bytes():
        # Another processor may round otherwise in training, and the bytes then differ.
        scores = scores_of(files["model.onnx"], golden_rows(signed))
        known = [golden.score[0] for golden in signed.golden]
        assert scores.tolist() == pytest.approx(known, abs=0.03)
