"""What the usual exporters write passes scan and trial; what the list lacks is named.

skl2onnx and onnxmltools are no part of this project: where they are not installed,
only the starters are tried.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from sklearn import (
    cluster,
    decomposition,
    ensemble,
    linear_model,
    mixture,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
)

from agent.adapters.runtime.model import load_engine
from agent.adapters.runtime.trial import ChildTrial
from agent.core.scan import ScanPolicy, scan
from tests.fakes.onnx_files import SERIES, manifest_of, sha256

STARTERS = Path(__file__).parents[2] / "agent" / "starters"
ROWS, WIDTH = 300, 4
OPSETS = {"": 17, "ai.onnx.ml": 3}

pytestmark = pytest.mark.filterwarnings("ignore")


def rows():
    return np.random.default_rng(7).normal(size=(ROWS, WIDTH)).astype(np.float32)


def events():
    features = rows()
    return (features[:, 0] + features[:, 1] ** 2 > 0.7).astype(int)


MANY, SEEDED = {"n_estimators": 10, "random_state": 0}, {"random_state": 0}
FAMILIES = {
    "forest": (ensemble.RandomForestClassifier(**MANY), "probabilities"),
    "forest_100": (
        ensemble.RandomForestClassifier(100, max_depth=8, **SEEDED),
        "probabilities",
    ),
    "boosting": (ensemble.GradientBoostingClassifier(**MANY), "probabilities"),
    "logistic": (linear_model.LogisticRegression(), "probabilities"),
    "pipeline": (
        pipeline.make_pipeline(
            preprocessing.StandardScaler(),
            decomposition.PCA(3),
            linear_model.LogisticRegression(),
        ),
        "probabilities",
    ),
    "layers": (neural_network.MLPClassifier((8,), **SEEDED), "probabilities"),
    "forest_value": (ensemble.RandomForestRegressor(**MANY), "variable"),
    "linear_value": (linear_model.LinearRegression(), "variable"),
    "layers_value": (
        neural_network.MLPRegressor(hidden_layer_sizes=(8,), **SEEDED),
        "variable",
    ),
    "isolation_forest": (ensemble.IsolationForest(**MANY), "scores"),
    "one_class_svm": (svm.OneClassSVM(), "scores"),
    "k_means": (cluster.KMeans(3, n_init=2, **SEEDED), "scores"),
    "components": (decomposition.PCA(2), "variable"),
    "mixture": (mixture.GaussianMixture(2, **SEEDED), "probabilities"),
}
NEIGHBOURS = {
    "neighbours": (neighbors.KNeighborsClassifier(3), "probabilities"),
    "outlier_factor": (neighbors.LocalOutlierFactor(novelty=True), "scores"),
}


@cache
def exported(name):
    """Return the export of a family, as bytes, and the output to read."""
    skl2onnx = pytest.importorskip("skl2onnx")
    estimator, output = {**FAMILIES, **NEIGHBOURS}[name]
    estimator.fit(rows(), events())
    kind = skl2onnx.common.data_types.FloatTensorType([None, WIDTH])
    options = {"initial_types": [("features", kind)], "target_opset": OPSETS}
    if hasattr(estimator, "classes_") and name != "mixture":
        options["options"] = {id(estimator): {"zipmap": False}}
    document = skl2onnx.to_onnx(estimator, **options).SerializeToString()
    return document, output


def answers(document, output):
    """Return what the runtime itself answers."""
    session = load_engine().InferenceSession(
        document, providers=["CPUExecutionProvider"]
    )
    return session.run([output], {"features": rows()[:3]})[0]


def versions(document):
    proto = onnx.load_model_from_string(document)
    opset = max(o.version for o in proto.opset_import if o.domain in ("", "ai.onnx"))
    return {"opset": opset, "ir": proto.ir_version}


def release(document, output, **changes):
    """Return a manifest that fits an export: of an event, or of so many quantiles."""
    found = answers(document, output)
    is_event = output == "probabilities" and found.shape[1] == 2
    scores = found[:, 1:] if is_event else found
    levels = [(n + 1) / (scores.shape[1] + 1) for n in range(scores.shape[1])]
    value = {
        "kind": "value",
        "expression": f"last_over_time({SERIES}[1m])",
        "ahead": "10m",
        "quantiles": levels,
    }
    golden = zip(rows()[:3].tolist(), scores.tolist(), strict=True)
    file = {"sha256": sha256(document), "length": len(document), "output": output}
    return manifest_of(
        document,
        width=WIDTH,
        model={**file, **versions(document)},
        golden=[{"features": f, "score": s, "tolerance": 1e-4} for f, s in golden],
        # The machine that tests may be slow; a release's own limits are not at stake.
        limits={"latency_ms": 500},
        **({} if is_event else {"target": value, "decision": ...}),
        **changes,
    )


def verdict(folder, document, manifest):
    (folder / f"{sha256(document)}.onnx").write_bytes(document)
    return ChildTrial(folder).verdict(manifest)


@pytest.mark.parametrize("name", FAMILIES)
def test_an_export_passes_scan_and_trial(name, tmp_path):
    document, output = exported(name)
    assert scan(document, **versions(document)) == ()
    found = verdict(tmp_path, document, release(document, output))
    assert found.reasons == ()


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_what_looks_at_neighbours_needs_an_operator_that_the_site_must_add(name):
    document, _ = exported(name)
    assert list(map(str, scan(document))) == ['op: operator "Scan" is not on the list']
    assert scan(document, policy=ScanPolicy(extra_ops=frozenset({"Scan"}))) == ()


@pytest.mark.parametrize("kind", ["event", "value"])
def test_an_export_of_lightgbm_passes_scan_and_trial(kind, tmp_path):
    lightgbm = pytest.importorskip("lightgbm")
    onnxmltools = pytest.importorskip("onnxmltools")
    makers = {"event": lightgbm.LGBMClassifier, "value": lightgbm.LGBMRegressor}
    estimator = makers[kind](n_estimators=20, verbose=-1)
    estimator.fit(rows(), events())
    types = onnxmltools.convert.common.data_types
    initial = [("features", types.FloatTensorType([None, WIDTH]))]
    document = onnxmltools.convert_lightgbm(
        estimator, initial_types=initial, target_opset=15, zipmap=False
    ).SerializeToString()
    output = {"event": "probabilities", "value": "variable"}[kind]
    assert scan(document, **versions(document)) == ()
    assert verdict(tmp_path, document, release(document, output)).reasons == ()


@pytest.mark.parametrize(
    "folder",
    [p.parent for p in sorted(STARTERS.glob("*/model.onnx"))],
    ids=lambda f: f.name,
)
def test_a_starter_passes_scan_and_trial(folder, tmp_path):
    document = (folder / "model.onnx").read_bytes()
    manifest = (folder / "manifest.json").read_bytes()
    declared = json.loads(manifest)["model"]
    assert scan(document, opset=declared["opset"], ir=declared["ir"]) == ()
    assert verdict(tmp_path, document, manifest).reasons == ()
