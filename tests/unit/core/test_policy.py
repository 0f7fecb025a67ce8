"""The policy: what a site wants of the guard, and the terms that follow."""

import json
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.baseline import Baseline
from agent.core.loss import AbsoluteError, AlertCost, LogLoss, Pinball
from agent.core.manifest import parse_manifest
from agent.core.moment import Moment, Outcome, OutcomeKind, Role, Thesis
from agent.core.policy import Policy

AT = datetime(2026, 3, 4, tzinfo=UTC)
CPU = "system.cpu.utilization"
DAY_S = 86_400.0
SHOWN = (Thesis.NOT_WORSE, Thesis.BETTER)


def event(*, within="10m", score_every="60s", **guard):
    return manifest_of(
        {"kind": "event", "series": CPU, "condition": ">= 0.9", "within": within},
        score_every=score_every,
        guard=guard,
    )


def value(*, quantiles=(0.1, 0.5, 0.9), **guard):
    expression = f"last_over_time({CPU}[1m])"
    target = {"kind": "value", "expression": expression, "ahead": "10m"}
    return manifest_of({**target, "quantiles": quantiles}, guard=guard)


def manifest_of(target, **more):
    content = {
        "schema": 1,
        "task": "cpu",
        "version": 1,
        "title": "a survey",
        "target": target,
        "features": [f"last_over_time({CPU}[1m])"],
        **more,
    }
    return parse_manifest(json.dumps(content).encode())


def taught(manifest, *, outcomes):
    """Return the baseline of a host on which this came of as many moments."""
    baseline = Baseline(manifest.target)
    moment = Moment(
        id=1,
        task="cpu",
        entity="",
        at=AT,
        due_at=AT,
        limit=None,
        origin=0.0,
        state=6,
        features=np.zeros(0, dtype=np.float32),
        predictions=(),
    )
    for outcome in outcomes:
        baseline.learn(moment, outcome)
    return baseline


def happened(*, times, of):
    kinds = [OutcomeKind.HAPPENED] * times + [OutcomeKind.DID_NOT] * (of - times)
    return [Outcome(kind=kind, resolved_at=AT) for kind in kinds]


def came(*values):
    kind = OutcomeKind.VALUE
    return [Outcome(kind=kind, resolved_at=AT, value=value) for value in values]


# Terms.


def test_a_site_that_says_nothing_has_the_defaults_of_the_design():
    terms = Policy().terms(Thesis.WORSE, release=Role.SHADOW, manifest=event())
    assert (terms.alpha, terms.margin, terms.block) == (0.001, 0.1, 20)
    assert (terms.min_blocks, terms.is_strict) == (6, False)


@pytest.mark.parametrize("role", [Role.ACTIVE, Role.STANDBY])
def test_two_guards_that_watch_a_release_at_work_have_half_of_alpha_each(role):
    policy = Policy(alpha=0.02)
    terms = policy.terms(Thesis.WORSE, release=role, manifest=event())
    assert terms.alpha + terms.alpha == policy.alpha


def test_one_guard_watches_the_shadow_and_has_all_of_it():
    policy = Policy(alpha=0.02)
    terms = policy.terms(Thesis.WORSE, release=Role.SHADOW, manifest=event())
    assert terms.alpha == policy.alpha


@pytest.mark.parametrize("thesis", SHOWN)
@pytest.mark.parametrize("role", [Role.ACTIVE, Role.SHADOW])
def test_what_speaks_for_a_release_is_shown_from_the_evidence_that_the_site_wants(
    thesis, role
):
    terms = Policy(promotion=40.0).terms(thesis, release=role, manifest=event())
    assert 1 / terms.alpha == 40.0


@pytest.mark.parametrize(
    ("policy", "manifest", "worse", "not_worse"),
    [
        pytest.param(Policy(margin=0.4), event(margin=0.05), 0.4, 0.4, id="the_site"),
        pytest.param(Policy(), event(margin=0.05), 0.05, 0.05, id="the_manifest"),
        pytest.param(Policy(), event(margin=0.2), 0.2, 0.1, id="less_where_it_speaks"),
        pytest.param(Policy(), event(margin=0.5), 0.25, 0.1, id="at_most"),
    ],
)
def test_the_site_tolerates_what_it_wants_and_a_manifest_within_bounds(
    policy, manifest, worse, not_worse
):
    def margin_of(thesis):
        terms = policy.terms(thesis, release=Role.SHADOW, manifest=manifest)
        return terms.margin

    assert margin_of(Thesis.WORSE) == pytest.approx(worse)
    assert margin_of(Thesis.NOT_WORSE) == pytest.approx(1 / (1 + not_worse) - 1)
    assert margin_of(Thesis.BETTER) == 0.02


def test_a_site_that_tolerates_nothing_is_taken_at_its_word():
    policy, manifest = Policy(margin=0.0), event(margin=0.5)
    for thesis in (Thesis.WORSE, Thesis.NOT_WORSE):
        assert policy.terms(thesis, release=Role.ACTIVE, manifest=manifest).margin == 0


def test_a_strict_site_and_one_that_decides_sooner_get_what_they_want():
    terms = Policy(is_strict=True, min_blocks=2).terms(
        Thesis.WORSE, release=Role.ACTIVE, manifest=event()
    )
    assert (terms.is_strict, terms.min_blocks) == (True, 2)


# Blocks.


@pytest.mark.parametrize(
    ("manifest", "policy", "block"),
    [
        pytest.param(event(within="1m"), Policy(), 20, id="twenty_minutes"),
        pytest.param(event(within="6h"), Policy(), 720, id="two_horizons"),
        pytest.param(event(block="1h"), Policy(), 60, id="as_the_manifest_says"),
        pytest.param(event(within="1m", block="1m"), Policy(), 20, id="not_for_less"),
        pytest.param(event(block="3d"), Policy(), 1440, id="nor_for_more_than_a_day"),
        pytest.param(event(within="1d"), Policy(), 2880, id="unless_horizons_do"),
        pytest.param(
            event(block="1h"), Policy(block_s=7200.0), 120, id="the_site_first"
        ),
        pytest.param(
            event(), Policy(block_s=2e6), 33_334, id="for_as_long_as_it_likes"
        ),
        pytest.param(event(), Policy(block_s=1.0), 20, id="it_too_gets_two_horizons"),
        pytest.param(
            event(within="1m"), Policy(block_s=1.0), 10, id="it_too_gets_ten_instants"
        ),
        pytest.param(
            event(score_every="7m", block="2h"), Policy(), 18, id="rounded_up"
        ),
        pytest.param(event(score_every="2h"), Policy(), 10, id="ten_instants_at_least"),
        pytest.param(value(block="30m"), Policy(), 30, id="a_value"),
    ],
)
def test_how_many_instants_a_block_has(manifest, policy, block):
    assert policy.block(manifest) == block


@given(
    within_s=st.integers(1, 100_000),
    every_s=st.integers(1, 10_000),
    wanted_s=st.none() | st.integers(1, 100_000),
    site_s=st.none() | st.floats(1, 1e6),
)
def test_a_block_covers_two_horizons_and_ten_instants(
    within_s, every_s, wanted_s, site_s
):
    wanted = {} if wanted_s is None else {"block": f"{wanted_s}s"}
    manifest = event(within=f"{within_s}s", score_every=f"{every_s}s", **wanted)
    block = Policy(block_s=site_s).block(manifest)
    assert block >= 10
    assert block * every_s >= 2 * within_s
    assert block * every_s >= (site_s or max(1200, min(wanted_s or 0, 86_400)))


# Losses.


@pytest.mark.parametrize(
    ("times", "of", "eps"),
    [(0, 0, 0.001), (0, 1000, 0.001), (50, 1000, 0.001), (1, 1000, 0.0001)],
)
def test_probabilities_are_priced_by_their_log_loss_clipped_below_the_rate(
    times, of, eps
):
    manifest = event()
    baseline = taught(manifest, outcomes=happened(times=times, of=of))
    loss = Policy().loss(manifest, baseline)
    assert isinstance(loss, LogLoss)
    assert loss.eps == pytest.approx(eps)


def test_a_site_that_knows_what_a_miss_costs_prices_alerts():
    manifest = event()
    policy = Policy(false_alarms=20.0)
    assert policy.loss(manifest, Baseline(manifest.target)) == AlertCost(20.0)


def test_a_value_is_not_priced_while_too_little_is_known_of_its_host():
    manifest = value()
    for known in ([], came(*[1.0] * 63), came(*[0.0] * 100)):
        assert Policy().loss(manifest, taught(manifest, outcomes=known)) is None


@pytest.mark.parametrize(
    ("quantiles", "loss"),
    [
        ((0.5,), AbsoluteError(16.0)),
        ((0.9,), Pinball((0.9,), 16.0)),
        ((0.1, 0.5, 0.9), Pinball((0.1, 0.5, 0.9), 16.0)),
    ],
)
def test_eight_times_the_error_of_persistence_counts_as_one(quantiles, loss):
    manifest = value(quantiles=quantiles)
    baseline = taught(manifest, outcomes=came(*[1.0, -3.0] * 40))
    assert Policy(false_alarms=9.0).loss(manifest, baseline) == loss


@pytest.mark.parametrize(
    ("policy", "loss", "manifest", "is_same"),
    [
        (Policy(), LogLoss(0.001), event(), True),
        (Policy(), LogLoss(0.0001), event(), True),
        (Policy(), AlertCost(20.0), event(), False),
        (Policy(), Pinball((0.5,), 1.0), event(), False),
        (Policy(false_alarms=20.0), AlertCost(20.0), event(), True),
        (Policy(false_alarms=10.0), AlertCost(20.0), event(), False),
        (Policy(false_alarms=20.0), LogLoss(), event(), False),
        (Policy(), AbsoluteError(1.0), value(quantiles=(0.5,)), True),
        (Policy(), AbsoluteError(1.0), value(quantiles=(0.4,)), False),
        (Policy(), Pinball((0.1, 0.9), 1.0), value(quantiles=(0.1, 0.9)), True),
        (Policy(), Pinball((0.1, 0.8), 1.0), value(quantiles=(0.1, 0.9)), False),
        (Policy(), LogLoss(), value(quantiles=(0.5,)), False),
    ],
)
def test_a_test_goes_on_only_where_predictions_are_priced_as_before(
    policy, loss, manifest, is_same
):
    baseline = taught(manifest, outcomes=came(*[0.125] * 64))
    assert policy.prices_as(loss, manifest, baseline=baseline) is is_same


@pytest.mark.parametrize(
    ("scale", "is_same"),
    [(16.0, True), (4.0, True), (64.0, True), (3.9, False), (64.1, False)],
)
@pytest.mark.parametrize("quantiles", [(0.5,), (0.1, 0.9)])
def test_on_a_host_that_moves_more_than_four_times_as_before_prices_are_others(
    quantiles, scale, is_same
):
    manifest = value(quantiles=quantiles)
    baseline = taught(manifest, outcomes=came(*[2.0] * 64))
    present = Policy().loss(manifest, baseline)
    assert present.scale == 16.0
    loss = msgspec.structs.replace(present, scale=scale)
    assert Policy().prices_as(loss, manifest, baseline=baseline) is is_same


def test_while_nothing_is_known_of_a_host_prices_stay():
    manifest, loss = value(quantiles=(0.5,)), AbsoluteError(1e9)
    unknown = Baseline(manifest.target)
    assert Policy().prices_as(loss, manifest, baseline=unknown)


@pytest.mark.parametrize("false_alarms", [None, 20.0])
@pytest.mark.parametrize("manifest", [event(), value(), value(quantiles=(0.5,))])
def test_what_a_policy_has_priced_it_prices_so_again(manifest, false_alarms):
    policy = Policy(false_alarms=false_alarms)
    outcomes = [*came(*[1.0] * 64), *happened(times=1, of=1000)]
    baseline = taught(manifest, outcomes=outcomes)
    loss = policy.loss(manifest, baseline)
    assert policy.prices_as(loss, manifest, baseline=baseline)


@pytest.mark.parametrize(
    ("loss", "swing"),
    [
        (LogLoss(), 0.1),
        (AlertCost(20.0), 0.1),
        (AbsoluteError(16.0), 2.0),
        (Pinball((0.5, 0.9), 16.0), 2.0),
    ],
)
def test_a_forecaster_moves_from_a_tenth_on_or_from_the_mean_change_of_a_value(
    loss, swing
):
    assert Policy().swing(loss) == swing


# Time.


@pytest.mark.parametrize(
    ("manifest", "ticks", "episodes", "is_enough"),
    [
        pytest.param(event(), 1440, 5, True, id="a_day_and_five_episodes"),
        pytest.param(event(), 1439, 99, False, id="not_quite_a_day"),
        pytest.param(event(), 99_999, 4, False, id="one_episode_too_few"),
        pytest.param(event(score_every="2m"), 720, 5, True, id="asked_half_as_often"),
        pytest.param(value(), 1440, 0, True, id="a_value_has_no_episodes"),
        pytest.param(value(), 1439, 0, False, id="but_needs_its_day"),
    ],
)
@pytest.mark.parametrize("thesis", [Thesis.WORSE, Thesis.NOT_WORSE])
def test_a_release_is_trusted_after_a_day_and_some_episodes(
    manifest, ticks, episodes, is_enough, thesis
):
    seen = {"ticks": ticks, "episodes": episodes, "manifest": manifest}
    assert Policy().has_seen_enough(thesis, **seen) is is_enough


def test_one_that_is_better_needs_no_day_but_its_episodes():
    better, seen = Thesis.BETTER, {"ticks": 1, "manifest": event()}
    assert Policy().has_seen_enough(better, episodes=5, **seen)
    assert not Policy().has_seen_enough(better, episodes=4, **seen)
    assert Policy().has_seen_enough(better, ticks=1, episodes=0, manifest=value())


def test_a_site_may_want_more_or_less():
    seen = {"ticks": 10, "episodes": 1, "manifest": event()}

    def is_enough(**wanted):
        return Policy(**wanted).has_seen_enough(Thesis.NOT_WORSE, **seen)

    assert is_enough(least_s=600.0, least_episodes=1)
    assert not is_enough(least_s=601.0, least_episodes=1)
    assert not is_enough(least_s=600.0, least_episodes=2)
