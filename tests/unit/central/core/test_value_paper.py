"""Papers of a value: a manifest that agents take and a card that hides no loss."""

import json

import numpy as np
import pytest

from agent.core.answers import Answers
from agent.core.figures import ValueTerms
from agent.core.manifest import parse_manifest
from agent.core.value_comparison import judge_value
from central.core.plan_values import VALUE_PLANS
from central.core.value_paper import ValueFacts, card, golden_rows, manifest, neat

PLAN = VALUE_PLANS[0]
WIDTH = PLAN.scale + 1


def judged(name, *, error, days=6, rows=600, levels=3):
    """Return figures of a host whose middle quantile is off by `error` times noise."""
    rng = np.random.default_rng(1)
    change = rng.normal(size=rows)
    band = np.array([-1.3, 0.0, 1.3][3 - levels :])
    said = change[:, np.newaxis] * (1 - error) + error * band
    answers = Answers(
        host=name,
        days=float(days),
        at_s=np.arange(rows) * days * 86400.0 / max(rows, 1),
        outcome=change,
        happened_s=np.full(rows, np.nan),
        origin=np.zeros(rows),
        limit=np.full(rows, np.nan),
        entity=np.zeros(rows, dtype=np.int64),
        reference=np.zeros(rows),
        said={"release": said, "baseline": np.zeros((rows, levels)) + band},
    )
    terms = ValueTerms(
        release="release", baseline="baseline", levels=PLAN.levels[3 - levels :]
    )
    return judge_value([answers], scope=name, terms=terms)


def facts(*, hosts, plan=PLAN, **pooled):
    features = np.random.default_rng(2).normal(size=(50, WIDTH)).astype(np.float32)
    return ValueFacts(
        plan=plan,
        model={
            "format": "onnx",
            "sha256": "0" * 64,
            "length": 1,
            "opset": 13,
            "ir": 7,
            "output": "quantiles",
        },
        golden=[([0.5] * WIDTH, [-3.0, 0.0, 3.0]), ([None] * WIDTH, [0.0] * 3)],
        features=features,
        provenance={"rows": 50, "hosts": len(hosts)},
        pooled=pooled or {"all": judged("all", error=0.5)},
        hosts=hosts,
    )


def test_the_manifest_is_one_that_agents_take():
    found = parse_manifest(manifest(facts(hosts=[judged("one", error=0.5)])))
    assert found.task == PLAN.task
    assert found.decision is None
    assert [golden.tolerance for golden in found.golden] == pytest.approx([3e-4, 1e-4])
    evaluation = found.provenance["evaluation"]
    assert evaluation["error_gain"] == pytest.approx(0.5)
    assert evaluation["hosts"]["one"]["coverage"] == pytest.approx(0.84, abs=0.01)
    value, low, high = evaluation["tests"][evaluation["test"]]["error_gain"]
    assert value == evaluation["error_gain"]
    assert low <= value <= high


def test_of_the_hosts_own_scale_no_drift_is_told():
    found = json.loads(manifest(facts(hosts=[])))["reference"]
    assert found["quantiles"][PLAN.scale] == [None] * 11
    assert all(None not in ladder for ladder in found["quantiles"][: PLAN.scale])
    assert found["rows"] == 50


def test_the_card_tells_every_host_and_says_where_it_wins():
    text = card(facts(hosts=[judged("one", error=0.5), judged("two", error=0.7)]))
    lines = text.decode().splitlines()
    assert "- Learnt from 2 recorded servers" in text.decode()
    assert any(line.startswith("| one | 600 | 0.50 [0.50, 0.50] |") for line in lines)
    assert any(line.startswith("| two | 600 | 0.30 [") for line in lines)
    assert lines[-1] == "- Nowhere was it behind no change or the baseline."


def test_the_card_says_what_else_taught_it():
    hearing = card(facts(hosts=[], plan=VALUE_PLANS[1])).decode()
    assert "What cpu-change saw on them taught it, too." in hearing
    assert "taught it, too" not in card(facts(hosts=[])).decode()


def test_the_card_hides_no_loss():
    text = card(facts(hosts=[judged("bad", error=-1.5)])).decode()
    assert "- bad: worse than persistence: mean absolute error (share) 0.500 " in text
    assert "Nowhere" not in text


def test_what_cannot_be_said_is_not_said():
    few, short = judged("few", error=0.5, rows=9), judged("short", error=0.5, days=2)
    single = judged("single", error=0.5, levels=1)
    text = card(facts(hosts=[few, short, single])).decode()
    assert "| few | 9 | 9 moments with an outcome, fewer than 50 | | |" in text
    assert "| short | 600 | 0.50 | " in text
    assert any(
        line.startswith("| single |") and line.endswith("| - |")
        for line in text.splitlines()
    )
    content = json.loads(manifest(facts(hosts=[], all=few)))
    evaluation = content["provenance"]["evaluation"]
    assert evaluation["error_gain"] is evaluation["coverage"] is None


def test_golden_rows_span_all_bands_with_and_without_gaps():
    features = np.zeros((100, 2), dtype=np.float32)
    features[:50, 0] = np.nan
    answers = np.column_stack([np.zeros(100), np.arange(100.0)])
    assert golden_rows(features, answers) == [0, 16, 32, 49, 50, 66, 82, 99]
    assert golden_rows(features[50:], answers[50:]) == [0, 16, 32, 49]


def test_a_feature_is_spelled_with_few_digits_and_a_gap_as_none():
    assert neat(np.array([1 / 3, np.nan], dtype=np.float32)) == [0.333333, None]
