"""Trees in ONNX say what LightGBM says: at every threshold, beside it, and of gaps."""

import numpy as np
import pytest

lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
onnx = pytest.importorskip("onnx", reason="onnx is not installed")

from agent.core.scan import scan  # noqa: E402
from central.adapters.qualifier import AgentQualifier  # noqa: E402
from central.adapters.trees import BoostedTrees, QuantileTrees  # noqa: E402
from central.adapters.trees.changes import ChangeTrees  # noqa: E402
from central.core.draft import Standing  # noqa: E402
from tests.fakes.onnx_files import manifest_of, sha256  # noqa: E402

WIDTH = 4
WITH_GAPS = 1
LEVELS = (0.1, 0.5, 0.9)
SETTINGS = {
    "num_leaves": 10,
    "min_data_in_leaf": 20,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "verbosity": -1,
    "num_threads": 1,
}


def examples(count=3000):
    rng = np.random.default_rng(1)
    features = rng.normal(size=(count, WIDTH)).astype(np.float32)
    features[:, 2] = features[:, 2].round(1)
    features[rng.random(count) < 0.2, WITH_GAPS] = np.nan
    told = np.nan_to_num(features[:, WITH_GAPS]) + features[:, 0] * features[:, 2]
    return features, told + rng.normal(size=count)


def grown(*changes, rounds=40):
    features, label = examples()
    boosters = []
    for change in changes:
        is_event = change.get("objective") == "binary"
        rows = lightgbm.Dataset(features, label=label > 1 if is_event else label)
        boosters.append(lightgbm.train(SETTINGS | change, rows, rounds))
    return boosters


def of_event(bags=2, **changes):
    wanted = [{"objective": "binary", "seed": bag, **changes} for bag in range(bags)]
    return BoostedTrees(boosters=grown(*wanted), width=WIDTH)


def of_levels():
    wanted = [{"objective": "quantile", "alpha": level} for level in LEVELS]
    return grown(*wanted)


def thresholds(boosters):
    """Yield the feature and the limit of every split, as LightGBM has them."""
    dumps = [booster.dump_model() for booster in boosters]
    waiting = [info["tree_structure"] for dump in dumps for info in dump["tree_info"]]
    while waiting:
        node = waiting.pop()
        if "left_child" in node:
            yield node["split_feature"], node["threshold"]
            waiting += [node["left_child"], node["right_child"]]


def probes(boosters):
    """Return rows at, just above and just below every limit, some of them with a gap.

    Not where LightGBM itself takes a number for 0: at 1e-35 and nearer.
    """
    known, _ = examples()
    rng = np.random.default_rng(2)
    found = [known]
    for feature, limit in thresholds(boosters):
        near = np.float32(limit)
        sides = [np.nextafter(near, np.float32(end)) for end in (-np.inf, np.inf)]
        for value in (near, *sides):
            row = known[rng.integers(len(known))].copy()
            row[feature] = value
            found += [row[np.newaxis]] if abs(value) > 1e-30 else []
    rows = np.concatenate(found)
    rows[rng.random(len(rows)) < 0.2, WITH_GAPS] = np.nan
    return rows


def logistic(logit):
    return 1 / (1 + np.exp(-logit))


def node_of(model):
    return next(
        node
        for node in onnx.load_model_from_string(model.document).graph.node
        if node.op_type.startswith("TreeEnsemble")
    )


@pytest.mark.parametrize("shift", [0.0, -0.7])
def test_the_probability_of_an_event_is_lightgbms(shift):
    trees = of_event()
    rows = probes(trees.boosters)
    said = trees.model(slope=1.3, shift=shift).score(rows)
    assert said == pytest.approx(logistic(1.3 * trees.raw(rows) + shift), abs=1e-6)


def test_a_row_alone_is_answered_as_among_others():
    trees = of_event()
    rows = probes(trees.boosters)[::97]
    model = trees.model(slope=1.0, shift=0.5)
    alone = np.concatenate([model.score(row[np.newaxis]) for row in rows])
    assert alone == pytest.approx(model.score(rows), abs=1e-6)


def test_the_quantiles_of_a_value_are_lightgbms():
    boosters = of_levels()
    rows = probes(boosters)
    trees = QuantileTrees(boosters=boosters, width=WIDTH)
    said = trees.model(slope=1.0, shift=0.0).score(rows)
    assert said == pytest.approx(trees.raw(rows), abs=1e-5)


def test_levels_start_where_they_are_told_to():
    boosters, shifts = of_levels(), (-0.5, 0.0, 0.25)
    rows = probes(boosters)
    trees = ChangeTrees(boosters=boosters, width=WIDTH + 1)
    scaled = np.column_stack([rows, np.full(len(rows), 2.0)]).astype(np.float32)
    wanted = 2 * np.sort(trees.quantiles(scaled) + shifts, axis=1)
    assert trees.model(shifts).score(scaled) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_trees_that_found_nothing_to_split_answer_the_same_for_all(shift):
    trees = of_event(min_data_in_leaf=10_000)
    nothing = np.full((1, WIDTH), np.nan)
    rows = np.concatenate([examples()[0], nothing]).astype(np.float32)
    said = trees.model(slope=1.0, shift=shift).score(rows)
    assert said == pytest.approx(logistic(trees.raw(rows) + shift), abs=1e-6)
    assert len(set(said)) == 1


def test_a_lone_leaf_after_other_trees_says_its_own():
    """Of a leaf on both sides of one split, the runtime would take another's."""
    several = grown({"objective": "binary"}, rounds=5)
    lone = grown({"objective": "binary", "min_data_in_leaf": 10_000})
    trees = BoostedTrees(boosters=[*several, *lone], width=WIDTH)
    rows = probes(several)
    said = trees.model(slope=1.0, shift=0.0).score(rows)
    assert said == pytest.approx(logistic(trees.raw(rows)), abs=1e-6)


def test_the_file_is_of_the_operator_that_takes_the_least_memory():
    trees = of_event()
    model = trees.model(slope=1.0, shift=0.0)
    node = node_of(model)
    proto = onnx.load_model_from_string(model.document)
    versions = {known.domain: known.version for known in proto.opset_import}
    assert (node.op_type, versions["ai.onnx.ml"]) == ("TreeEnsemble", 5)
    assert (versions[""], proto.ir_version) == (model.opset, model.ir)


def test_splits_and_leaves_are_as_many_as_lightgbms():
    trees = of_event()
    rows = {a.name: a for a in node_of(trees.model(slope=1.0, shift=0.0)).attribute}
    splits = len(list(thresholds(trees.boosters)))
    count = sum(booster.num_trees() for booster in trees.boosters)
    assert len(rows["tree_roots"].ints) == count
    assert len(rows["nodes_featureids"].ints) == splits
    assert len(rows["leaf_targetids"].ints) == splits + count


def test_the_agent_lets_it_in(tmp_path):
    trees = of_event()
    model = trees.model(slope=1.0, shift=-0.2)
    assert scan(model.document, opset=model.opset, ir=model.ir) == ()
    rows = examples()[0][:4]
    golden = [
        {
            "features": [None if np.isnan(value) else float(value) for value in row],
            "score": [float(score)],
        }
        for row, score in zip(rows, model.score(rows), strict=True)
    ]
    facts = {"sha256": sha256(model.document), "length": len(model.document)}
    manifest = manifest_of(
        model.document,
        width=WIDTH,
        golden=golden,
        model={**facts, "opset": model.opset, "ir": model.ir},
    )
    path = tmp_path / "model.onnx"
    path.write_bytes(model.document)
    judgement = AgentQualifier().judgement(path, manifest=manifest)
    assert judgement.reasons == ()
    assert judgement.standing is Standing.QUALIFIED
