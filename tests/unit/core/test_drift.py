"""Drift: found where it is, and seldom where it is not, however many moments."""

import msgspec
import numpy as np
import pytest

from agent.core.drift import ALPHA, drift, pooled
from agent.core.envelope import Drift, FeatureDrift
from agent.core.manifest_parts import Reference
from tests.fakes.autoregressive import autoregressive

TASK, DIGEST = "cpu-busy", "a" * 64
FEATURES = 4
NORMAL = np.random.default_rng(1).normal(size=200_000)


def counted(values):
    """Return values that stand at 0 for most of the time, and else at few others."""
    return np.round(np.maximum(values, 0) * 2)


def smooth(values):
    return values


def reference_of(values, *, features=FEATURES, rows=100_000):
    quantiles = np.quantile(values, np.linspace(0, 1, 11))
    row = tuple(float(f"{value:.6g}") for value in quantiles)
    return Reference(quantiles=(row,) * features, rows=rows)


def drift_of(values, reference, *, at=None):
    features = np.asarray(values, dtype=np.float32)
    at = range(len(features)) if at is None else at
    return drift(TASK, DIGEST, reference=reference, features=features, at=at)


def alarms(seen):
    return any(feature.has_drifted for feature in seen.features)


@pytest.mark.parametrize("shape", [smooth, counted])
@pytest.mark.parametrize("coefficient", [0.0, 0.5, 0.9, 0.98])
@pytest.mark.parametrize(("length", "hosts"), [(50, 150), (500, 60), (5_000, 15)])
def test_without_drift_alarms_are_as_rare_as_stated(shape, coefficient, length, hosts):
    series = autoregressive(
        length, hosts * FEATURES, coefficient=coefficient, seed=length
    )
    reference = reference_of(shape(NORMAL))
    found = sum(
        alarms(drift_of(shape(part), reference))
        for part in np.split(series, hosts, axis=1)
    )
    # ALPHA, and what chance adds to it over so few hosts: at most 1 in 1,000.
    assert found <= hosts * ALPHA + 3.1 * (hosts * ALPHA) ** 0.5 + 0.5


@pytest.mark.parametrize(
    ("shape", "coefficient", "length", "shift"),
    [
        pytest.param(smooth, 0.0, 60, 1.5, id="an_hour"),
        pytest.param(smooth, 0.0, 500, 0.5, id="a_small_shift"),
        pytest.param(smooth, 0.9, 1_440, 1.5, id="a_day_that_depends"),
        pytest.param(counted, 0.5, 500, 1.0, id="few_values"),
    ],
)
def test_a_real_shift_is_found(shape, coefficient, length, shift):
    series = autoregressive(length, 40, coefficient=coefficient, seed=7) + shift
    reference = reference_of(shape(NORMAL), features=1)
    found = [drift_of(shape(column[:, None]), reference) for column in series.T]
    assert sum(map(alarms, found)) >= 36


def test_a_wider_spread_is_found_too():
    series = 2 * autoregressive(500, FEATURES, coefficient=0.0, seed=8)
    assert alarms(drift_of(series, reference_of(NORMAL)))


def test_the_fixed_threshold_of_folklore_would_be_wrong_on_both_ends():
    small, large = (
        drift_of(values, reference_of(NORMAL)).features[0]
        for values in (
            autoregressive(50, FEATURES, coefficient=0.0, seed=9),
            0.1 + autoregressive(5_000, FEATURES, coefficient=0.0, seed=9),
        )
    )
    assert small.threshold > 0.2 > large.threshold
    assert large.psi < 0.2
    assert large.has_drifted


def test_gaps_are_counted_and_not_compared():
    values = autoregressive(400, FEATURES, coefficient=0.0, seed=10)
    values[::2, 1] = np.nan
    values[:, 2] = np.nan
    seen = drift_of(values, reference_of(NORMAL))
    assert [feature.gaps for feature in seen.features] == [0, 200, 400, 0]
    assert [sum(feature.counts) for feature in seen.features] == [400, 200, 0, 400]
    assert not alarms(seen)
    assert seen.effective_rows == seen.features[1].effective_rows
    assert seen.rows == 400


def test_a_feature_that_was_always_a_gap_is_not_compared():
    reference = Reference(quantiles=((None,) * 11,), rows=10)
    seen = drift_of(np.ones((50, 1)), reference)
    assert seen.features == (FeatureDrift(feature=0, counts=()),)
    assert seen.effective_rows == 0


@pytest.mark.parametrize("rows", [0, 1, 20])
def test_a_small_training_tells_little(rows):
    series = 1 + autoregressive(500, FEATURES, coefficient=0.0, seed=11)
    assert not alarms(drift_of(series, reference_of(NORMAL, rows=rows)))


def test_drift_travels():
    values = autoregressive(100, FEATURES, coefficient=0.5, seed=12)
    seen = drift_of(values, reference_of(NORMAL))
    assert msgspec.json.decode(msgspec.json.encode(seen), type=Drift) == seen


# --- pooled -----------------------------------------------------------------------


def fleet(hosts, *, length=120, coefficient=0.5, apart=0.0, shift=0.0, seed=0):
    """Return the drifts of hosts that differ for good, and all are shifted."""
    offsets = np.random.default_rng(seed).normal(size=hosts) * apart
    series = autoregressive(
        length, hosts * FEATURES, coefficient=coefficient, seed=seed
    )
    reference = reference_of(NORMAL * (1 + apart**2) ** 0.5)
    found = [
        drift_of(part + offset + shift, reference)
        for part, offset in zip(np.split(series, hosts, axis=1), offsets, strict=True)
    ]
    return found, reference


def test_pooled_counts_are_sums():
    found, reference = fleet(5)
    both = pooled(found, reference=reference)
    assert both.rows == 600
    for place, feature in enumerate(both.features):
        columns = zip(*(each.features[place].counts for each in found), strict=True)
        assert feature.counts == tuple(map(sum, columns))
        assert feature.feature == place


def test_the_drift_of_one_host_pools_to_itself():
    found, reference = fleet(1)
    both = pooled(found, reference=reference)
    assert both.features[0].psi == pytest.approx(found[0].features[0].psi)
    assert both.effective_rows == pytest.approx(found[0].effective_rows)


@pytest.mark.parametrize("apart", [0.0, 1.0])
@pytest.mark.parametrize("hosts", [5, 40])
def test_hosts_that_differ_among_each_other_have_not_drifted(hosts, apart):
    found = 0
    for seed in range(20):
        drifts, reference = fleet(hosts, apart=apart, seed=seed)
        found += alarms(pooled(drifts, reference=reference))
    assert found <= 2


def test_what_no_host_can_tell_alone_many_can():
    drifts, reference = fleet(60, length=60, coefficient=0.9, shift=0.5)
    assert sum(map(alarms, drifts)) <= 3
    assert alarms(pooled(drifts, reference=reference))


def test_gaps_and_hosts_without_values_pool_too():
    found, reference = fleet(2)
    gone = drift_of(np.full((30, FEATURES), np.nan), reference)
    both = pooled([*found, gone], reference=reference)
    assert both.features[0].gaps == 30
    assert sum(both.features[0].counts) == 240
    assert pooled([gone], reference=reference).features[0].counts == ()


def test_a_feature_without_bins_pools_to_nothing():
    reference = Reference(quantiles=((1.0, 1.0, 1.0),), rows=10)
    seen = drift_of(np.ones((30, 1)), reference)
    assert not alarms(pooled([seen, seen], reference=reference))


def test_drifts_of_different_releases_are_not_pooled():
    found, reference = fleet(1)
    other = msgspec.structs.replace(found[0], digest="b" * 64)
    with pytest.raises(ValueError, match="expected 4 features of cpu-busy aaaa"):
        pooled([found[0], other], reference=reference)
    with pytest.raises(ValueError, match="got none"):
        pooled([], reference=reference)
