"""The exam: all are asked the same, and rows count for what they stand for."""

from dataclasses import replace

import numpy as np
import pytest

from central.core.exam import (
    BASELINE,
    CURRENT,
    RETRAINED,
    Paper,
    blocks_of,
    examined,
    rounded,
)
from central.core.measure import EventMeasure
from tests.fakes.truth import truth


def judged(*, current=None, group=None, samples=None, said=None):
    known = truth(release="a", moments=1000)
    rows = known.samples if samples is None else samples
    own = known.probability[:, None] if said is None else said
    answers = {RETRAINED: own}
    if current is not None:
        answers[CURRENT] = current
    answers[BASELINE] = rows.baseline
    groups = np.full(len(rows), "") if group is None else group
    return examined(
        Paper(rows=rows, horizon_s=600.0, said=answers, group=groups),
        measure=EventMeasure(),
        is_event=True,
    )


def test_who_says_the_truth_gains_over_the_baseline():
    found = judged()
    assert found.reference == BASELINE
    assert found.own.skill > 0.2
    assert found.own.calibration_error < 0.02
    assert 0 < found.gain.low < found.gain.gain < found.gain.high
    assert not found.gain.is_worse
    assert found.standing_for == pytest.approx(8000, rel=0.1)


def test_the_current_release_is_the_reference_where_it_spoke():
    rows = truth(release="a", moments=1000).samples
    half = np.where(np.arange(len(rows)) % 2, 0.5, np.nan)[:, None]
    found = judged(current=half)
    assert found.reference == CURRENT
    assert found.gain.rows == found.marks[CURRENT].rows == len(rows) // 2


def test_a_current_release_that_never_spoke_is_no_reference():
    rows = truth(release="a", moments=1000).samples
    found = judged(current=np.full((len(rows), 1), np.nan))
    assert found.reference == BASELINE
    assert found.marks[CURRENT].skill is None
    assert found.gains[CURRENT].low is None


def test_a_group_that_loses_is_seen():
    rows = truth(release="a", moments=1000).samples
    group = np.where(rows.host < "host-004", "db", "web")
    said = np.where(group == "db", 0.9, rows.label)[:, None]
    found = judged(group=group, said=said)
    assert found.groups["db"].is_worse
    assert found.groups["web"].gain == 1.0


def test_a_row_of_weight_two_counts_as_two():
    rows = truth(release="a", moments=300).samples
    rows = replace(rows, weight=np.ones(len(rows)))
    twice = rows.where(np.repeat(np.arange(len(rows)), 2))
    heavy = replace(rows, weight=np.full(len(rows), 2.0))
    one, two = (
        judged(samples=each, said=np.full((len(each), 1), 0.3))
        for each in (twice, heavy)
    )
    assert one.own.skill == two.own.skill
    assert one.own.loss == two.own.loss
    assert one.gain.gain == two.gain.gain


def test_of_a_value_no_events_are_counted():
    rows = truth(release="a", moments=300).samples
    found = examined(
        Paper(
            rows=rows,
            horizon_s=600.0,
            said={RETRAINED: rows.baseline, BASELINE: rows.baseline},
            group=np.full(len(rows), ""),
        ),
        measure=EventMeasure(),
        is_event=False,
    )
    assert found.events is None
    assert found.gain.events is None


def test_what_cannot_be_said_is_nothing():
    assert rounded(None) is None
    assert rounded(float("nan")) is None
    assert rounded(0.123456) == 0.1235


def moments(*, hosts, days, every_s=600.0):
    rows = truth(release="a", moments=1000, hosts=hosts, sent=1.0).samples
    at = rows.at[0] + np.arange(len(rows)) % int(days * 86_400 / every_s) * every_s
    return replace(rows, at=np.sort(at))


@pytest.mark.parametrize(
    ("hosts", "days", "horizon_s", "least", "most"),
    [
        pytest.param(4, 20, 600.0, 80, 84, id="days"),
        pytest.param(2, 1, 600.0, 10, 12, id="shorter_than_days"),
        pytest.param(1, 0.5, 7200.0, 6, 7, id="never_shorter_than_a_horizon"),
        pytest.param(1, 20, 4 * 86_400.0, 5, 6, id="nor_days_if_it_is_longer"),
    ],
)
def test_blocks_are_days_of_hosts_or_shorter(hosts, days, horizon_s, least, most):
    rows = moments(hosts=hosts, days=days, every_s=max(600.0, days * 86.4))
    found = blocks_of(rows, horizon_s=horizon_s)
    assert least <= found.max() + 1 <= most


def test_no_moments_are_no_blocks():
    rows = moments(hosts=1, days=1)
    none = rows.where(np.zeros(len(rows), dtype=np.bool_))
    assert len(blocks_of(none, horizon_s=600.0)) == 0


def test_a_bad_current_release_does_not_hide_the_baseline():
    known = truth(release="a", moments=1000)
    worse = np.full((len(known.samples), 1), 0.3)
    bad = np.full((len(known.samples), 1), 0.9)
    found = judged(current=bad, said=worse)
    assert found.gain.low > 0
    assert found.gains[BASELINE].high < 0
