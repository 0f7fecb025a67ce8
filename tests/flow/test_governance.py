"""Who did what: the log of every command, and a release from its data to its hosts."""

import shutil

import pytest

from agent.core.envelope import CardReport, LineUpReport, Placed, ToldEvent
from agent.core.event import EventName
from agent.core.moment import Role
from agent.core.release import ReleaseState
from agent.core.scorecard import Scorecard
from central.wiring.fleet import opened_fleet
from tests.fakes import told
from tests.fakes.fleet import MODELS, TASK, Fleet
from tests.fakes.onnx_files import sha256
from tests.fakes.told import DAY


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    fleet = Fleet(tmp_path_factory.mktemp("published"))
    fleet.publish()
    fleet.on_desk("approve", TASK, 1)
    parent = digest_of(fleet, 1)
    facts = {"parent": parent, "data_sha256": "c" * 64, "rows": 900, "hosts": 3}
    fleet.publish(MODELS[1], version=2, provenance=facts)
    fleet.on_desk("approve", TASK, 2, "--percent", 50)
    return fleet


@pytest.fixture
def fleet(tmp_path, capsys, published):
    return Fleet(tmp_path, capsys, like=published)


def digest_of(fleet, version):
    return sha256(fleet.target(f"models/{TASK}/{version}/manifest.json").read_bytes())


def report(fleet, host, version, *, state=ReleaseState.CONFIRMED, shadow=None, fell=0):
    """Let a host report that a version is at work there, and perhaps one beside it."""
    digest = digest_of(fleet, version)
    is_confirmed = state is ReleaseState.CONFIRMED
    row = LineUpReport(
        task=TASK,
        active=Placed(digest=digest, version=version, state=state),
        shadow=shadow and placed(fleet, shadow),
        confirmed_running=digest if is_confirmed else None,
    )
    card = Scorecard(resolved=200, happened=20, brier=10**10, baseline_brier=2 * 10**10)
    envelope = told.report(
        host_id=host,
        line_ups=(row,),
        scorecards=(
            CardReport.of(card, task=TASK, digest=digest, role=Role.ACTIVE, day=DAY),
        ),
        events=(fallen(fleet, fell),) if fell else (),
    )
    with opened_fleet(fleet.central) as opened:
        arrived = told.arrival(envelope)
        opened.reports.store(
            envelope, sha256=arrived.sha256, length=arrived.length, now=arrived.at
        )


def placed(fleet, version):
    digest = digest_of(fleet, version)
    return Placed(digest=digest, version=version, state=ReleaseState.SHADOW)


def fallen(fleet, version):
    fields = {"task": TASK, "digest": digest_of(fleet, version)[:12], "reason": "worse"}
    name = EventName.RELEASE_ROLLED_BACK
    return ToldEvent(id=1, at=told.START, name=name, fields=fields)


def deeds(fleet, *options):
    return fleet.document("log", *options)


def test_every_command_that_changes_something_is_logged(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys)
    shutil.rmtree(fleet.central)
    fleet.run("init", fleet.central, "--task", TASK, "--keys", "release=1/1")
    fleet.publish_all(2)
    fleet.on_desk("keys", "generate", "ann")
    fleet.on_desk("keys", "add", f"approve-{TASK}", "ann")
    fleet.on_desk("keys", "threshold", f"approve-{TASK}", 3)
    fleet.on_desk("approve", TASK, 2)
    fleet.on_desk("withdraw", TASK, 2)
    old, new = f"release-{TASK}-1", "ann"
    fleet.on_desk("keys", "rotate", f"release-{TASK}", "--old", old, "--new", new)
    fleet.on_desk("keys", "revoke", f"approve-{TASK}", "ann")
    fleet.on_desk("task", "add", "disk")
    found = deeds(fleet)
    assert [entry["action"] for entry in found] == [
        "init",
        *("publish", "publish"),
        *("generate key", "add key", "set threshold"),
        *("approve", "withdraw"),
        *("rotate key", "revoke key", "add task"),
    ]
    assert [entry["number"] for entry in found] == list(range(1, 12))
    assert found[0]["evidence"]["tasks"] == [TASK]
    assert found[1]["actor"]["keys"] == [f"release-{TASK}-1"]
    assert found[1]["subject"]["digest"] == digest_of(fleet, 1)
    assert found[6]["subject"]["version"] == 2
    assert found[6]["evidence"]["serial"] == 1
    assert found[6]["actor"]["keys"][0].startswith("an")
    assert found[7]["evidence"]["revoked"] == [digest_of(fleet, 2)]
    assert found[8]["evidence"]["old"] == f"release-{TASK}-1"
    assert fleet.on_desk("log", "--verify").status == 0


def test_what_changes_nothing_is_not_logged(fleet):
    before = deeds(fleet)
    assert fleet.on_desk("keys", "list").status == 0
    assert fleet.on_desk("keys", "generate", f"release-{TASK}-1").status == 0
    assert fleet.on_desk("approve", TASK, 9).status == 1
    assert fleet.on_desk("approve", TASK, 2).status == 0
    assert fleet.on_desk("sign").status == 0
    assert fleet.publish(MODELS[0], version=1).status == 1
    assert deeds(fleet) == before


def test_each_who_signs_is_logged_with_his_key(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys, counts={"approve": (2, 2)})
    fleet.publish()
    key = fleet.central / "keys" / f"approve-{TASK}-2.pem"
    kept = key.rename(tmp_path / key.name)
    assert fleet.on_desk("approve", TASK, 1).status == 3
    kept.rename(key)
    assert fleet.on_desk("sign", f"approve-{TASK}").status == 0
    _, asked, signed = deeds(fleet)
    assert asked["actor"]["keys"] == [f"approve-{TASK}-1"]
    assert "1 of 2 signatures" in asked["evidence"]["waiting"][0]
    assert signed["action"] == "sign"
    assert signed["actor"]["keys"] == [f"approve-{TASK}-2"]
    assert signed["subject"]["task"] == TASK
    assert f"approve-{TASK}" in signed["evidence"]["published"]


def test_what_is_dropped_is_logged(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys, counts={"release": (2, 2)})
    (fleet.central / "keys" / f"release-{TASK}-2.pem").unlink()
    assert fleet.publish().status == 3
    assert fleet.on_desk("sign", "--discard", f"release-{TASK}").status == 0
    dropped = deeds(fleet)[-1]
    assert dropped["action"] == "discard"
    assert list(dropped["evidence"]["dropped"]) == [f"release-{TASK}"]


def test_the_log_is_shown_line_by_line_and_of_one_task(fleet):
    fleet.on_desk("task", "add", "disk")
    lines = fleet.on_desk("log", "--task", TASK).out.splitlines()
    assert [line.split("  ")[3] for line in lines] == ["publish", "approve"] * 2
    assert f"with approve-{TASK}-1  approve  {TASK} 2  floor=1 percent=50" in lines[3]
    assert fleet.on_desk("log", "--task", "disk").out.count("\n") == 1
    assert fleet.on_desk("log", "--task", "none").out == ""


def test_a_changed_log_is_found_by_log_and_by_verify(fleet):
    path = fleet.central / "log.jsonl"
    good = fleet.on_desk("log", "--verify")
    assert (good.status, good.err) == (0, "")
    assert good.out.startswith("4 entries, as they were written, the last one ")
    noted = good.out.split()[-1]
    assert fleet.on_desk("log", "--verify", "--holds", noted).status == 0
    assert fleet.on_desk("verify").status == 0
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    bad = fleet.on_desk("log", "--verify")
    words = "log.jsonl: line 2: expected entry 2, got 3\n"
    assert (bad.status, bad.err) == (3, words)
    assert fleet.on_desk("log").err == words
    assert (fleet.on_desk("verify").status, fleet.on_desk("verify").err) == (3, words)
    path.write_bytes(b"".join(lines[:3]))
    cut = fleet.on_desk("log", "--verify", "--holds", noted)
    assert (cut.status, "some are gone" in cut.err) == (3, True)
    assert fleet.on_desk("log", "--holds", noted).status == 2


def test_a_torn_log_is_a_warning(fleet):
    path = fleet.central / "log.jsonl"
    path.write_bytes(path.read_bytes() + b'{"act')
    done = fleet.on_desk("log", "--verify")
    assert done.status == 0
    assert "the last line is torn (5 bytes)" in done.err
    assert "the last line is torn" in fleet.on_desk("verify").err
    fleet.on_desk("task", "add", "disk")
    told = fleet.document("log", "--verify")
    assert told["entries"] == 6
    assert told["warnings"][0].startswith("line 5 is torn")


def test_what_was_published_by_no_command_is_a_warning(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys)
    shutil.rmtree(fleet.central)
    fleet.run("init", fleet.central, "--task", TASK)
    fleet.publish()
    path = fleet.central / "log.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    done = fleet.on_desk("verify")
    assert done.status == 0
    assert f"warning: log.jsonl: {TASK} version 1 is published" in done.err


@pytest.mark.parametrize(
    "command", ["log", "tasks", "fleet", "autopilot status", "autopilot once"]
)
def test_elsewhere_nothing_is_made(tmp_path, capsys, command, fleet):
    empty = tmp_path / "empty"
    empty.mkdir()
    done = fleet.run(*command.split(), "--dir", empty)
    assert (done.status, list(empty.iterdir())) == (78, [])
    assert "expected central's folder" in done.err


# From the data to the hosts.


def test_a_release_is_inspected_from_its_data_to_its_hosts(fleet):
    report(fleet, "host-0001", 2)
    report(fleet, "host-0002", 2, state=ReleaseState.PROBATION)
    report(fleet, "host-0003", 1, shadow=2)
    report(fleet, "host-0004", 1, fell=2)
    found = fleet.document("inspect", TASK)
    assert (found["version"], found["state"]) == (2, "approved for 50 % of hosts")
    steps = found["lineage"]["steps"]
    assert [step["version"] for step in steps] == [2, 1]
    assert steps[0]["provenance"]["data_sha256"] == "c" * 64
    assert [deed["action"] for deed in found["deeds"]] == ["publish", "approve"]
    assert found["deeds"][0]["evidence"]["rows"] == 900
    assert found["places"] == {
        "confirmed": ["host-0001"],
        "probation": ["host-0002"],
        "shadow": ["host-0003"],
        "standby": [],
        "rolled back": ["host-0004"],
    }
    (score,) = found["scores"]
    assert (score["role"], score["resolved"]) == ("active", 400)
    text = fleet.on_desk("inspect", TASK).out
    for words in (
        f"{TASK} version 2: approved for 50 % of hosts",
        f"  version 1, model, {digest_of(fleet, 1)[:12]}: The processors will be busy",
        "    rows: 900",
        "  confirmed 1: host-0001",
        "  standby 0\n",
        "  active: 400 outcomes, 40 events",
    ):
        assert words in text


def test_a_release_is_named_by_version_or_digest(fleet):
    first = digest_of(fleet, 1)
    for which in ("1", first, first[:6]):
        assert fleet.document("inspect", f"{TASK}@{which}")["version"] == 1
    found = fleet.document("inspect", f"{TASK}@1")
    assert found["state"] == "published"
    done = fleet.on_desk("inspect", f"{TASK}@1").out
    assert "no host has told of any outcome" in done


@pytest.mark.parametrize(
    ("release", "words"),
    [
        (f"{TASK}@9", "version 9 is not published; published: 1, 2"),
        (f"{TASK}@ffffff", "got ffffff, which 0 releases bear"),
        (f"{TASK}@x", "got x, which 0 releases bear"),
        ("disk", "disk: no such task"),
    ],
)
def test_a_release_that_is_none_is_told(fleet, release, words):
    done = fleet.on_desk("inspect", release)
    assert (done.status, done.out) == (1, "")
    assert words in done.err


def test_the_newest_stands_where_nothing_is_approved(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys)
    fleet.publish(None, provenance={"parent": "d" * 64})
    found = fleet.on_desk("inspect", TASK).out
    assert f"{TASK} version 1: published" in found
    assert f"  {'d' * 64}: not published here" in found
    (fleet.central / "log.jsonl").unlink()
    assert "log:\n  nothing\n" in fleet.on_desk("inspect", TASK).out


def test_what_lacks_signatures_is_said_to(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys, counts={"release": (2, 2)})
    (fleet.central / "keys" / f"release-{TASK}-2.pem").unlink()
    fleet.publish()
    assert "lacks signatures" in fleet.on_desk("inspect", TASK).out


def test_what_is_revoked_is_said_to_be(fleet):
    fleet.on_desk("withdraw", TASK, 2)
    assert fleet.document("inspect", f"{TASK}@2")["state"] == "revoked"


def test_the_fleet_is_shown_release_by_release(fleet):
    report(fleet, "host-0001", 2)
    report(fleet, "host-0002", 2, state=ReleaseState.PROBATION)
    report(fleet, "host-0003", 1, shadow=2)
    report(fleet, "host-0004", 1, fell=2)
    first, second = fleet.document("fleet")
    assert (first["version"], first["at_work"], first["updated"]) == (1, 2, 2)
    assert (second["version"], second["hosts"], second["at_work"]) == (2, 4, 2)
    assert (second["updated"], second["in_shadow"], second["rolled_back"]) == (1, 1, 1)
    assert second["score"]["skill"] == pytest.approx(0.5)
    header, _, row = fleet.on_desk("fleet").out.splitlines()
    assert header.split("  ")[0] == "task"
    assert row.split()[-2:] == ["400", "0.500"]


def test_a_release_that_is_nowhere_is_not_of_the_fleet(fleet):
    (only,) = fleet.document("fleet")
    assert (only["version"], only["hosts"], only["score"]) == (2, 0, None)
    assert fleet.on_desk("fleet").out.splitlines()[1].split()[-1] == "-"


def test_tasks_are_listed(fleet):
    fleet.on_desk("task", "add", "disk")
    busy, disk = fleet.document("tasks")
    assert (busy["task"], busy["version"], busy["percent"]) == (TASK, 2, 50)
    assert (busy["published"], busy["title"]) == ([1, 2], "The processors will be busy")
    assert (disk["state"], disk["stage"]) == ("nothing is approved", None)
    fleet.on_desk("autopilot", "once")
    assert fleet.document("tasks")[0]["stage"] == "watching"
    assert fleet.on_desk("tasks").out.splitlines()[2].split()[0] == "disk"


# The autopilot's commands.


def test_the_autopilot_looks_once_and_tells(fleet):
    (plan,) = fleet.document("autopilot", "once")
    assert (plan["task"], plan["stage"]) == (TASK, "watching")
    assert "not among autopilot.tasks" in plan["waits"]
    shown = fleet.on_desk("autopilot", "status").out
    words = (
        f"{TASK}: waits: for a person; it is not among autopilot.tasks of fleet.toml"
    )
    assert shown.splitlines()[-1] == words


def test_a_rollout_by_command_goes_through_its_rings(fleet):
    assert fleet.publish(MODELS[2], version=3).status == 0
    plan = fleet.document("rollout", TASK, 3, "--rings", "5,100")
    assert (plan["stage"], plan["course"]["rings"]) == (
        "in a ring",
        [5, 100],
    )
    done = fleet.on_desk("rollout", TASK, 2)
    assert (done.status, "expected nothing under way" in done.err) == (78, True)
    wider = fleet.document("rollout", TASK, 3, "--rings", "20,100")
    assert (wider["stage"], wider["course"]["rings"]) == ("in a ring", [20, 100])
    assert fleet.document("autopilot", "pause", TASK)["is_paused"]
    assert not fleet.document("autopilot", "resume", TASK)["is_paused"]
    halted = fleet.on_desk("autopilot", "halt", TASK)
    assert halted.status == 0
    assert f"{TASK}: halting -> halted: halted by a person" in halted.err
    actions = [entry["action"] for entry in deeds(fleet)]
    assert actions[-11:] == [
        *("roll out", "approve", "decide") * 2,
        *("pause", "resume", "halt", "withdraw", "decide"),
    ]
    assert fleet.document("inspect", f"{TASK}@3")["state"] == "revoked"


@pytest.mark.parametrize("rings", ["x", "0", "5,101", "5;6"])
def test_rings_are_percents(fleet, rings):
    done = fleet.on_desk("rollout", TASK, 2, "--rings", rings)
    assert (done.status, "--rings: expected such as 1,10,100" in done.err) == (2, True)


def test_a_release_that_is_not_published_is_not_rolled_out(fleet):
    done = fleet.on_desk("rollout", TASK, 9)
    assert (done.status, "version 9 is not published" in done.err) == (1, True)
