"""`forewarn-central withdraw`: a release is revoked, hosts go back."""

import pytest

from agent.core.pointer import parse_pointer
from tests.fakes.fleet import TASK, Fleet
from tests.fakes.onnx_files import sha256


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    fleet = Fleet(tmp_path_factory.mktemp("published"))
    fleet.publish_all(3)
    return fleet


@pytest.fixture
def fleet(tmp_path, capsys, published):
    return Fleet(tmp_path, capsys, like=published)


def pointer(fleet):
    content = fleet.target(f"channels/{TASK}/stable.json").read_bytes()
    return parse_pointer(content, task=TASK, channel="stable")


def digest(fleet, version):
    return sha256(fleet.target(f"models/{TASK}/{version}/manifest.json").read_bytes())


def test_hosts_go_back_to_the_release_before(fleet):
    fleet.on_desk("approve", TASK, 2)
    fleet.update_host()
    fleet.on_desk("approve", TASK, 3)
    fleet.update_host()
    done = fleet.on_desk("withdraw", TASK, 3)
    assert done.status == 0
    assert done.err == "version 3 -> 2: hosts with a newer version go back\n"
    assert done.out == (
        f"{TASK} version 2: 100 % of hosts, floor 1, 1 revoked; serial 3 signed\n"
    )
    assert pointer(fleet).revoked == (digest(fleet, 3),)
    assert fleet.update_host().status == 0
    states = fleet.host_releases()
    assert states[2] == "probation"
    assert states[3] in {"retired", "rejected", "rolled_back", "withdrawn"}


def test_hosts_go_where_they_are_told(fleet):
    fleet.on_desk("approve", TASK, 3)
    assert fleet.on_desk("withdraw", TASK, 3, "--to", 1).status == 0
    assert pointer(fleet).version == 1


def test_hosts_are_sent_to_nothing_that_was_never_approved(fleet):
    fleet.on_desk("approve", TASK, 1)
    fleet.on_desk("approve", TASK, 3)
    fleet.on_desk("withdraw", TASK, 3)
    assert pointer(fleet).version == 1
    fleet.on_desk("withdraw", TASK, 1)
    assert (pointer(fleet).version, pointer(fleet).sha256) == (1, digest(fleet, 1))
    assert set(pointer(fleet).revoked) == {digest(fleet, 1), digest(fleet, 3)}
    assert fleet.on_desk("withdraw", TASK, 1, "--to", 2).status == 0
    assert pointer(fleet).version == 2


def test_where_nothing_is_left_the_pointer_stays_and_it_is_said(fleet):
    fleet.on_desk("approve", TASK, 1)
    fleet.update_host()
    done = fleet.on_desk("withdraw", TASK, 1)
    assert done.status == 0
    assert done.err == (
        f"no release of {TASK} that was approved before is left to go back to: hosts "
        "fall to the baseline, until another is approved\n"
    )
    assert done.out.startswith(f"{TASK} version 1: revoked, ")
    fleet.update_host()
    assert fleet.host_releases()[1] not in {"probation", "confirmed", "shadow"}


def test_a_release_that_is_not_approved_is_only_revoked(fleet):
    fleet.on_desk("approve", TASK, 3, "--percent", 10)
    found = fleet.document("withdraw", TASK, 2)
    assert (found["pointer"]["version"], found["is_new"]) == (3, True)
    assert pointer(fleet).revoked == (digest(fleet, 2),)
    assert pointer(fleet).rollout.percent == 10
    done = fleet.on_desk("approve", TASK, 2)
    assert (done.status, "version 2 is revoked" in done.err) == (1, True)


def test_to_withdraw_twice_is_to_withdraw_once(fleet):
    fleet.on_desk("approve", TASK, 3)
    fleet.on_desk("withdraw", TASK, 3)
    done = fleet.on_desk("withdraw", TASK, 3)
    assert (done.status, "as it was" in done.out) == (0, True)
    assert pointer(fleet).serial == 2


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        pytest.param([TASK, 9], 1, "version 9 is not published", id="unpublished"),
        pytest.param(["disk", 1], 1, "disk: no such task", id="unknown_task"),
        pytest.param([TASK, 3, "--to", 9], 1, "version 9 is not", id="to_nowhere"),
        pytest.param([TASK, 3, "--to", 3], 1, "version 3 is revoked", id="to_itself"),
        pytest.param([TASK, 1, "--to", 2], 1, "not the approved one", id="another"),
    ],
)
def test_what_cannot_be_withdrawn_changes_nothing(arguments, status, words, fleet):
    fleet.on_desk("approve", TASK, 3)
    done = fleet.on_desk("withdraw", *arguments)
    assert (done.status, done.out) == (status, "")
    assert words in done.err
    assert pointer(fleet).serial == 1


def test_where_nothing_was_approved_there_is_nothing_to_withdraw(fleet):
    done = fleet.on_desk("withdraw", TASK, 1)
    assert done.status == 1
    assert "nothing was ever approved" in done.err
