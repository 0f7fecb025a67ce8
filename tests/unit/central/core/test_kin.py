"""Kin: whose samples can be learnt from together, and what is known of features."""

import hashlib

import pytest

from agent.core.manifest import parse_manifest
from central.core.kin import (
    Forebear,
    are_kin,
    families,
    levels_of,
    measure_of,
    newest_with_model,
    signs_of,
)
from central.core.measure import EventMeasure, ValueMeasure
from central.core.plan import PLANS
from tests.fakes.onnx_files import SERIES, logistic, manifest_of

MODEL = logistic()
OTHER = [f"max_over_time({SERIES}[1m])", f"max_over_time({SERIES}[2m])"]


def forebear(version, *, model=MODEL, **changes):
    document = manifest_of(model, version=version, **changes)
    return Forebear(
        digest=hashlib.sha256(document).hexdigest(),
        document=document,
        manifest=parse_manifest(document),
    )


def versions(family):
    return [each.manifest.version for each in family.releases]


def test_releases_of_the_same_features_are_one_family_and_the_newest_comes_first():
    past = [
        forebear(1, model=None),
        forebear(2, features=OTHER),
        forebear(3),
    ]
    found = families(past)
    assert [versions(family) for family in found] == [[1, 3], [2]]
    assert found[0].newest == past[2]
    assert found[0].digests == {past[0].digest, past[2].digest}


def test_what_predicts_something_else_than_the_newest_is_no_family():
    target = {"kind": "event", "series": SERIES, "condition": ">= 0.8", "within": "1h"}
    past = [forebear(1, target=target), forebear(2)]
    assert [versions(family) for family in families(past)] == [[2]]


@pytest.mark.parametrize(
    ("changes", "kin"),
    [
        ({"title": "Other words", "missing": "skip"}, True),
        ({"features": OTHER}, False),
        ({"min_coverage": 0.5}, False),
    ],
)
def test_kin_have_the_same_rows(changes, kin):
    one, other = forebear(1).manifest, forebear(2, **changes).manifest
    assert are_kin(one, other) is kin


def test_an_event_is_judged_as_one_and_a_value_by_its_quantiles():
    target = {"kind": "value", "expression": f"avg_over_time({SERIES}[1m])"}
    target |= {"ahead": "5m", "quantiles": [0.1, 0.9]}
    value = forebear(1, model=None, target=target).manifest
    event = forebear(1).manifest
    assert (levels_of(event), measure_of(event)) == ((), EventMeasure())
    assert levels_of(value) == (0.1, 0.9)
    assert measure_of(value) == ValueMeasure(levels=(0.1, 0.9))


def test_the_newest_release_with_a_model_is_found():
    past = [forebear(1), forebear(2), forebear(3, model=None)]
    assert newest_with_model(past) == past[1]
    assert newest_with_model(past[2:]) is None


@pytest.mark.parametrize(
    ("said", "signs"),
    [([1, -1], (1, -1)), ([1], (0, 0)), ([1, 5], (0, 0)), ("up", (0, 0))],
)
def test_a_provenance_may_say_which_way_features_point(said, signs):
    manifest = forebear(1, provenance={"signs": said}).manifest
    assert signs_of(manifest) == signs


def test_of_the_starters_features_it_is_known():
    plan = PLANS[0]
    features = [*plan.spelled()[:2], f"avg_over_time({SERIES}[7m])"]
    manifest = forebear(
        1,
        model=None,
        task=plan.task,
        features=features,
        target={
            "kind": "event",
            "series": SERIES,
            "condition": plan.condition,
            "within": "2m",
        },
    ).manifest
    assert signs_of(manifest) == (*plan.signs[:2], 0)
