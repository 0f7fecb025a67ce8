"""What operations take back, what was seen before, and what a host mends by itself."""

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from agent.adapters.repository import UnreachableError
from agent.core.lineup import LineUp
from agent.core.qualify import Verdict
from agent.core.release import ReleaseEvent, ReleaseState
from agent.errors import StateError, TrustError
from agent.flows.departure import depart
from agent.flows.update import failure_remembered
from tests.fakes.bench import FIRST, NOW, SECOND, THIRD, Bench
from tests.fakes.onnx_files import manifest_of, sha256
from tests.fakes.signed import new_keys

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
    # An order that was obeyed is no finding; a host that is new here is told why.
    assert result.refused == two.update().refused == ()
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
        f"version 2 ({other[:12]}) is in quarantine: it was rolled back on this host; "
        "the publisher must offer another version, or "
        "`forewarn quarantine clear cpu-busy 2` lets it in again"
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
    assert "it was rejected on this host" in refused.reason
    assert "`forewarn quarantine clear cpu-busy 1`" in refused.reason


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


def test_a_new_host_is_told_why_it_gets_nothing(bench):
    bench.publish(pointer={"revoked": [sha256(FIRST)]})
    (refused,) = bench.update().refused
    assert refused.reason.startswith("its digest is revoked: ")


def test_a_shadow_is_acted_upon_where_nothing_else_is_any_more(bench):
    bench.publish()
    bench.update()
    bench.publish(SECOND, version=2)
    bench.update()
    approve(bench, SECOND, 2, 3, floor_version=2)
    result = bench.update()
    assert [one.version for one in result.withdrawn] == [1]
    (admitted,) = result.admitted
    assert (admitted.version, admitted.is_active) == (2, True)
    assert lineup(bench) == LineUp(task=TASK, active=bench.digest(2))
    assert bench.states()[TASK, 2] is ReleaseState.PROBATION


def test_who_writes_a_stranger_into_the_line_up_gains_an_hour_and_no_more(bench):
    """The daemon does not run it; the next update puts the approved one back."""
    bench.publish()
    bench.update()
    forged = manifest_of(SECOND, task=TASK, version=9)
    with bench.registry.transaction():
        bench.registry.admit(digest=sha256(forged), manifest=forged, at=NOW)
        bench.registry.set_state(sha256(forged), ReleaseState.SHADOW)
        bench.registry.set_lineup(LineUp(task=TASK, active=sha256(forged)))
    result = bench.update()
    assert [one.version for one in result.withdrawn] == [9]
    assert [one.version for one in result.admitted] == [1]
    assert lineup(bench) == LineUp(task=TASK, active=bench.digest(1))


def test_what_is_not_for_this_host_yet_is_told(bench):
    bench.publish(pointer={"rollout": {"percent": 0, "salt": ""}})
    (held,) = bench.update().held_back
    assert held.reason == "it is for 0 % of the fleet, without this host"
    later = f"{NOW + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    approve(bench, FIRST, 1, 2, not_before=later)
    (held,) = bench.update().held_back
    assert held.reason.startswith("it begins at ")


def test_a_standby_that_only_a_newer_program_understands_does_not_take_over(two):
    one, other = two.digest(1), two.digest(2)
    registry = two.registry
    registry._connection.execute(
        "update releases set manifest = x'7b7d' where digest = ?", (one,)
    )
    with registry.transaction():
        left = depart(registry, lineup(two), other, event=ReleaseEvent.BREACHED)
    assert left == LineUp(task=TASK)


def test_revoked_root_keys_do_not_come_back_with_an_old_repository(bench, tmp_path):
    """Root has no other count for other keys: by it the keys of all are known."""
    bench.publish()
    bench.update()
    old = tmp_path / "old"
    shutil.copytree(bench.publisher.folder, old)
    keys, former = new_keys(1), bench.publisher.keys["root"]
    for role in ("root", "timestamp", "snapshot", "targets"):
        bench.publisher.set_keys(role, keys)
    bench.publisher.sign("root", by=[*former, *keys])
    bench.publisher.sign("targets", "snapshot", "timestamp")
    bench.publish(SECOND, version=2)
    bench.update()
    shutil.rmtree(bench.cache)
    shutil.rmtree(bench.publisher.folder)
    old.rename(bench.publisher.folder)
    with pytest.raises(TrustError, match="root: rollback attack"):
        bench.update()
    assert bench.registry.lineups()[0].active == bench.digest(1)


def test_a_disk_fault_of_one_task_puts_off_no_withdrawal_of_another(bench, monkeypatch):
    bench.publish(task="z-bad")
    bench.update()
    bench.publish(SECOND, task="a-new")
    revoked = [bench.digest(task="z-bad")]
    bench.publish(task="z-bad", pointer={"serial": 2, "revoked": revoked})

    def full(manifest):
        raise StateError("no space left on the disk")

    monkeypatch.setattr(bench.trial, "verdict", full)
    with pytest.raises(StateError):
        bench.update()
    assert bench.states()["z-bad", 1] is ReleaseState.WITHDRAWN


def test_a_release_that_broke_down_meanwhile_is_not_put_back(two, monkeypatch):
    """The daemon may step back between the update's look and its write."""
    approve(two, FIRST, 1, 3)
    two.update()
    approve(two, SECOND, 2, 4)
    registry, other = two.registry, two.digest(2)
    verdict = two.trial.verdict

    def slow(manifest):
        registry._connection.execute(
            "update releases set state = 'rolled_back' where digest = ?", (other,)
        )
        return verdict(manifest)

    monkeypatch.setattr(two.trial, "verdict", slow)
    (refused,) = two.update().refused
    assert "is in quarantine" in refused.reason
    assert two.states()[TASK, 2] is ReleaseState.ROLLED_BACK


def test_what_is_no_error_of_ours_is_remembered_as_well(bench):
    with pytest.raises(ZeroDivisionError), failure_remembered(bench.registry, now=NOW):
        _ = 1 // 0
    assert bench.registry.trust().reason.startswith("ZeroDivisionError: ")


def test_a_damaged_memory_of_trust_is_told_by_its_row(bench):
    bench.publish()
    bench.update()
    bench.registry._connection.execute("update trust set document = '{'")
    with pytest.raises(StateError, match=r"table trust, .*: damaged: "):
        bench.update()
