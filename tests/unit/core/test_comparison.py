"""Comparison of events: who ranked better, whose probabilities are worth more."""

import numpy as np
import pytest

from agent.core.answers import climatology
from agent.core.blocks import DAY_S, Estimate
from agent.core.comparison import judge_event
from agent.core.figures import EventTerms, Loss
from tests.fakes.answers import A_DAY, HORIZON_S
from tests.fakes.answers import event_host as host

TERMS = EventTerms(
    release="v1",
    baseline="baseline",
    rules=("baseline", "chance"),
    horizon_s=HORIZON_S,
    threshold=0.5,
    clear=0.4,
)


def judged(*hosts, terms=TERMS):
    return judge_event(hosts, scope="all", terms=terms)


def test_who_knows_the_future_is_ahead_of_everybody():
    found = judged(host())
    release, baseline, chance = found.ranks
    assert (found.withheld, found.losses) == (None, ())
    assert (release.average_precision.value, release.lead) == (1.0, None)
    assert chance.average_precision.value < 0.25
    assert chance.lead.is_above_zero
    assert baseline.answered == 1.0
    assert found.skill.value == pytest.approx(1 - 0.02**2 / found_variance(), abs=0.01)
    assert found.gain.is_above_zero
    assert found.brier == pytest.approx(0.02**2)
    assert found.log_loss == pytest.approx(-np.log(0.98))
    assert found.calibration_error.value == pytest.approx(0.02)
    assert found.warned.recall == 1.0
    assert release.recall == 1.0


def found_variance():
    rate = host().outcome.mean()
    return rate * (1 - rate)


def test_who_is_mistaken_is_worse_than_everybody_and_told_so():
    found = judged(host(said="mistaken"))
    assert [(loss.to, loss.measure) for loss in found.losses] == [
        ("baseline", "average precision"),
        ("chance", "average precision"),
        ("baseline", "Brier skill"),
    ]
    assert found.losses[2].is_shown
    assert found.losses[2].words.startswith("worse than baseline: Brier skill ")
    assert found.skill.is_below_zero


def test_what_may_be_chance_is_told_as_such():
    terms = TERMS
    found = judge_event([host(said="chance")], scope="all", terms=terms)
    ranked = [rank for rank in found.ranks if rank.name == "chance"]
    assert ranked[0].lead == Estimate(value=0.0, low=0.0, high=0.0)
    loss = Loss(
        to="k-means",
        measure="average precision",
        by=Estimate(value=-0.01, low=-0.05, high=0.03),
        is_shown=False,
    )
    assert loss.words == (
        "behind k-means, which may be chance: average precision 0.010 behind "
        "(90 %: -0.050 to +0.030)"
    )


def test_of_few_days_nothing_is_shown():
    found = judged(host(days=3, said="mistaken"))
    assert found.losses
    assert not any(loss.is_shown for loss in found.losses)
    assert found.losses[0].words.endswith("; too few days to tell from chance")


def test_a_silent_rule_answered_nothing_and_ranks_by_chance():
    terms = EventTerms(
        release="v1",
        baseline="baseline",
        rules=("silent",),
        horizon_s=HORIZON_S,
        threshold=0.5,
        clear=0.4,
    )
    given = host()
    silent = judged(given, terms=terms).ranks[1]
    assert silent.answered == 0.0
    assert silent.average_precision.value == pytest.approx(given.outcome.mean())
    assert silent.recall == 0.0


def test_a_rule_is_asked_for_no_more_alarms_than_the_release_raised():
    given = host()
    found = judged(given)
    chance = found.ranks[2]
    # As many alarms as events: by chance they meet about one in ten of them.
    assert 0.0 < chance.recall < 0.3


def test_hosts_together_are_their_rows_together():
    hosts = [host(name=f"host-{n}", seed=n) for n in range(3)]
    pooled = judged(*hosts)
    alone = [judged(each) for each in hosts]
    assert pooled.rows == sum(each.rows for each in alone)
    assert pooled.happened == sum(each.happened for each in alone)
    assert pooled.episodes == sum(each.episodes for each in alone)
    assert pooled.days == 36
    assert pooled.warned.episodes == pooled.episodes
    assert sum(each.count for each in pooled.calibration) == pooled.rows


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (host(days=0), "no moment could be predicted and resolved"),
        (host(days=1, rate=1.0), "every moment came true: there is nothing to tell"),
        (host(days=1, rate=0.02), "any figure would be chance"),
    ],
)
def test_figures_that_would_mean_nothing_are_withheld_with_the_reason(given, why):
    found = judged(given)
    assert why in found.withheld
    assert (found.ranks, found.brier, found.losses) == ((), None, ())


def test_climatology_has_seen_only_what_was_known_by_then():
    outcome, at_s = (
        np.array([1.0, 1.0, 0.0, 0.0]),
        np.array([0.0, 300.0, 900.0, 1200.0]),
    )
    rates = climatology(outcome, at_s, horizon_s=HORIZON_S)
    assert rates.tolist() == [0.5, 0.5, pytest.approx(1.5 / 2), pytest.approx(2.5 / 3)]


def test_answers_can_be_taken_by_a_mask():
    given = host()
    late = given.at(given.at_s >= 6 * DAY_S, days=6.0)
    assert (len(late), late.days, late.host) == (6 * A_DAY, 6.0, "host")
    assert len(late.said["v1"]) == len(late.entity) == len(late)
