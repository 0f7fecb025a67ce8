"""What operations take back, what was seen before, and what a host mends by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent.adapters.repository import UnreachableError
from agent.core.lineup import LineUp
from agent.core.qualify import Verdict
from agent.core.release import ReleaseEvent, ReleaseState
from agent.errors import TrustError
from agent.flows.departure import depart
from agent.flows.update import failure_remembered
from tests.fakes.bench import FIRST, NOW, SECOND, THIRD, Bench
from tests.fakes.onnx_files import sha256

TASK = "cpu-busy"


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.registry.close()


@pytest.fixture
def two(bench):
    """Return a bench with version 2 active, and 1 standing by."""
    bench.publish()
    bench.update()
    bench.publish(SECOND, version=2)
    bench.update()
    registry = bench.registry
    one, other = bench.digest(1), bench.digest(2)
    with registry.transaction():
        registry.set_state(one, ReleaseState.CONFIRMED)
        registry.set_state(one, ReleaseState.STANDBY)
        registry.set_state(other, ReleaseState.PROBATION)
        registry.set_lineup(LineUp(task=TASK, active=other, standby=one))
    return bench


def approve(bench, model, version, serial, **pointer):
    bench.publish(model, version=version, pointer={"serial": serial, **pointer})


def events(bench, name):
    rows = bench.registry._connection.execute(
        "select fields from events where name = ? order by id", (name,)
    )
    return [fields for (fields,) in rows]


def lineup(bench):
    (found,) = bench.registry.lineups()
    return found


def test_a_revoked_release_ends_its_work_and_the_standby_speaks(two):
    one, other = two.digest(1), two.digest(2)
    approve(two, SECOND, 2, 3, revoked=[other])
    result = two.update()
    (withdrawn,) = result.withdrawn
    assert (withdrawn.version, withdrawn.reason) == (2, "revoked")
    assert withdrawn.speaks == one
    assert lineup(two) == LineUp(task=TASK, active=one)
    assert two.states() == {
        (TASK, 1): ReleaseState.CONFIRMED,
        (TASK, 2): ReleaseState.WITHDRAWN,
    }
    (refused,) = result.refused
    assert refused.reason == "its digest is revoked"
    assert two.kept().keys() == {f"{sha256(FIRST)}.onnx"}
    (told,) = events(two, "release_withdrawn")
    assert '"reason":"revoked"' in told


def test_the_model_of_a_release_can_be_revoked_as_well(two):
    approve(two, SECOND, 2, 3, revoked=[sha256(SECOND)])
    (withdrawn,) = two.update().withdrawn
    assert withdrawn.version == 2


def test_where_nothing_stands_by_the_baseline_speaks(bench):
    bench.publish()
    bench.update()
    approve(bench, FIRST, 1, 2, revoked=[bench.digest()])
    (withdrawn,) = bench.update().withdrawn
    assert withdrawn.speaks is None
    assert lineup(bench) == LineUp(task=TASK)


def test_what_falls_below_the_floor_ends_its_work(two):
    approve(two, SECOND, 2, 3, floor_version=2)
    (withdrawn,) = two.update().withdrawn
    assert (withdrawn.version, withdrawn.reason) == (1, "below the floor 2")
    assert lineup(two) == LineUp(task=TASK, active=two.digest(2))


def test_a_revocation_is_for_every_host_whatever_its_share(two):
    nobody = {"percent": 0, "salt": ""}
    approve(two, SECOND, 2, 3, revoked=[two.digest(2)], rollout=nobody)
    assert [one.version for one in two.update().withdrawn] == [2]


def test_operations_can_send_the_fleet_back_to_an_older_version(two):
    approve(two, FIRST, 1, 3)
    (withdrawn,) = two.update().withdrawn
    assert withdrawn.reason == "operations went back to version 1"
    assert lineup(two) == LineUp(task=TASK, active=two.digest(1))


def test_a_fleet_goes_back_only_where_it_is_meant(two):
    approve(two, FIRST, 1, 3, rollout={"percent": 0, "salt": ""})
    assert two.update().withdrawn == ()
    assert lineup(two).active == two.digest(2)


def test_a_version_that_was_dropped_is_taken_in_again_when_it_is_offered_again(bench):
    for version, model in enumerate((FIRST, SECOND, THIRD), 1):
        bench.publish(model, version=version)
        bench.update()
    assert bench.states()[TASK, 2] is ReleaseState.RETIRED
    approve(bench, SECOND, 2, 4)
    result = bench.update()
    assert [one.version for one in result.withdrawn] == [3]
    assert [one.version for one in result.admitted] == [2]
    expected = LineUp(task=TASK, active=bench.digest(1), shadow=bench.digest(2))
    assert lineup(bench) == expected
    assert f"{sha256(SECOND)}.onnx" in bench.kept()


def test_a_withdrawn_version_is_taken_in_again_when_it_is_no_more_revoked(bench):
    bench.publish()
    bench.update()
    approve(bench, FIRST, 1, 2, revoked=[bench.digest()])
    bench.update()
    approve(bench, FIRST, 1, 3)
    (admitted,) = bench.update().admitted
    assert admitted.is_active


def test_a_channel_does_not_go_back(bench):
    approve(bench, FIRST, 1, 41)
    bench.update()
    approve(bench, FIRST, 1, 40)
    (refused,) = bench.update().refused
    assert refused.reason == (
        "channel of cpu-busy went back: expected at least serial 41, got 40; "
        "operations must approve anew"
    )
    assert lineup(bench).active == bench.digest(1)


def test_a_serial_stands_for_one_release(bench):
    approve(bench, FIRST, 1, 7)
    bench.update()
    approve(bench, SECOND, 2, 7)
    (refused,) = bench.update().refused
    assert "serial 7 was seen before with release" in refused.reason
    assert lineup(bench) == LineUp(task=TASK, active=bench.digest(1))


def test_a_refusal_is_told_once_until_it_is_another(bench):
    bench.publish(requires={"agent": ">=2"})
    for _ in range(3):
        assert len(bench.update().refused) == 1
    assert len(events(bench, "release_refused")) == 1
    assert bench.registry.channel(TASK).refusal.startswith("requires.agent")
    bench.publish(version=2)
    assert bench.update().refused == ()
    assert bench.registry.channel(TASK).refusal is None


def test_what_broke_down_here_is_not_taken_again(two):
    other = two.digest(2)
    with two.registry.transaction():
        depart(two.registry, lineup(two), other, event=ReleaseEvent.BREACHED)
    assert lineup(two) == LineUp(task=TASK, active=two.digest(1))
    (refused,) = two.update().refused
    assert refused.reason == (
        f"version 2 ({other[:12]}) is in quarantine: it broke down on this host; "
        "the publisher must offer another version"
    )


def test_a_missing_model_of_a_release_at_work_is_fetched_again(two):
    (two.folder / f"{sha256(FIRST)}.onnx").unlink()
    result = two.update()
    assert result.restored == (sha256(FIRST),)
    assert len(two.kept()) == 2
    assert len(events(two, "model_restored")) == 1
    assert two.update().restored == ()


def test_a_missing_model_that_cannot_be_fetched_stops_nothing_else(bench):
    bench.publish()
    bench.update()
    bench.publish(SECOND, version=2)
    bench.publisher.target("models/cpu-busy/1/model.onnx").unlink()
    (bench.folder / f"{sha256(FIRST)}.onnx").unlink()
    result = bench.update()
    assert [one.version for one in result.admitted] == [2]
    (refused,) = result.refused
    assert refused.reason.startswith("version 1 cannot be restored: ")


class Demanding:
    """Wants a bundle that says `good`."""

    def check(self, bundle, *, model):
        if bundle != b"good":
            raise TrustError(f"provenance of {model.sha256[:4]}: expected good")


def test_the_site_may_demand_a_provenance_before_a_model_is_fetched(bench):
    bench.provenance = Demanding()
    bench.publish()
    model = bench.publisher.target("models/cpu-busy/1/model.onnx")
    content = model.read_bytes()
    model.unlink()
    (refused,) = bench.update().refused
    assert refused.reason.startswith("provenance of ")
    model.write_bytes(content)
    bench.publisher.publish(
        TASK, release={"models/cpu-busy/1/model.sig": b"good"}, approval={}
    )
    assert len(bench.update().admitted) == 1


def test_a_good_update_is_remembered(bench):
    bench.publish()
    bench.update()
    trust = bench.registry.trust()
    assert (trust.reason, trust.failures, trust.checked_at) == (None, 0, NOW)
    assert (trust.verified_at, trust.expires_first) == (NOW, "timestamp")
    floors = {floor.role: floor.version for floor in bench.registry.floors()}
    assert floors.keys() == {
        "root",
        "timestamp",
        "snapshot",
        "targets",
        "release-cpu-busy",
        "approve-cpu-busy",
    }


def test_failures_are_counted_and_told_once(bench):
    bench.publish()
    bench.update()
    (bench.publisher.folder / "metadata" / "timestamp.json").unlink()
    for minutes in (1, 2, 3):
        now = NOW + timedelta(minutes=minutes)
        with (
            pytest.raises(UnreachableError),
            failure_remembered(bench.registry, now=now),
        ):
            bench.update()
    trust = bench.registry.trust()
    assert (trust.failures, trust.verified_at) == (3, NOW)
    assert "timestamp.json" in trust.reason
    assert len(events(bench, "update_failed")) == 1
    assert lineup(bench).active == bench.digest()


def test_a_failed_trial_of_an_update_that_was_taken_back_stays_failed(bench):
    bench.publish()
    bench.trial.verdicts[TASK] = Verdict(reasons=("too slow",))
    bench.update()
    bench.trial.verdicts.clear()
    (refused,) = bench.update().refused
    assert "it failed its trial on this host" in refused.reason


def test_a_release_has_the_chain_of_those_who_vouched_for_it(bench):
    bench.publish()
    bench.publish(SECOND, task="disk-full")
    bench.update()
    chain = bench.registry._connection.execute(
        "select chain from releases where task = ?", (TASK,)
    ).fetchone()[0]
    assert "approve-cpu-busy" in chain
    assert "disk-full" not in chain


def test_a_host_facts_change_lets_a_refused_offer_in(bench):
    bench.publish(requires={"agent": ">=2"})
    bench.update()
    bench.host = replace(bench.host, agent="2.0")
    assert len(bench.update().admitted) == 1


def test_a_clock_far_ahead_stops_updates_and_raises_no_floor(bench):
    bench.publish()
    bench.update()
    bench.publish(SECOND, version=2)
    with pytest.raises(TrustError, match="timestamp: expired at "):
        bench.update(days=14 * 365)
    assert lineup(bench).active == bench.digest()
    assert bench.registry.trust().verified_at == NOW
    assert len(bench.update().admitted) == 1


def test_a_clock_at_1970_is_not_believed(bench):
    bench.publish()
    bench.update()
    bench.publish(SECOND, version=2)
    assert len(bench.update(days=-56 * 365).admitted) == 1
    assert bench.registry.trust().verified_at == NOW
