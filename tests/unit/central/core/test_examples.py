"""Examples: made as the agent will see them, in the order in which it will."""

import numpy as np
import pytest

from agent.core.expression import parse
from agent.core.series import parse_series
from agent.core.target import EventTarget, parse_condition
from central.core.examples import NEVER, Task, chosen, examples, joined
from central.core.recording import Recording

X = 'system.cpu.utilization{case="$entity"}'


def task(*features, within_s=120.0, sustained_s=60.0):
    return Task(
        target=EventTarget(
            series=parse_series(X),
            condition=parse_condition(">= 0.9"),
            sustained_s=sustained_s,
            within_s=within_s,
            onset=True,
        ),
        features=tuple(parse(text) for text in features)
        or (parse(f"$limit - last_over_time({X}[60s])"),),
        min_coverage=0.8,
    )


def recording(*columns):
    return Recording(
        name="host",
        group="host",
        interval_s=60.0,
        values=np.array(columns, dtype=np.float32).T,
        serving=np.ones(len(columns), dtype=np.bool_),
    )


def test_a_moment_happened_if_the_limit_is_met_within_the_horizon():
    found = examples(
        recording([0.1, 0.2, 0.3, 0.95, 0.4, 0.1, 0.1]), task=task(), every=1
    )
    # Row 3 holds already and is no onset moment; rows 5 and 6 are not due yet.
    assert found.row.tolist() == [0, 1, 2, 4]
    assert found.happened.tolist() == [False, True, True, False]
    assert found.event.tolist() == [NEVER, 3, 3, NEVER]
    assert found.features[:, 0].tolist() == pytest.approx([0.8, 0.7, 0.6, 0.5])


def test_every_case_is_a_host_of_its_own():
    found = examples(
        recording([0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.95, 0.1]), task=task(), every=1
    )
    assert found.case.tolist() == [0, 1, 0, 1]
    assert found.happened.tolist() == [False, True, False, True]


def test_a_gap_is_neither_predicted_nor_counted():
    nothing = float("nan")
    found = examples(
        recording([0.1, nothing, nothing, 0.1, 0.1, 0.1]), task=task(), every=1
    )
    # Row 0 saw nothing of its horizon, row 3 all of it.
    assert found.row.tolist() == [3]


def test_only_every_so_many_rows_are_predicted():
    found = examples(recording([0.1] * 10), task=task(), every=3)
    assert found.row.tolist() == [0, 3, 6]


def test_a_restart_forgets_the_past_but_what_came_is_known():
    feature = f"avg_over_time({X}[3m])"
    found = examples(
        recording([0.1] * 12), task=task(feature), every=1, restarts=frozenset({6})
    )
    assert found.row.tolist() == list(range(10))
    assert found.age.tolist() == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4]
    has_gap = np.isnan(found.features[:, 0])
    assert has_gap.tolist() == [age < 3 for age in found.age]


def test_what_comes_after_a_restart_is_credited_to_the_moment_before():
    found = examples(
        recording([0.1, 0.1, 0.1, 0.95, 0.1, 0.1, 0.1]),
        task=task(),
        every=1,
        restarts=frozenset({2, 3}),
    )
    assert found.row[found.happened].tolist() == [1, 2]
    assert found.event[found.happened].tolist() == [3, 3]


def test_the_baseline_learns_only_from_what_is_known_by_then():
    calm = examples(recording([0.1] * 40), task=task(), every=1)
    # The prior until the first outcome, two rows later; then it falls.
    assert calm.baseline[0] == calm.baseline[1]
    assert calm.baseline[-1] < calm.baseline[0]


def test_nothing_is_found_in_a_recording_shorter_than_the_horizon():
    found = examples(recording([0.1, 0.1]), task=task(), every=1)
    assert found.features.shape == (0, 1)
    assert len(found.happened) == 0


def test_examples_can_be_joined_and_chosen_from():
    one = examples(recording([0.1, 0.2, 0.95, 0.1]), task=task(), every=1)
    both = joined([one, one])
    assert len(both.row) == 2 * len(one.row)
    picked = chosen(both, both.row == 1)
    assert picked.row.tolist() == [1, 1]
    assert picked.age.tolist() == [2, 2]
    assert picked.features.shape == (2, 1)
    assert picked.happened.all()
    assert picked.event.tolist() == [2, 2]
    assert picked.case.tolist() == [0, 0]
    assert len(picked.baseline) == 2
