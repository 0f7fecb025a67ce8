"""Heard: models, baseline and simple rules are judged on the same moments."""

import numpy as np
import pytest

from agent.core.peers import Peer
from central.core.heard import (
    AGAIN,
    PUT_RIGHT,
    RELEASE,
    heard,
    joined,
    trial,
    verdicts,
)
from central.core.platt import Line
from central.core.pupils import LeftOut, Pupil
from central.core.surveys import UNUSUAL
from tests.fakes.pupils import lived_pupil

MANIFEST = UNUSUAL[0].rehearsed()


def left_out_of(pupils, *, is_again=True):
    said = tuple(pupil.rows.features[:, 0].astype(np.float64) for pupil in pupils)
    return LeftOut(
        said=said,
        again=said if is_again else (),
        line=Line(slope=1.0, shift=0.0),
        threshold_said=said[0],
        threshold_came=pupils[0].rows.outcome > 0,
    )


@pytest.fixture
def pupils() -> list[Pupil]:
    return [lived_pupil("a", seed=1), lived_pupil("b", seed=2)]


def test_only_the_last_third_of_a_hosts_time_is_judged(pupils):
    hosts = heard(pupils, left_out_of(pupils), manifest=MANIFEST)
    for host, pupil in zip(hosts, pupils, strict=True):
        assert host.at_s.min() >= 0.7 * pupil.length_s
        assert host.days == pytest.approx(0.3 * pupil.length_s / 86400)


def test_all_rules_answer_and_one_without_an_answer_ranks_last(pupils):
    pupils[0].rows.extras[:, 2] = np.nan
    first, _ = heard(pupils, left_out_of(pupils), manifest=MANIFEST)
    assert set(first.said) == {RELEASE, PUT_RIGHT, AGAIN, "baseline", *map(str, Peer)}
    assert (first.said[str(Peer.SEASON)] == -np.inf).all()


def test_a_host_that_is_told_too_much_puts_it_right(pupils):
    found = left_out_of(pupils)
    bold = LeftOut(
        said=tuple(np.full(len(said), 0.9) for said in found.said),
        again=(),
        line=found.line,
        threshold_said=found.threshold_said,
        threshold_came=found.threshold_came,
    )
    hosts = heard(pupils, bold, manifest=MANIFEST)
    rate = np.concatenate([host.outcome for host in hosts]).mean()
    assert rate < 0.6
    assert abs(joined(hosts, PUT_RIGHT).mean() - rate) < 0.9 - rate


def test_a_good_model_is_seen_to_be_one(pupils):
    hosts = heard(pupils, left_out_of(pupils), manifest=MANIFEST)
    found = verdicts(hosts, manifest=MANIFEST, threshold=0.5, clear=0.35)
    assert list(found) == [RELEASE, PUT_RIGHT, AGAIN]
    assert found[RELEASE].pooled.skill.value > 0.1
    assert not found[RELEASE].is_worse


def test_where_nothing_was_taught_again_nothing_is_judged_again(pupils):
    hosts = heard(pupils, left_out_of(pupils, is_again=False), manifest=MANIFEST)
    found = verdicts(hosts, manifest=MANIFEST, threshold=0.5, clear=0.35)
    assert list(found) == [RELEASE, PUT_RIGHT]


def test_a_trial_tells_hosts_days_and_events_apart(pupils):
    hosts = heard(pupils, left_out_of(pupils), manifest=MANIFEST)
    told = trial(hosts)
    count = sum(len(host) for host in hosts)
    assert len(told.probability) == len(told.baseline) == len(told.block) == count
    first = len(hosts[0])
    assert set(told.block[:first].tolist()).isdisjoint(told.block[first:].tolist())
    happened = told.happened
    events = told.event[:first][happened[:first]], told.event[first:][happened[first:]]
    assert set(events[0].tolist()).isdisjoint(events[1].tolist())
