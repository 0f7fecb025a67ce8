"""Judged: pooled and host by host, with means in which no host outweighs another."""

import msgspec
import pytest

from agent.core.judged import ALL, judged
from agent.core.manifest import parse_manifest
from agent.core.peers import Peer
from tests.fakes.answers import event_host, value_host
from tests.fakes.life import manifest_of, value_manifest

EVENT = parse_manifest(manifest_of(target={"within": "15m"}))
VALUE = parse_manifest(value_manifest())


def done(manifest, *hosts, left_out=None):
    return judged(
        manifest, leading=manifest, release="v1", hosts=hosts, left_out=left_out or {}
    )


def test_an_event_task_is_judged_on_all_hosts_and_on_each():
    hosts = [event_host(name=name, seed=n) for n, name in enumerate(("a", "b"))]
    found = done(EVENT, *hosts, left_out={"c": "needs what it has not"})
    assert found.pooled.scope == ALL
    assert [each.scope for each in found.hosts] == ["a", "b"]
    assert [rank.name for rank in found.pooled.ranks] == [
        "v1",
        "baseline",
        *map(str, Peer),
    ]
    assert (found.task, found.release, found.is_event) == ("cpu-busy", "v1", True)
    assert not found.is_worse
    own = [each.skill.value for each in found.hosts]
    assert found.means["Brier skill"] == pytest.approx(sum(own) / 2)
    assert found.means["average precision of v1"] == 1.0
    assert found.left_out == {"c": "needs what it has not"}
    assert msgspec.json.decode(msgspec.json.encode(found))["pooled"]["scope"] == ALL


def test_a_host_without_figures_does_not_enter_the_means():
    hosts = [event_host(name="a"), event_host(name="b", days=0)]
    found = done(EVENT, *hosts)
    assert found.hosts[1].withheld is not None
    assert found.means["Brier skill"] == found.hosts[0].skill.value


def test_a_release_that_is_shown_to_be_worse_is_worse():
    assert done(EVENT, event_host(said="mistaken")).is_worse


def test_an_event_task_without_a_decision_raises_no_alarm():
    bare = msgspec.structs.replace(EVENT, decision=None)
    assert done(bare, event_host()).pooled.warned.alarms == 0


def test_a_value_task_is_judged_by_its_errors():
    found = done(VALUE, value_host(), value_host(name="other", unit=1e6))
    assert not found.is_event
    assert found.means["gain"] == pytest.approx(found.hosts[0].gain.value)
    assert found.means["coverage"] == pytest.approx(0.8, abs=0.04)
    assert found.pooled.wanted == pytest.approx(0.8)


def test_a_value_of_one_number_has_no_coverage_to_average():
    one = parse_manifest(value_manifest(quantiles=(0.5,)))
    assert "coverage" not in done(one, value_host(levels=(0,))).means
