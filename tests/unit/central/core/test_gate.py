"""The gate: each rule refuses by its name, and what nobody knows is not kept."""

import pytest

from central.config import Gate
from central.core.exam import BASELINE, CURRENT, RETRAINED, Gain, Marks, Result
from central.core.gate import Candidate, checks, shortages

GOOD = {"rows": 1000, "events": 100, "gain": 0.2, "low": 0.1, "high": 0.3}
WORSE = {"rows": 50, "events": 9, "gain": -0.5, "low": -0.9, "high": -0.1}


def candidate(
    *,
    marks=None,
    gain=None,
    groups=None,
    reference=CURRENT,
    baseline_gain=None,
    **changes,
):
    found = {"rows": 1000, "standing_for": 1e4, "events": 100, "hosts": 4, "blocks": 8}
    own = {"skill": 0.3, "calibration_error": 0.01, "loss": 0.1, "auprc": 0.6}
    fields = {"size_bytes": 5000, "latency_s": 0.001, "refusals": ()}
    result = Result(
        **found | {key: changes.pop(key) for key in found if key in changes},
        reference=reference,
        marks={RETRAINED: Marks(rows=1000, **own | (marks or {}))},
        gains={
            BASELINE: Gain(**GOOD | (baseline_gain or {})),
            reference: Gain(**GOOD | (gain or {})),
        },
        groups={name: Gain(**of) for name, of in (groups or {}).items()},
    )
    return Candidate(result=result, **fields | changes)


def broken(of, **bars):
    return [c.rule for c in checks(of, bars=Gate(**bars)) if not c.is_kept]


def test_what_is_good_in_all_passes():
    found = checks(candidate(groups={"db": GOOD}), bars=Gate())
    assert all(check.is_kept for check in found)
    assert [check.rule for check in found] == [
        "min_rows",
        "min_events",
        "min_blocks",
        "min_skill",
        "min_gain",
        "min_baseline_gain",
        "max_calibration_error",
        "max_size",
        "max_latency",
        "max_group_loss",
    ]


@pytest.mark.parametrize(
    ("of", "rule"),
    [
        (candidate(rows=499), "min_rows"),
        (candidate(events=19), "min_events"),
        (candidate(blocks=7), "min_blocks"),
        (candidate(marks={"skill": -0.01}), "min_skill"),
        (candidate(marks={"skill": None}), "min_skill"),
        (candidate(gain={"low": -0.021}), "min_gain"),
        (candidate(gain={"low": None}), "min_gain"),
        (candidate(baseline_gain={"low": -0.19}), "min_baseline_gain"),
        (candidate(baseline_gain={"low": None}), "min_baseline_gain"),
        (candidate(marks={"calibration_error": 0.051}), "max_calibration_error"),
        (candidate(size_bytes=3_000_001), "max_size"),
        (candidate(latency_s=0.0051), "max_latency"),
        (candidate(latency_s=None), "max_latency"),
        (candidate(groups={"db": WORSE}), "max_group_loss"),
        (candidate(refusals=("too clever",)), "agent"),
    ],
)
def test_each_rule_alone_refuses(of, rule):
    assert broken(of) == [rule]


def test_on_the_bar_is_good_enough():
    of = candidate(rows=500, events=20, gain={"low": -0.02}, latency_s=0.005)
    assert broken(of) == []


def test_the_gain_over_the_baseline_has_the_bar_of_the_other_unless_it_has_its_own():
    of = candidate(gain={"low": -0.05}, baseline_gain={"low": -0.05})
    assert broken(of, min_gain=-0.1) == []
    assert broken(of, min_gain=-0.1, min_baseline_gain=0.0) == ["min_baseline_gain"]
    assert broken(of, min_baseline_gain=-0.1) == ["min_gain"]


def test_where_the_baseline_is_the_reference_both_bars_are_for_it():
    of = candidate(gain={"low": -0.05}, reference=BASELINE)
    assert broken(of) == ["min_gain", "min_baseline_gain"]


def test_every_broken_rule_is_told():
    of = candidate(rows=1, marks={"skill": -1.0}, groups={"db": WORSE, "web": WORSE})
    assert broken(of) == ["min_rows", "min_skill", "max_group_loss", "max_group_loss"]


@pytest.mark.parametrize(
    "group",
    [
        pytest.param({**WORSE, "high": 0.1}, id="by_chance"),
        pytest.param({**WORSE, "gain": -0.09}, id="a_little"),
        pytest.param({**WORSE, "gain": None, "high": None}, id="nothing_known"),
    ],
)
def test_a_group_that_is_not_shown_to_lose_too_much_does_not_hinder(group):
    assert broken(candidate(groups={"db": group})) == []


def test_of_a_value_no_events_are_wanted():
    assert broken(candidate(events=None)) == []
    assert shortages(500, events=None, blocks=8, bars=Gate()) == ()


def test_what_is_lacking_to_judge_is_told_before_anything_is_trained():
    assert shortages(500, events=20, blocks=8, bars=Gate()) == ()
    assert shortages(499, events=3, blocks=7, bars=Gate()) == (
        "moments it was judged on: expected at least 500, got 499 (min_rows)",
        "events among them: expected at least 20, got 3 (min_events)",
        ("days of hosts, or shorter, of them: expected at least 8, got 7 (min_blocks)"),
    )


def test_a_reason_says_what_was_expected_and_what_was_found():
    of = candidate(gain={"low": -0.5}, reference=CURRENT, size_bytes=4_000_000)
    words = [str(c) for c in checks(of, bars=Gate()) if not c.is_kept]
    assert words == [
        (
            "gain over the current release, at least: expected at least -0.02, got "
            "-0.5 (min_gain)"
        ),
        "model's file: expected at most 3000000 bytes, got 4000000 bytes (max_size)",
    ]
