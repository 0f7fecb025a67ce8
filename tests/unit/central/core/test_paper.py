"""Papers: the agent understands the manifest, and the card tells the bad news."""

from dataclasses import replace

import numpy as np
import pytest

from agent.core.manifest import parse_manifest
from central.core.figures import Trial, figures
from central.core.paper import Facts, card, manifest, neat
from central.core.plan import PLANS


def trial_of(probability, baseline, happened):
    count = len(happened)
    return figures(
        Trial(
            probability=np.array(probability),
            baseline=np.array(baseline),
            happened=np.array(happened, dtype=np.bool_),
            event=np.arange(count),
            block=np.arange(count),
        ),
        threshold=0.5,
        rng=np.random.default_rng(0),
    )


GOOD, BAD, CAME = [0.9, 0.1] * 20, [0.4, 0.6] * 20, [True, False] * 20


def facts(plan):
    width = len(plan.features)
    features = np.linspace(0, 1, 20 * width, dtype=np.float32).reshape(20, width)
    return Facts(
        plan=plan,
        model={"format": "onnx", "sha256": "0" * 64, "length": 1, "opset": 13, "ir": 7},
        threshold=0.4,
        golden=[([None] * width, 0.25)],
        features=features,
        provenance={"trained_at": "2026-01-01T00:00:00Z", "hosts": 3},
        split="Tested.",
        figures={
            "first": trial_of(GOOD, BAD, CAME),
            "second": trial_of(BAD, GOOD, CAME),
            "third": trial_of(GOOD, GOOD, CAME),
            "fourth": trial_of([0.1], [0.1], [False]),
        },
        notes=("A note.",),
    )


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.task)
def test_the_agent_understands_the_manifest(plan):
    found = parse_manifest(manifest(facts(plan)))
    assert found.task == plan.task
    assert found.decision.threshold == 0.4
    assert found.decision.clear == pytest.approx(0.28)
    assert found.reference.rows == 20
    assert {len(row) for row in found.reference.quantiles} == {11}
    assert found.provenance["evaluation"]["auprc"] == 1.0
    assert found.provenance["evaluation"]["tests"]["fourth"]["auprc"] is None
    assert found.target.horizon_s == plan.learnt().target.within_s


def test_the_card_tells_where_the_release_is_better_worse_and_neither():
    text = card(facts(PLANS[0])).decode()
    assert "- A note." in text
    assert "- first: better than the baseline." in text
    assert "- second: WORSE than the baseline." in text
    assert "- third: not shown to be better or worse than the baseline." in text
    assert "- fourth: nothing happened, so nothing can be said." in text
    assert "| fourth | 1 | 0 | - (-) | - (-) | - [-, -] | - (-) | - | - |" in text


def test_numbers_are_neat_and_gaps_are_null():
    row = np.array([0.1, np.nan, 12.3456789], dtype=np.float32)
    assert neat(row) == [0.1, None, 12.3457]


def test_a_feature_that_nobody_ever_had_has_no_quantiles():
    known = facts(PLANS[0])
    known.features[:, 1] = np.nan
    found = parse_manifest(manifest(known))
    assert found.reference.quantiles[1] == (None,) * 11
    assert found.reference.quantiles[0][0] == 0.0


def test_a_release_may_ask_its_hosts_to_put_it_right_and_compare_itself_with_others():
    told = replace(
        facts(PLANS[0]),
        plan=replace(PLANS[0], calibration="local"),
        comparison={"a rule": 0.3},
        more=("", "## More"),
    )
    found = parse_manifest(manifest(told))
    assert found.calibration == "local"
    assert found.provenance["evaluation"]["comparison"] == {"a rule": 0.3}
    assert card(told).endswith(b"## More\n")
