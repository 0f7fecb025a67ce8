"""`forewarn-central approve`: what runs on a host, and what is refused."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from agent.core.pointer import Rollout, parse_pointer
from tests.fakes.fleet import MODELS, TASK, Fleet
from tests.fakes.onnx_files import sha256

POINTER = f"channels/{TASK}/stable.json"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    fleet = Fleet(tmp_path_factory.mktemp("published"))
    fleet.publish_all(3)
    return fleet


@pytest.fixture
def fleet(tmp_path, capsys, published):
    return Fleet(tmp_path, capsys, like=published)


def pointer(fleet):
    content = fleet.target(POINTER).read_bytes()
    return parse_pointer(content, task=TASK, channel="stable")


def test_a_published_release_runs_nowhere_before_it_is_approved(fleet):
    fleet.update_host()
    assert fleet.host_releases() == {}


def test_an_approved_release_is_taken_in_by_an_agent(fleet):
    done = fleet.on_desk("approve", TASK, 1)
    assert (done.status, done.err) == (0, "")
    assert done.out == (
        f"{TASK} version 1: 100 % of hosts, floor 1, 0 revoked; serial 1 signed\n"
    )
    result = json.loads(fleet.update_host().out)["result"]
    assert [(r["task"], r["version"]) for r in result["admitted"]] == [(TASK, 1)]
    digest = sha256(fleet.target(f"models/{TASK}/1/manifest.json").read_bytes())
    assert result["admitted"][0]["digest"] == digest == pointer(fleet).sha256


def test_a_release_with_made_golden_vectors_is_taken_in(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys)
    assert fleet.publish(golden=..., missing="skip").status == 0
    fleet.on_desk("approve", TASK, 1)
    assert fleet.update_host().status == 0
    assert list(fleet.host_releases()) == [1]


def test_a_survey_is_approved_as_any_release(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys)
    fleet.publish(None)
    assert fleet.on_desk("approve", TASK, 1).status == 0
    assert fleet.update_host().status == 0
    assert list(fleet.host_releases()) == [1]


def test_no_host_takes_what_is_for_none_of_them(fleet):
    fleet.on_desk("approve", TASK, 1, "--percent", 0)
    assert fleet.update_host().status == 0
    assert fleet.host_releases() == {}


def test_every_option_is_in_the_pointer(fleet):
    done = fleet.document(
        "approve",
        *(TASK, 3),
        *("--percent", 25),
        *("--salt", "spring"),
        *("--not-before", "2030-01-01T06:00:00+01:00"),
        *("--floor", 2),
        *("--revoke", 1),
        *("--revoke", "ab" * 32),
    )
    found = pointer(fleet)
    assert (found.version, found.floor_version, found.serial) == (3, 2, 1)
    assert found.rollout == Rollout(percent=25, salt="spring")
    assert found.not_before == datetime(2030, 1, 1, 5, tzinfo=UTC)
    first = sha256(fleet.target(f"models/{TASK}/1/manifest.json").read_bytes())
    assert set(found.revoked) == {first, "ab" * 32}
    assert done["pointer"]["serial"] == 1
    shown = fleet.on_desk("approve", TASK, 3)
    assert shown.out == (
        f"{TASK} version 3: 25 % of hosts from 2030-01-01T05:00:00Z on, floor 2, "
        "2 revoked; serial 1 signed, as it was\n"
    )


def test_a_share_that_goes_down_is_allowed_and_said(fleet):
    fleet.on_desk("approve", TASK, 1, "--percent", 50)
    done = fleet.on_desk("approve", TASK, 1, "--percent", 25)
    assert done.status == 0
    assert done.err == (
        "percent goes down: 50 -> 25; hosts that have taken the release in keep it\n"
    )
    assert pointer(fleet).serial == 2


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        pytest.param([TASK, 9], 1, "version 9 is not published", id="unpublished"),
        pytest.param(["disk", 1], 1, "disk: no such task", id="unknown_task"),
        pytest.param([TASK, 1, "--floor", 2], 1, "below the floor 2", id="floor"),
        pytest.param([TASK, 1, "--revoke", 1], 1, "is revoked", id="revoked"),
        pytest.param([TASK, 1, "--revoke", "x"], 78, 'got "x"', id="no_digest"),
        pytest.param([TASK, 1, "--percent", 101], 2, "0<=x<=100", id="percent"),
        pytest.param([TASK, 1, "--not-before", "soon"], 2, 'got "soon"', id="time"),
    ],
)
def test_what_may_not_be_approved_changes_nothing(arguments, status, words, fleet):
    done = fleet.on_desk("approve", *arguments)
    assert (done.status, done.out) == (status, "")
    assert words in done.err
    assert not (fleet.repository / "targets" / "channels").exists()


def test_a_release_that_lacks_signatures_cannot_be_approved(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys, counts={"release": (2, 2)})
    (fleet.central / "keys" / f"release-{TASK}-2.pem").unlink()
    assert fleet.publish().status == 3
    done = fleet.on_desk("approve", TASK, 1)
    assert (done.status, done.out) == (1, "")
    assert "version 1 is not published; published: none" in done.err


def test_an_approval_that_lacks_signatures_does_not_hold(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys, counts={"approve": (2, 2)})
    key = fleet.central / "keys" / f"approve-{TASK}-2.pem"
    kept = key.read_bytes()
    key.unlink()
    fleet.publish_all(1)
    done = fleet.on_desk("approve", TASK, 1)
    assert done.status == 3
    assert done.out.endswith("serial 1 lacks signatures\n")
    assert f"approve-{TASK}: 1 of 2 signatures; missing any 1 of:" in done.err
    fleet.update_host()
    assert fleet.host_releases() == {}

    again = fleet.on_desk("approve", TASK, 1)
    assert (again.status, "as it was" in again.out) == (3, True)

    key.write_bytes(kept)
    key.chmod(0o600)
    assert fleet.on_desk("approve", TASK, 1).status == 0
    fleet.update_host()
    assert list(fleet.host_releases()) == [1]


def test_an_approval_after_all_has_expired_is_taken_in(tmp_path, capsys):
    long_ago = datetime.now(UTC) - timedelta(days=29)  # noqa: TID251
    fleet = Fleet(tmp_path, capsys, now=long_ago)
    fleet.publish_all(1)
    assert fleet.on_desk("approve", TASK, 1).status == 0
    assert fleet.run("verify", fleet.central).status == 0


def test_the_next_release_is_approved_and_waits_in_the_shadow(fleet):
    for version in (1, 2):
        fleet.on_desk("approve", TASK, version)
        assert fleet.update_host().status == 0
    states = fleet.host_releases()
    assert states == {1: "probation", 2: "shadow"}
    assert len(MODELS) > len(states)
