"""The study of a value: nobody is forecast by a model that saw him or his twin."""

import numpy as np
import pytest

from agent.core.rows import Rows
from central.core.value_study import (
    BASELINE,
    RELEASE,
    ValueLesson,
    examples,
    studied,
)

LEVELS = (0.1, 0.5, 0.9)
EVERY_S, LENGTH = 300.0, 1000


def rows_of(number, change, *, scale=2.0):
    """Return moments whose first feature is the host's number, the last its scale."""
    count = len(change)
    return Rows(
        features=np.column_stack(
            [np.full(count, number), np.full(count, scale)]
        ).astype(np.float32),
        outcome=change,
        baseline=np.full((count, 3), 7.0),
        extras=np.empty((count, 0)),
        at_s=np.arange(count) * EVERY_S,
        limit=np.full(count, np.nan),
        origin=np.zeros(count),
        entity=("",) * count,
        happened_s=np.full(count, np.nan),
    )


def lesson(number, group, *, size=1.0):
    """Return a host whose changes are spread evenly over -size to size, times 2."""
    change = 2 * size * np.tile(np.linspace(-1, 1, 11), LENGTH)[:LENGTH]
    return ValueLesson(
        host=f"host-{number}",
        group=group,
        interval_s=EVERY_S,
        length=LENGTH,
        settled=rows_of(number, change),
        early=rows_of(number, change[:900]),
    )


class Parrot:
    """Says the same of everybody and remembers who taught it."""

    def __init__(self):
        self.taught = []

    def __call__(self, features, change):
        self.taught.append({int(number) for number in features[:, 0]})
        self.largest = np.abs(change).max()
        return self

    def quantiles(self, features):
        return np.tile([-0.5, 0.0, 0.5], (len(features), 1))


def course(lessons, *, heard=()):
    parrot = Parrot()
    found = studied(lessons, learn=parrot, levels=LEVELS, horizon_s=1800.0, heard=heard)
    return parrot, found


def test_each_group_is_forecast_by_what_the_other_groups_teach():
    parrot, _ = course([lesson(1, "a"), lesson(2, "b"), lesson(3, "a"), lesson(4, "c")])
    assert parrot.taught == [{2, 4}, {1, 3, 4}, {1, 2, 3}]


def test_another_task_teaches_too_but_not_on_the_host_that_is_judged():
    own, other = (
        [lesson(n, "a"), lesson(n + 1, "b"), lesson(n + 2, "c")] for n in (1, 11)
    )
    parrot, found = course(own, heard=other)
    assert parrot.taught == [{2, 3, 12, 13}, {1, 3, 11, 13}, {1, 2, 11, 12}]
    assert [answers.host for answers in found.settled] == ["host-1", "host-2", "host-3"]


def test_changes_are_learnt_in_units_of_the_host_and_told_in_their_own():
    parrot, found = course([lesson(1, "a"), lesson(2, "b")])
    assert parrot.largest == pytest.approx(1.0)
    (answers, _) = found.settled
    assert answers.said[RELEASE][0] == pytest.approx([-1.6, 0.0, 1.6], abs=0.1)
    assert answers.said[BASELINE][0].tolist() == [7.0] * 3


def test_a_hosts_own_errors_do_not_widen_what_is_judged_on_it():
    _, found = course([lesson(1, "a", size=9.0), lesson(2, "b"), lesson(3, "c")])
    wide = [answers.said[RELEASE][0, 2] for answers in found.settled]
    assert wide[0] < 2 < wide[1]
    assert wide[1] == pytest.approx(wide[2])


def test_only_the_last_part_of_the_time_is_judged():
    _, found = course([lesson(1, "a"), lesson(2, "b")])
    assert found.settled[0].at_s.min() == 0.7 * LENGTH * EVERY_S
    assert len(found.settled[0]) == 300
    assert len(found.early[0]) == 200
    assert found.settled[0].days == 2


def test_what_is_shipped_is_shifted_by_what_all_were_off():
    _, found = course([lesson(1, "a"), lesson(2, "b")])
    low, middle, high = found.shifts
    assert (low, middle, high) == pytest.approx((-0.3, 0.0, 0.3), abs=0.05)


def test_a_host_that_stands_still_or_has_no_unit_teaches_nothing():
    still = rows_of(1, np.ones(5), scale=1e-6)
    unknown = rows_of(2, np.ones(5), scale=np.nan)
    moving = rows_of(3, np.ones(5))
    features, change = examples([still, unknown, moving])
    assert features[:, 0].tolist() == [3.0] * 5
    assert change.tolist() == [0.5] * 5


def test_a_moment_without_a_unit_is_told_that_nothing_changes():
    blind = lesson(1, "a")
    gap = blind.settled.features.copy()
    gap[-1, -1] = np.nan
    rows = rows_of(1, blind.settled.outcome)
    changed = ValueLesson(
        host="host-1",
        group="a",
        interval_s=EVERY_S,
        length=LENGTH,
        settled=Rows(
            features=gap,
            outcome=rows.outcome,
            baseline=rows.baseline,
            extras=rows.extras,
            at_s=rows.at_s,
            limit=rows.limit,
            origin=rows.origin,
            entity=rows.entity,
            happened_s=rows.happened_s,
        ),
        early=blind.early,
    )
    _, found = course([changed, lesson(2, "b")])
    assert found.settled[0].said[RELEASE][-1].tolist() == [0.0] * 3
