"""The autopilot on a real repository: rollouts that go well, and that do not."""

from contextlib import contextmanager, suppress
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from agent.core.drift import drift
from agent.core.manifest_parts import Reference
from agent.core.pointer import Pointer, Rollout, parse_pointer
from agent.core.release import ReleaseState
from agent.errors import StateError, TrustError, UnavailableError
from central.core.autopilot import Made, Outcome, Stage, Terms, parse_plan
from central.flows import piloting
from central.flows.autopilot import Cockpit, look, look_around
from central.flows.observing import Sources
from central.ports.fleet import SampleCount
from central.wiring.autopilot import FolderChannels
from tests.fakes.fleet import MODELS, TASK, Fleet
from tests.fakes.onnx_files import sha256
from tests.fakes.plans import (
    HOUR,
    START,
    FakeHost,
    FixedRetrainer,
    MemoryFleet,
    MemoryLog,
    MemoryPlans,
    block_of,
    row_of,
)

POINTER = f"channels/{TASK}/stable.json"
RETRAINED = {"parent": "b" * 64, "data_sha256": "c" * 64, "rows": 9}
ENOUGH = SampleCount(rows=1000, events=50)
TERMS = Terms(hold=False, rings=(5, 25, 100))
FEW = replace(TERMS, rings=(50, 100))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    fleet = Fleet(tmp_path_factory.mktemp("published"))
    fleet.publish_all(2)
    fleet.on_desk("approve", TASK, 1)
    return fleet


@pytest.fixture
def desk(tmp_path, capsys, published):
    return Fleet(tmp_path, capsys, like=published)


class World:
    """Central, its autopilot, and hosts that do as a channel says."""

    def __init__(self, desk, *, hosts=0, seed=7, terms=TERMS):
        self.desk = desk
        self.now = START
        self.fleet = MemoryFleet(TASK)
        self.plans, self.log = MemoryPlans(), MemoryLog()
        self.retrainer = FixedRetrainer(self.retrained)
        self.cockpit = Cockpit(
            sources=Sources(
                fleet=self.fleet,
                counting=self.fleet,
                channels=FolderChannels(desk.central),
                cluster_label="cluster",
            ),
            plans=self.plans,
            log=self.log,
            retrainer=self.retrainer,
            terms=terms,
            tasks=frozenset({TASK}),
        )
        self.rng = np.random.default_rng(seed)
        self.new = self.digest(2)
        for number in range(hosts):
            name = f"host-{number:04d}"
            cluster = f"rack-{number // 5}"
            host = FakeHost(host_id=name, active=self.digest(1), cluster=cluster)
            self.fleet.add(host)

    def retrained(self):
        assert self.desk.publish(MODELS[2], version=3, provenance=RETRAINED).status == 0

    def digest(self, version):
        path = f"models/{TASK}/{version}/manifest.json"
        return sha256(self.desk.target(path).read_bytes())

    def drawn(self, name, percent):
        """Return whether a host is among a share of the fleet."""
        rollout = Rollout(percent=percent, salt=f"{TASK}-2")
        pointer = msgspec.structs.replace(self.pointer(), rollout=rollout)
        return pointer.holds_back(name, now=self.now) is None

    def pointer(self) -> Pointer:
        channels = self.cockpit.sources.channels
        document = channels.shelf.content(f"approve-{TASK}", POINTER)
        return parse_pointer(document, task=TASK, channel="stable")

    def plan(self):
        return parse_plan(self.plans.documents[TASK])

    def look(self):
        self.fleet.reported_at = self.now
        return look(self.cockpit, TASK, now=self.now)

    def roll_out(self, rings=()):
        now = self.now
        plan = piloting.roll_out(self.cockpit, TASK, 2, rings=rings, now=now)
        assert plan.stage is Stage.OPENING
        return self.look()

    def pass_hour(self, *, excess, merit, episodes=1, losses=(50, 100), telling=True):
        """Let hosts take the channel's release in, and tell what they saw of it."""
        pointer = self.pointer()
        block = block_of(self.now)
        for name, host in self.fleet.machines.items():
            takes = pointer.holds_back(name, now=self.now) is None
            if takes and pointer.sha256 not in {host.active, host.shadow}:
                host.shadow = pointer.sha256
            if pointer.sha256 == self.digest(1) or self.new in pointer.revoked:
                host.shadow = ""
            if host.shadow and telling:
                x = np.clip(self.rng.normal(excess, 0.01), -0.06, 0.9)
                m = np.clip(self.rng.normal(merit, 0.01), -0.06, 0.9)
                host.rows[host.shadow, block] = row_of(
                    name,
                    2,
                    block,
                    excess=x,
                    merit=m,
                    episodes=episodes,
                    losses=losses,
                )
        self.now += HOUR

    def fly(self, hours, **seen):
        """Let hours pass, a look each; return the percents that hosts saw."""
        percents = []
        for _ in range(hours):
            self.pass_hour(**seen)
            self.look()
            rollout = self.pointer().rollout
            percents.append(100 if rollout is None else rollout.percent)
        return percents


GOOD = {"excess": -0.01, "merit": 0.02}
BAD = {"excess": 0.03, "merit": -0.02, "losses": (60, 40)}


@pytest.fixture
def world(desk):
    return World(desk, hosts=12, terms=FEW)


# Simulated fleets.


@pytest.mark.parametrize(("hosts", "seed"), [(60, 1), (200, 2)])
def test_a_good_release_reaches_every_host_ring_by_ring(desk, hosts, seed):
    world = World(desk, hosts=hosts, seed=seed)
    world.roll_out()
    percents = world.fly(24 * 6, **GOOD)
    assert sorted(set(percents)) == [5, 25, 100]
    assert percents == sorted(percents)
    assert min(percents.count(5), percents.count(25)) >= 24
    assert world.plan().stage is Stage.DONE
    assert world.pointer().sha256 == world.new
    assert world.log.actions().count("approve") == 3


@pytest.mark.parametrize(("hosts", "seed"), [(60, 1), (200, 2)])
def test_a_harmful_release_is_halted_in_its_first_ring(desk, hosts, seed):
    world = World(desk, hosts=hosts, seed=seed)
    world.roll_out()
    percents = world.fly(24 * 3, **BAD)
    plan = world.plan()
    assert plan.stage is Stage.HALTED
    assert set(percents) == {5, 100}
    assert percents.count(5) < 48
    assert "evidence of harm reached 100" in plan.why
    pointer = world.pointer()
    assert (pointer.sha256, pointer.revoked) == (world.digest(1), (world.new,))
    last = world.log.chain().entries[-2]
    assert (last.action, last.subject.digest) == ("withdraw", world.new)
    assert last.actor.keys == (f"approve-{TASK}-1",)
    assert last.evidence["by"] == "autopilot"
    # For good: what hosts tell later changes nothing.
    world.fly(48, **GOOD)
    assert world.plan().stage is Stage.HALTED


def test_silent_hosts_never_advance_a_release(desk):
    world = World(desk, hosts=60)
    world.roll_out()
    assert set(world.fly(24 * 10, **GOOD, telling=False)) == {5}
    assert world.plan().waits.startswith("outcomes: no host has told of any yet")


def test_what_the_bets_show_must_hold_of_the_losses_too(desk):
    world = World(desk, hosts=60)
    world.roll_out()
    assert set(world.fly(24 * 4, excess=-0.01, merit=0.02, losses=(60, 50))) == {5}
    assert world.plan().course.guard.merit.evidence() > 20


def test_rings_are_nested(desk):
    world = World(desk, hosts=200)
    world.roll_out()
    held = []
    for percent in (5, 25, 100):
        world.desk.on_desk("approve", TASK, 2, "--percent", percent)
        pointer = world.pointer()
        held.append(
            {
                n
                for n in world.fleet.machines
                if pointer.holds_back(n, now=START) is None
            }
        )
    assert held[0] < held[1] < held[2]
    assert len(held[2]) == 200


# One rule at a time.


def test_a_ring_without_a_host_is_passed_but_the_fleet_is_never_first(desk):
    world = World(desk, hosts=6, terms=replace(TERMS, rings=(1, 5, 25, 100)))
    assert not [name for name in world.fleet.machines if world.drawn(name, 5)]
    assert world.roll_out().plan.course.percent == 25


def test_the_whole_fleet_is_never_the_first_to_get_a_release(desk):
    world = World(desk, hosts=6, terms=replace(TERMS, rings=(1, 5, 100)))
    assert world.roll_out().plan.course.percent == 5
    assert "no host is among the 5 %" in world.plan().waits


def test_from_enough_labels_to_the_first_ring_in_one_look(world):
    world.fleet.count_of = ENOUGH
    world.retrainer.answer = Made(outcome=Outcome.PUBLISHED, reasons=("gain 0.1",))
    done = world.look()
    assert done.path == (
        *("watching", "due", "retraining", "awaiting approval"),
        *("opening a ring", "in a ring"),
    )
    plan = world.plan()
    assert (plan.course.version, plan.course.percent) == (3, 50)
    assert plan.course.digest == world.pointer().sha256 == world.digest(3)
    assert world.retrainer.calls == [TASK]
    whys = [entry.evidence["why"] for entry in world.log.chain().entries]
    assert whys[:3] == [
        "1000 new labelled moments, 50 events among them",
        "1000 new labelled moments, 50 events among them",
        "gain 0.1",
    ]
    assert world.log.actions()[-2:] == ["approve", "decide"]


def test_a_person_approves_where_the_policy_says_so(desk):
    world = World(desk, hosts=12, terms=replace(FEW, hold=True))
    world.fleet.count_of = ENOUGH
    world.retrainer.answer = Made(outcome=Outcome.PUBLISHED)
    assert world.look().plan.stage is Stage.AWAITING
    assert world.pointer().version == 1
    words = f"a person: `forewarn-central approve {TASK} 3 --percent 50`"
    assert world.plan().waits == words
    world.now += HOUR
    assert world.look().path == ("awaiting approval",)
    world.desk.on_desk("approve", TASK, 3, "--percent", 50)
    world.now += HOUR
    assert world.look().plan.stage is Stage.RING
    assert world.retrainer.calls == [TASK]


@pytest.mark.parametrize(
    ("answer", "stage", "words"),
    [
        (
            Made(outcome=Outcome.NOT_YET, reasons=("9 of 500 rows",)),
            Stage.WATCHING,
            "9 of 500 rows",
        ),
        (
            Made(outcome=Outcome.REFUSED, reasons=("skill", "size")),
            Stage.REFUSED,
            "skill; size",
        ),
        (TrustError("the model is odd"), Stage.REFUSED, "the model is odd"),
    ],
)
def test_what_is_not_made_is_told_and_then_rested(world, answer, stage, words):
    world.fleet.count_of = ENOUGH
    world.retrainer.answer = answer
    assert world.look().plan.stage is Stage.DUE
    assert world.retrainer.calls == [TASK]
    refusal = next(
        e for e in world.log.chain().entries if e.evidence.get("from") == "retraining"
    )
    assert (refusal.evidence["to"], refusal.evidence["why"]) == (stage, words)
    world.now += 23 * HOUR
    world.look()
    assert world.retrainer.calls == [TASK]
    world.now += HOUR
    world.look()
    assert world.retrainer.calls == [TASK, TASK]


def test_what_cannot_be_had_now_is_tried_at_the_next_look(world):
    world.fleet.count_of = ENOUGH
    world.retrainer.answer = UnavailableError("no dataset")
    with pytest.raises(UnavailableError, match="no dataset"):
        world.look()
    assert world.plan().stage is Stage.RETRAINING
    world.retrainer.answer = Made(outcome=Outcome.PUBLISHED)
    world.now += HOUR
    assert world.look().plan.stage is Stage.RING


def test_what_people_publish_meanwhile_is_not_rolled_out(world):
    world.fleet.count_of = ENOUGH
    world.retrainer.answer = UnavailableError("no dataset")
    with pytest.raises(UnavailableError):
        world.look()
    assert world.desk.publish(MODELS[2], version=3).status == 0
    world.retrainer.answer = Made(outcome=Outcome.PUBLISHED)
    world.retrainer.publish = lambda: None
    world.now += HOUR
    assert Stage.REFUSED in world.look().path
    assert world.pointer().version == 1


def test_hosts_that_fell_back_are_a_reason_to_retrain(world):
    for name in ("host-0001", "host-0002"):
        world.fleet.machines[name].active = ""
        world.fleet.rolls_back(name, world.digest(1), at=START)
    world.look()
    assert world.retrainer.calls == [TASK]
    why = world.log.chain().entries[0].evidence["why"]
    assert why == "2 of 12 hosts fell back from version 1"


def test_hosts_that_roll_back_by_themselves_halt_a_rollout(world):
    world.roll_out(rings=(100,))
    world.pass_hour(**GOOD)
    # What an operator took off, or of another release, is no sign.
    world.fleet.rolls_back("host-0003", world.new, at=world.now, by="ann")
    world.fleet.rolls_back("host-0004", world.digest(1), at=world.now)
    world.fleet.rolls_back("host-0001", world.new, at=world.now)
    world.look()
    assert world.plan().stage is Stage.RING
    world.fleet.rolls_back("host-0002", world.new, at=world.now)
    world.look()
    plan = world.plan()
    assert plan.stage is Stage.HALTED
    assert plan.why == "2 of 12 hosts took it off by themselves"
    assert world.new in world.pointer().revoked


def test_a_host_counts_as_updated_only_after_its_probation(world):
    world.roll_out(rings=(100,))
    for host in world.fleet.machines.values():
        host.active, host.state = world.new, ReleaseState.PROBATION
    world.now += HOUR
    world.look()
    assert world.plan().stage is Stage.RING
    assert "0 of 12 hosts run it after probation" in world.plan().waits
    for host in world.fleet.machines.values():
        host.state = ReleaseState.CONFIRMED
    world.look()
    plan = world.plan()
    assert (plan.stage, plan.why) == (
        Stage.DONE,
        "12 of 12 hosts run it after probation",
    )


def test_hosts_that_are_gone_or_pinned_are_not_waited_for(world):
    world.roll_out(rings=(100,))
    for number, host in enumerate(world.fleet.machines.values()):
        if number < 6:
            host.active = world.new
        elif number < 9:
            host.is_pinned = True
        else:
            world.fleet.revoked.add(host.host_id)
    world.look()
    assert world.plan().why == "6 of 6 hosts run it after probation"


def test_a_pause_holds_a_rollout_and_resume_lets_it_go_on(world):
    world.roll_out(rings=(50, 100))
    piloting.pause(world.cockpit, TASK, now=world.now)
    assert set(world.fly(72, **GOOD, episodes=5)) == {50}
    assert world.plan().waits.startswith("paused: ")
    piloting.resume(world.cockpit, TASK, now=world.now)
    assert world.fly(1, **GOOD) == [100]
    assert world.log.actions()[3:5] == ["pause", "resume"]


def test_a_pause_does_not_hold_a_halt(world):
    world.roll_out(rings=(50, 100))
    piloting.pause(world.cockpit, TASK, now=world.now)
    world.fly(48, **BAD)
    assert world.plan().stage is Stage.HALTED
    assert world.new in world.pointer().revoked


def test_a_person_halts_a_rollout(world):
    world.roll_out()
    plan = piloting.halt(world.cockpit, TASK, now=world.now)
    assert plan.stage is Stage.HALTING
    assert world.look().plan.stage is Stage.HALTED
    assert world.pointer().revoked == (world.new,)
    again = piloting.halt(world.cockpit, TASK, now=world.now)
    assert again == world.plan()
    actions = world.log.actions()
    assert actions[-3:] == ["halt", "withdraw", "decide"]


def test_a_halt_sends_hosts_to_what_they_had_and_to_nothing_else(desk):
    desk.publish(MODELS[2], version=3)
    world = World(desk, hosts=12, terms=FEW)
    piloting.roll_out(world.cockpit, TASK, 3, rings=(5, 100), now=world.now)
    world.look()
    assert world.pointer().version == 3
    piloting.halt(world.cockpit, TASK, now=world.now)
    assert world.look().plan.stage is Stage.HALTED
    # Version 2 lies between, and nobody has approved it.
    assert world.pointer().version == 1


def test_where_what_hosts_had_may_not_run_a_halt_leaves_them_the_baseline(world):
    world.roll_out()
    world.desk.on_desk("approve", TASK, 2, "--revoke", 1)
    piloting.halt(world.cockpit, TASK, now=world.now)
    assert world.look().plan.stage is Stage.HALTED
    assert world.pointer().sha256 == world.new
    assert world.new in world.pointer().revoked


def test_the_first_release_of_a_task_is_halted_to_the_baseline(tmp_path, capsys):
    desk = Fleet(tmp_path, capsys)
    desk.publish_all(2)
    world = World(desk, hosts=12, terms=FEW)
    world.roll_out()
    piloting.halt(world.cockpit, TASK, now=world.now)
    assert world.look().plan.stage is Stage.HALTED
    assert world.pointer().sha256 in world.pointer().revoked


def test_an_undo_while_a_ring_opens_is_obeyed(world):
    piloting.roll_out(world.cockpit, TASK, 2, rings=(5, 100), now=world.now)
    later = f"{world.now + 48 * HOUR:%Y-%m-%dT%H:%M:%SZ}"
    world.desk.on_desk("approve", TASK, 2, "--percent", 5, "--not-before", later)
    assert world.look().plan.stage is Stage.OPENING
    world.desk.on_desk("approve", TASK, 1)
    world.now += HOUR
    assert world.look().plan.stage is Stage.WATCHING
    assert world.plan().why == "operations went to version 1"
    assert world.pointer().version == 1


def test_who_asks_again_after_an_undo_means_it(world):
    world.roll_out()
    world.desk.on_desk("approve", TASK, 1)
    assert world.roll_out().plan.stage is Stage.RING
    assert world.pointer().version == 2


def test_people_come_first(world):
    world.roll_out()
    world.desk.on_desk("approve", TASK, 1)
    world.now += HOUR
    assert world.look().plan.stage is Stage.WATCHING
    assert world.plan().why == "operations went to version 1"
    assert world.pointer().version == 1


def test_a_channel_that_is_changed_at_the_last_moment_is_left_alone(world, monkeypatch):
    channels = world.cockpit.sources.channels
    changing = FolderChannels.changing

    @contextmanager
    def late(self):
        monkeypatch.setattr(FolderChannels, "changing", changing)
        world.desk.publish(MODELS[2], version=3)
        world.desk.on_desk("approve", TASK, 3)
        with changing(channels) as desk:
            yield desk

    monkeypatch.setattr(FolderChannels, "changing", late)
    world.roll_out()
    assert world.pointer().version == 3
    assert world.plan().stage is Stage.WATCHING


def test_what_lacks_signatures_waits_and_says_whose(tmp_path, capsys):
    desk = Fleet(tmp_path, capsys, counts={"approve": (2, 2)})
    desk.publish_all(2)
    desk.on_desk("approve", TASK, 1)
    away = tmp_path / "away"
    key = desk.central / "keys" / f"approve-{TASK}-2.pem"
    key.rename(away)
    world = World(desk, hosts=12, terms=FEW)
    world.roll_out()
    assert world.plan().stage is Stage.OPENING
    assert "1 of 2 signatures" in world.plan().waits
    assert f"approve-{TASK}-2" in world.plan().waits
    world.now += HOUR
    world.look()
    assert world.log.actions().count("approve") == 1
    away.rename(key)
    desk.on_desk("sign")
    world.now += HOUR
    assert world.look().plan.stage is Stage.RING


def test_drift_of_all_hosts_together_is_a_reason_to_retrain(world):
    quantiles = [[float(n) for n in range(11)]] * 2
    changes = {"reference": {"quantiles": quantiles, "rows": 1000}}
    assert world.desk.publish(MODELS[3], version=3, **changes).status == 0
    world.desk.on_desk("approve", TASK, 3)
    digest = world.digest(3)
    reference = Reference(quantiles=tuple(map(tuple, quantiles)), rows=1000)
    at = [60.0 * n for n in range(2000)]

    def told(move):
        features = world.rng.uniform([0, move], [10, 10 + move], (2000, 2))
        return drift(TASK, digest, features=features, reference=reference, at=at)

    world.fleet.drifts = {name: told(0) for name in [*world.fleet.machines, "gone"]}
    world.look()
    assert world.plan().stage is Stage.WATCHING
    world.fleet.drifts = {name: told(4) for name in world.fleet.machines}
    world.look()
    why = world.log.chain().entries[0].evidence["why"]
    assert why.startswith("drift: avg_over_time(")
    assert "[2m]" in why


def test_a_survey_falls_back_from_nothing(desk):
    assert desk.publish(None, version=3).status == 0
    desk.on_desk("approve", TASK, 3)
    world = World(desk, hosts=4)
    for host in world.fleet.machines.values():
        host.active = ""
    world.look()
    assert world.plan().stage is Stage.WATCHING


def test_a_task_without_any_release_is_looked_at(tmp_path, capsys):
    desk = Fleet(tmp_path, capsys)
    world = World.__new__(World)
    World.digest, kept = lambda *_: "a" * 64, World.digest
    try:
        world.__init__(desk)
        assert world.look().plan.stage is Stage.WATCHING
    finally:
        World.digest = kept


# Troubles.


def test_a_retraining_that_fails_unforeseen_is_tried_twice_and_told(world):
    world.fleet.count_of = ENOUGH
    world.retrainer.answer = ValueError("input contains infinity")
    world.desk.on_desk("task", "add", "disk")
    for _ in range(2):
        found = {e.task: e for e in look_around(world.cockpit, now=world.now)}
        assert "infinity" in str(found[TASK].trouble)
        assert found["disk"].plan.stage is Stage.WATCHING
        assert world.plan().stage is Stage.RETRAINING
        world.now += HOUR
    world.fleet.count_of = SampleCount(rows=0, events=0)
    plan = world.look().plan
    assert plan.stage is Stage.REFUSED
    words = (
        "it was begun 2 times and never ended: ValueError('input contains infinity')"
    )
    assert plan.why == words
    assert len(world.retrainer.calls) == 2


def test_a_retraining_that_kills_its_process_is_tried_twice(world, monkeypatch):
    world.fleet.count_of = ENOUGH
    calls = []

    def die(task, *, now):
        calls.append(task)
        raise Killed

    monkeypatch.setattr(world.retrainer, "retrain", die)
    for _ in range(2):
        with pytest.raises(Killed):
            world.look()
    world.fleet.count_of = SampleCount(rows=0, events=0)
    plan = world.look().plan
    assert plan.stage is Stage.REFUSED
    assert "its process died, perhaps of too little memory" in plan.why
    assert len(calls) == 2


def test_what_cannot_be_had_is_waited_for_however_long(world):
    world.fleet.count_of = ENOUGH
    world.retrainer.answer = UnavailableError("no dataset")
    for _ in range(4):
        with pytest.raises(UnavailableError):
            world.look()
    assert (world.plan().stage, world.plan().attempts) == (Stage.RETRAINING, 0)


def test_a_task_in_trouble_does_not_stop_the_next(world):
    world.desk.on_desk("task", "add", "disk")
    world.plans.documents[TASK] = b"{}"
    found = {each.task: each for each in look_around(world.cockpit, now=START)}
    assert isinstance(found[TASK].trouble, StateError)
    assert found["disk"].plan.stage is Stage.WATCHING


def test_two_autopilots_never_decide_at_once(world):
    world.plans.is_busy = True
    with pytest.raises(UnavailableError, match="another autopilot is at work"):
        world.look()


class Killed(BaseException):
    """The process is gone."""


def killing(world, monkeypatch, at):
    """Let the process be killed at the n-th write of its own."""
    left = [at]

    def watched(owner, name):
        write = getattr(owner, name)

        def killer(*args, **kwargs):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return write(*args, **kwargs)

        monkeypatch.setattr(owner, name, killer)

    watched(world.plans, "set_plan")
    watched(world.log, "add")
    watched(world.retrainer, "retrain")
    watched(FolderChannels, "changing")


def told(world):
    """Return what the log says, but for numbers and times."""
    return [
        (e.action, e.subject.version, e.evidence.get("from"), e.evidence.get("to"))
        for e in world.log.chain().entries
    ]


@pytest.mark.parametrize("at", range(16))
def test_killed_anywhere_it_goes_on_as_if_nothing_had_been(desk, monkeypatch, at):
    world = World(desk, hosts=6, terms=FEW)
    world.fleet.count_of = ENOUGH
    world.retrainer.answer = Made(outcome=Outcome.PUBLISHED, reasons=("gain",))
    with monkeypatch.context() as patch:
        killing(world, patch, at)
        with suppress(Killed):
            world.look()
    plan = world.look().plan
    assert plan.stage is Stage.RING
    assert (plan.course.version, world.pointer().rollout.percent) == (3, 50)
    assert len(world.retrainer.calls) == 1
    assert world.pointer().serial == 2
    entries = told(world)
    assert len(entries) == len(set(entries)) == 6
    assert world.log.chain().broken is None


@pytest.mark.parametrize("at", range(6))
def test_killed_in_a_halt_it_halts(desk, monkeypatch, at):
    world = World(desk, hosts=6, terms=FEW)
    world.roll_out(rings=(100,))
    for name in ("host-0001", "host-0002"):
        world.fleet.rolls_back(name, world.new, at=world.now)
    with monkeypatch.context() as patch:
        killing(world, patch, at)
        with suppress(Killed):
            world.look()
    assert world.look().plan.stage is Stage.HALTED
    assert world.pointer().revoked == (world.new,)
    assert world.log.actions().count("withdraw") == 1
    assert world.pointer().serial == 3
