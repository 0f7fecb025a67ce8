"""Blocks: figures of all rows, and of machine-days drawn again and again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.blocks import DAY_S, Blocks, Estimate, days_of

metrics = pytest.importorskip("sklearn.metrics", reason="sklearn is not installed")

ROWS = 400


def rows(seed=0):
    generator = np.random.default_rng(seed)
    happened = (generator.random(ROWS) < 0.2).astype(float)
    scores = np.round(happened + generator.normal(0, 1.0, ROWS), 1)
    days = np.repeat(np.arange(20), ROWS // 20)
    return days, scores, happened


def test_the_first_part_of_a_sum_is_of_all_rows_as_they_are():
    days, scores, _ = rows()
    parts = Blocks(days).sums(scores)
    assert parts[0] == pytest.approx(scores.sum())
    assert len(set(parts[1:].tolist())) > 1


def test_every_draw_has_as_many_days_as_there_are():
    days, scores, _ = rows()
    assert Blocks(days).sums(np.ones(len(scores))).tolist() == [ROWS] * 301


def test_sums_by_group_add_up_to_the_sums():
    days, scores, happened = rows()
    blocks = Blocks(days)
    groups = np.arange(ROWS) % 3
    by_group = blocks.sums_by(groups, count=3, values=scores)
    assert by_group.sum(axis=1) == pytest.approx(blocks.sums(scores))
    own = blocks.sums_by(groups, count=3, values=happened)[0]
    assert own.tolist() == [happened[groups == n].sum() for n in range(3)]


@given(st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_average_precision_is_that_of_the_reference_implementation(seed):
    days, scores, happened = rows(seed)
    found = Blocks(days, seed=seed).average_precisions(scores, happened)
    assert found[0] == pytest.approx(metrics.average_precision_score(happened, scores))


def test_the_average_precision_of_a_draw_is_that_of_its_days():
    days, scores, happened = rows()
    blocks = Blocks(days)
    found = blocks.average_precisions(scores, happened)
    for draw in (1, 7):
        weights = blocks._drawn[draw][days]
        wanted = metrics.average_precision_score(
            happened, scores, sample_weight=weights
        )
        assert found[draw] == pytest.approx(wanted)


def test_a_rule_without_answers_ranks_last_and_costs_its_chance_only():
    days, _, happened = rows()
    nothing = np.full(ROWS, -np.inf)
    found = Blocks(days).average_precisions(nothing, happened)
    assert found[0] == pytest.approx(happened.mean())


def test_more_thresholds_than_are_read_change_nothing_that_matters():
    generator = np.random.default_rng(1)
    happened = (generator.random(20_000) < 0.3).astype(float)
    scores = happened + generator.normal(0, 1.0, 20_000)
    days = np.arange(20_000) // 1000
    found = Blocks(days).average_precisions(scores, happened)[0]
    wanted = metrics.average_precision_score(happened, scores)
    assert found == pytest.approx(wanted, abs=2e-3)


def test_without_an_event_there_is_no_average_precision():
    days, scores, happened = rows()
    blocks = Blocks(days)
    found = blocks.estimate(blocks.average_precisions(scores, 0 * happened))
    assert found == Estimate(value=None)


def test_an_interval_holds_what_was_found_and_tells_on_which_side_of_zero_it_is():
    days, scores, happened = rows()
    blocks = Blocks(days)
    mean = blocks.estimate(blocks.sums(scores) / ROWS)
    assert mean.low < mean.value < mean.high
    assert mean.is_above_zero
    assert not mean.is_below_zero
    below = blocks.estimate(-blocks.sums(happened))
    assert below.is_below_zero


def test_of_few_days_no_interval_is_told():
    days, scores, _ = rows()
    blocks = Blocks(days // 5)
    found = blocks.estimate(blocks.sums(scores))
    assert (found.low, found.high) == (None, None)
    assert found.value == pytest.approx(scores.sum())
    assert not found.is_above_zero
    assert not found.is_below_zero


def test_of_few_days_with_an_event_no_interval_is_told_either():
    days, scores, _ = rows()
    blocks = Blocks(days, tells=days < 4)
    assert blocks.estimate(blocks.sums(scores)).low is None
    enough = Blocks(days, tells=days < 5)
    assert enough.estimate(enough.sums(scores)).low is not None


def test_a_figure_that_no_draw_has_is_told_without_an_interval():
    days, _, _ = rows()
    blocks = Blocks(days)
    parts = np.full(301, np.nan)
    parts[0] = 1.0
    assert blocks.estimate(parts) == Estimate(value=1.0)


def test_the_same_rows_give_the_same_interval():
    days, scores, _ = rows()
    one, other = (Blocks(days).estimate(Blocks(days).sums(scores)) for _ in range(2))
    assert one == other


def test_an_interval_holds_the_truth_about_nine_times_in_ten():
    held = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        days = np.repeat(np.arange(30), 10)
        values = np.repeat(generator.normal(0, 1, 30), 10) + generator.normal(0, 1, 300)
        blocks = Blocks(days, seed=seed)
        found = blocks.estimate(blocks.sums(values) / blocks.sums(np.ones(300)))
        held += found.low <= 0 <= found.high
    assert 47 <= held <= 59


def test_the_days_of_two_machines_are_not_the_same():
    at_s = np.array([0.0, DAY_S - 1, DAY_S, -1.0])
    one, other = days_of(0, at_s), days_of(1, at_s)
    assert one[0] == one[1] != one[2]
    assert len({*one.tolist(), *other.tolist()}) == 6
