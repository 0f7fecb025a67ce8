"""A recorded host is heard: every release and rule answers the very same moments."""

import json

import numpy as np
import pytest

from agent.core.manifest import parse_manifest
from agent.core.peers import Peer
from agent.core.recorded import Recorded
from agent.core.rehearsal import rehearse
from agent.core.rows import Rows
from agent.errors import ConfigError
from agent.flows.backtest import Contender, Contest, calibrated, hear, obstacle
from tests.fakes.life import CPU, DISK, disk_manifest, manifest_of, value_manifest, walk

ROWS = 1500
START_S = 1_772_366_403.0
MINUTE = {
    "score_every": "5m",
    "features": [f"last_over_time({CPU}[1m])", f"avg_over_time({CPU}[30m])"],
    "target": {"within": "15m", "condition": f"> quantile_over_time(0.9, {CPU}[2h])"},
}


class Formula:
    """A model that answers by a formula of its features."""

    latency_ms = 0.0

    def __init__(self, compute):
        self._compute = compute

    def score(self, features):
        assert features.dtype == np.float32
        return np.asarray(self._compute(features), dtype=np.float32)


def recorded(*, names=(CPU,), normalised=frozenset()):
    columns = [walk(ROWS, seed=n) for n in range(len(names))]
    return Recorded(
        name="host",
        instants_s=START_S + 60.0 * np.arange(ROWS),
        layout=names,
        values=np.array(columns, dtype=np.float32).T.copy(),
        interval_s=60.0,
        normalised=normalised,
    )


def contender(*, label="v1", compute=lambda x: x[:, :1], document=None, **changes):
    content = document or manifest_of(**{**MINUTE, **changes})
    manifest = parse_manifest(content)
    return Contender(label=label, manifest=manifest, model=Formula(compute))


def heard(*contenders, host=None, **options):
    contest = Contest(contenders=contenders)
    (answers,) = hear(host or recorded(), contests=[contest], **options).values()
    return answers


def test_everybody_answers_the_moments_of_a_rehearsal():
    host, one = recorded(), contender()
    answers = heard(one, host=host)
    rows = rehearse(
        host.samples(),
        interval_s=60.0,
        origin_s=host.origin_s,
        tasks=[one.manifest],
    )["cpu-busy"]
    assert answers.at_s.tolist() == rows.at_s.tolist()
    assert answers.outcome.tolist() == rows.outcome.tolist()
    assert answers.said["baseline"].tolist() == rows.baseline[:, 0].tolist()
    assert answers.said["v1"].tolist() == rows.features[:, 0].tolist()
    assert set(answers.said) == {"v1", "baseline", *map(str, Peer)}
    assert answers.days == pytest.approx(ROWS / 1440)
    assert {len(each) for each in answers.said.values()} == {len(rows)}


def test_the_rules_answer_what_they_are():
    host = recorded()
    answers = heard(contender(), host=host)
    row = len(answers) - 1
    slot = int(host.slots(answers.at_s[[row]])[0])
    last = host.values[slot - 4 : slot + 1, 0].astype(float)
    level = answers.said["current value"][row] * answers.limit[row]
    assert level == pytest.approx(np.nanmean(last), rel=1e-5)
    # A day is too short for the rate of a week: it has no answer, and ranks last.
    assert set(answers.said["seasonal rate"]) == {-np.inf}
    assert np.isneginf(answers.said["k-means"][0])
    assert np.isfinite(answers.said["k-means"]).any()


def test_only_the_last_of_the_time_is_judged_and_the_rules_know_what_came_before():
    host = recorded()
    whole, late = (heard(contender(), host=host, last=share) for share in (1.0, 0.3))
    begins_s = host.origin_s + 0.7 * ROWS * 60
    assert late.at_s[0] >= begins_s
    own = whole.at_s >= begins_s
    assert late.said["baseline"].tolist() == whole.said["baseline"][own].tolist()
    assert late.reference.tolist() == whole.reference[own].tolist()
    assert late.days == pytest.approx(0.3 * whole.days)


def test_several_releases_of_a_task_answer_the_moments_of_the_first():
    own = [f"max_over_time({CPU}[30m])"]
    other = contender(label="v2", version=2, features=own)
    answers = heard(contender(), other)
    alone = heard(contender(label="v2", features=own))
    assert answers.said["v2"].tolist() == alone.said["v2"].tolist()
    assert len(answers) == len(answers.said["v1"])


def test_releases_of_other_targets_cannot_be_compared():
    other = contender(label="v2", target={**MINUTE["target"], "within": "30m"})
    with pytest.raises(ConfigError, match="v2: expected the target of v1, task cpu"):
        Contest(contenders=(contender(), other))


def test_where_a_release_takes_no_gaps_the_baseline_speaks():
    picky = contender(label="v2", version=2, features=["0 / 0"], missing="skip")
    answers = heard(contender(), picky)
    assert answers.said["v2"].tolist() == answers.said["baseline"].tolist()


def test_a_value_task_has_quantiles_and_persistence():
    document = value_manifest(
        features=MINUTE["features"], score_every="5m", ahead="15m", as_="change"
    )
    document = document.replace(b"[10s])", b"[1m])")
    one = contender(document=document, compute=lambda x: x[:, [0, 0, 0]])
    answers = heard(one)
    assert answers.said["v1"].shape == (len(answers), 3)
    assert set(answers.said) == {"v1", "baseline"}
    assert set(answers.reference.tolist()) == {0.0}
    level = json.loads(document)
    level["target"]["as"] = "level"
    one = contender(
        document=json.dumps(level).encode(), compute=lambda x: x[:, [0, 0, 0]]
    )
    answers = heard(one)
    assert answers.reference.tolist() == answers.origin.tolist()


def test_every_entity_answers_for_itself():
    names = tuple(DISK.replace("$entity", name) for name in ("/", "/var"))
    document = disk_manifest(
        features=[f"last_over_time({DISK}[1m])"],
        score_every="5m",
        target={"series": DISK, "within": "15m"},
    )
    answers = heard(contender(document=document), host=recorded(names=names))
    assert set(answers.entity.tolist()) == {0, 1}
    assert np.isfinite(answers.said["k-means"]).any()


def test_a_host_without_the_series_is_an_obstacle_that_names_it():
    manifest = contender().manifest
    assert obstacle(manifest, recorded()) is None
    assert obstacle(manifest, recorded(names=("system.uptime",))) == (
        f"needs {CPU}, which is not recorded"
    )


def test_a_lost_unit_is_an_obstacle_to_an_absolute_limit_only():
    host = recorded(normalised=frozenset({CPU}))
    assert obstacle(contender().manifest, host) is None
    absolute = contender(target={"within": "15m"}).manifest
    assert "its unit is lost" in obstacle(absolute, host)


def test_a_horizon_shorter_than_the_steps_is_an_obstacle():
    short = contender(target={"within": "30s"}).manifest
    assert obstacle(short, recorded()) == (
        "looks ahead 30 s; this host is sampled every 60 s"
    )


def test_progress_is_told_sample_by_sample():
    seen = []
    heard(contender(), on_sample=lambda: seen.append(1))
    assert len(seen) == ROWS


# Local calibration.


def rows_of(outcome, *, at_s):
    count = len(outcome)
    nothing = np.full(count, np.nan)
    return Rows(
        features=np.zeros((count, 1), dtype=np.float32),
        outcome=np.array(outcome, dtype=float),
        baseline=np.zeros((count, 1)),
        extras=np.zeros((count, 0)),
        at_s=np.array(at_s, dtype=float),
        limit=nothing,
        origin=nothing,
        entity=("",) * count,
        happened_s=nothing,
    )


def test_a_release_that_asks_for_it_is_put_right_by_the_hosts_own_outcomes():
    plain = heard(contender(compute=lambda x: 0 * x[:, :1] + 0.9))
    local = heard(contender(compute=lambda x: 0 * x[:, :1] + 0.9, calibration="local"))
    rate = plain.outcome.mean()
    assert set(np.round(plain.said["v1"], 6).tolist()) == {0.9}
    assert local.said["v1"][0] == pytest.approx(0.9)
    assert abs(local.said["v1"][-1] - rate) < abs(0.9 - rate) / 2


def test_an_outcome_teaches_from_when_it_is_known():
    at_s = [0.0, 300.0, 900.0, 1200.0]
    rows = rows_of([1, 1, 1, 1], at_s=at_s)
    said = np.full(4, 0.2)
    found = calibrated(said, rows=rows, horizon_s=900.0, weight=1.0)
    assert found[:2].tolist() == [0.2, 0.2]
    assert 0.2 < found[2] < found[3]
