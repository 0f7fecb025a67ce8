"""`forewarn-central verify`: whatever an agent would refuse is found."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from central.cli import main
from tests.fakes.fleet import TASK, Fleet
from tests.fakes.onnx_files import constant, logistic, manifest_of, sha256
from tests.fakes.signed import Publisher

NOW = datetime.now(UTC)  # noqa: TID251 - python-tuf reads the host's clock itself
MODEL = logistic()
RELEASE = f"models/{TASK}/1"

FILES = {
    "root": "metadata/1.root.json",
    "timestamp": "metadata/timestamp.json",
    "snapshot": "metadata/*.snapshot.json",
    "targets": "metadata/*.targets.json",
    "release": f"metadata/*.release-{TASK}.json",
    "approve": f"metadata/*.approve-{TASK}.json",
    "manifest": f"targets/{RELEASE}/*.manifest.json",
    "model": f"targets/{RELEASE}/*.model.onnx",
    "pointer": f"targets/channels/{TASK}/*.stable.json",
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    fleet = Fleet(tmp_path_factory.mktemp("good"))
    fleet.publish_all(2)
    fleet.on_desk("approve", TASK, 1, "--percent", 25)
    return fleet


@pytest.fixture
def fleet(tmp_path, capsys, good):
    return Fleet(tmp_path, capsys, like=good)


@pytest.fixture
def publisher(tmp_path):
    """Return a repository whose documents need not make sense."""
    return Publisher(tmp_path / "served", now=NOW)


@pytest.fixture
def findings(publisher, capsys):
    """Return what finds fault with the publisher's repository."""

    def findings():
        status = main(["verify", str(publisher.folder)])
        told = capsys.readouterr().err.splitlines()
        assert status == (3 if told else 0)
        return told

    return findings


def newest(fleet, pattern):
    return max(fleet.repository.glob(pattern), key=lambda p: p.stat().st_mtime_ns)


def test_a_good_repository_is_shown_role_by_role_and_task_by_task(fleet):
    done = fleet.run("verify", fleet.central)
    roles, tasks = done.out.split("\n\n")
    assert (done.status, done.err) == (0, "")
    assert [line.split()[0] for line in roles.splitlines()] == [
        "role",
        "root",
        "timestamp",
        "snapshot",
        "targets",
        f"release-{TASK}",
        f"approve-{TASK}",
    ]
    assert roles.splitlines()[1].split()[-3:] == ["364", "1", "1"]
    assert tasks.splitlines()[1].split() == [TASK, "1", "25", "approved", "1", "2"]


def test_a_program_reads_the_same_in_json(fleet):
    done = fleet.run("verify", fleet.repository, "--json")
    found = json.loads(done.out)
    assert (found["findings"], found["warnings"]) == ([], [])
    assert found["tasks"] == [
        {
            "task": TASK,
            "published": [1, 2],
            "version": 1,
            "percent": 25,
            "state": "approved",
        }
    ]
    assert {role["name"] for role in found["roles"]} >= {"root", f"approve-{TASK}"}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("how", ["changed", "cut", "gone", "emptied", "a_folder"])
def test_a_file_that_was_tampered_with_is_found(how, kind, fleet):
    root = fleet.repository.parent / "root.json"
    shutil.copy(fleet.repository / FILES["root"], root)
    path = newest(fleet, FILES[kind])
    content = path.read_bytes()
    path.unlink()
    match how:
        case "changed":
            place = len(content) // 2
            flipped = bytes([content[place] ^ 1])
            path.write_bytes(content[:place] + flipped + content[place + 1 :])
        case "cut":
            path.write_bytes(content[:-1])
        case "emptied":
            path.write_bytes(b"")
        case "a_folder":
            path.mkdir()
    done = fleet.run("verify", fleet.central)
    if kind == "root":
        assert done.status == (78 if how in {"gone", "a_folder"} else 3)
        assert fleet.run("verify", fleet.central, "--root", root).status == 0
        return
    assert done.status == 3
    assert len(done.err.splitlines()) >= 1


def test_a_damaged_model_is_named_and_the_rest_is_still_looked_at(fleet):
    path = newest(fleet, FILES["model"])
    path.write_bytes(path.read_bytes() + b"x")
    done = fleet.run("verify", fleet.central)
    assert done.status == 3
    (finding,) = done.err.splitlines()
    assert finding.startswith(f"targets/{RELEASE}/")
    assert "model.onnx: longer than was signed" in finding
    assert finding.endswith("copy it again from where it is whole, or publish it anew")
    assert "approved" in done.out


def test_a_manifest_that_was_changed_is_told_by_its_hashes(fleet):
    path = newest(fleet, FILES["manifest"])
    path.write_bytes(path.read_bytes().replace(b"0", b"1"))
    (finding,) = set(fleet.run("verify", fleet.central).err.splitlines())
    assert "manifest.json: expected hash " in finding
    assert " as was signed, got " in finding


def test_a_file_that_nobody_signed_is_a_warning(fleet):
    stray = fleet.repository / "targets" / "models" / TASK / "1" / "extra.bin"
    stray.write_bytes(b"x")
    done = fleet.run("verify", fleet.central)
    assert done.status == 0
    name = f"models/{TASK}/1/extra.bin"
    words = f"warning: {name}: no role has ever signed for this file"
    assert done.err.startswith(words)
    assert "harmless" in done.err


def test_what_was_signed_for_once_is_no_stranger(fleet):
    fleet.on_desk("approve", TASK, 2)
    assert len(list(fleet.repository.glob("targets/channels/*/*"))) == 2
    done = fleet.run("verify", fleet.central)
    assert (done.status, done.err) == (0, "")


def test_a_root_of_strangers_is_refused(fleet, tmp_path, publisher):
    root = tmp_path / "other.json"
    root.write_bytes(publisher.root)
    done = fleet.run("verify", fleet.central, "--root", root)
    assert (done.status, done.out) == (3, "")
    assert f"not signed by --root {root}: none of its keys has signed" in done.err


@pytest.mark.parametrize("words", ["not a root", "{}"])
def test_a_root_that_is_none_is_refused(words, fleet, tmp_path):
    root = tmp_path / "other.json"
    root.write_text(words)
    done = fleet.run("verify", fleet.central, "--root", root)
    assert (done.status, done.out) == (78, "")
    assert f"--root {root}: expected the metadata of a root" in done.err


def test_another_role_is_no_root(fleet):
    other = fleet.repository / "metadata" / "timestamp.json"
    done = fleet.run("verify", fleet.central, "--root", other)
    assert done.status == 78
    assert "expected the metadata of a root, got of timestamp" in done.err


def test_a_way_that_goes_up_is_followed(fleet, monkeypatch):
    monkeypatch.chdir(fleet.drafts)
    done = fleet.run("verify", "../central")
    assert (done.status, done.err) == (0, "")
    assert fleet.on_desk("verify").out == done.out


def test_a_role_file_that_is_none_is_named(fleet):
    (fleet.repository / "metadata" / "timestamp.json").write_text("<html>")
    done = fleet.run("verify", fleet.central)
    assert done.err == (
        "metadata/timestamp.json: expected TUF metadata, got something else; copy it "
        "again from where it is whole, or publish it anew\n"
    )


def test_a_folder_without_a_repository_is_the_operators_to_mend(tmp_path, fleet):
    done = fleet.run("verify", tmp_path)
    assert done.status == 78
    assert "expected the root of a repository" in done.err


def test_roles_expire_one_by_one(fleet):
    later = (NOW + timedelta(days=10)).isoformat()
    done = fleet.run("verify", fleet.central, "--now", later)
    assert done.status == 3
    (finding,) = done.err.splitlines()
    assert finding.startswith("timestamp: expired at ")
    assert "; its keepers (timestamp-1 (" in finding
    assert finding.endswith("must sign it anew")


def test_a_repository_that_has_expired_is_still_walked_through(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys, now=NOW - timedelta(days=10))
    done = fleet.run("verify", fleet.central)
    assert done.status == 3
    (finding,) = done.err.splitlines()
    assert finding.startswith("timestamp: expired at 20")
    assert f"approve-{TASK}" in done.out
    before = (NOW - timedelta(days=9)).isoformat()
    assert fleet.run("verify", fleet.central, "--now", before).status == 0


# --- what was signed, and should not have been


def test_what_makes_sense_is_fine(publisher, findings):
    publisher.offer(TASK, manifest_of(MODEL), MODEL)
    assert findings() == []


def test_an_approval_for_another_file_is_found(publisher, findings):
    publisher.offer(TASK, manifest_of(MODEL), MODEL, sha256="ab" * 32)
    (finding,) = findings()
    assert finding.startswith(f"pointer of {TASK}: the approval is for another file")


def test_an_approval_of_what_is_not_published_is_found(publisher, findings):
    publisher.offer(TASK, manifest_of(MODEL), MODEL)
    pointer = {
        "schema": 1,
        "task": TASK,
        "channel": "stable",
        "serial": 2,
        "manifest": f"models/{TASK}/9/manifest.json",
        "sha256": "ab" * 32,
        "length": 5,
        "version": 9,
    }
    approval = {f"channels/{TASK}/stable.json": json.dumps(pointer).encode()}
    publisher.publish(TASK, release={}, approval=approval)
    assert findings() == [f"pointer of {TASK}: version 9 is not published"]


def test_a_pointer_that_cannot_be_read_is_found(publisher, findings):
    publisher.offer(TASK, manifest_of(MODEL), MODEL, channel="other")
    assert findings() == [f"pointer of {TASK}: channel: expected stable, got other"]


def test_a_manifest_that_cannot_be_read_is_found(publisher, findings):
    publisher.offer(TASK, manifest_of(MODEL, schema=9), MODEL)
    assert findings() == ["manifest: expected schema 1, got 9"]


def test_a_manifest_of_another_task_is_found(publisher, findings):
    publisher.offer(TASK, manifest_of(MODEL, task="other"), MODEL)
    assert findings() == [f"release {TASK} 1: its manifest is of other 1"]


def test_a_model_that_is_not_the_manifests_is_found(publisher, findings):
    publisher.offer(TASK, manifest_of(MODEL), constant(0.5))
    (finding,) = findings()
    assert finding == (
        f"release {TASK} 1: its manifest asks for the model {sha256(MODEL)[:12]}, "
        f"signed is the model {sha256(constant(0.5))[:12]}"
    )


def test_a_manifest_whose_model_is_not_there_is_found(publisher, findings):
    publisher.offer(TASK, manifest_of(MODEL), None)
    (finding,) = findings()
    assert finding.endswith("signed is no model")


def test_a_manifest_that_is_too_long_is_found(publisher, findings):
    publisher.offer(TASK, manifest_of(MODEL, title="x" * 1_000_001), MODEL)
    (finding,) = findings()
    assert "expected at most 1000000 bytes, got" in finding


@pytest.mark.parametrize("name", ["Card.md", "a b.md", "a%2e.md", "a?.md"])
def test_a_bad_name_is_found(name, publisher, findings):
    path = f"models/{TASK}/1/{name}"
    publisher.publish(TASK, release={path: b"words"}, approval={})
    assert any(f'target "{path}": bad name' in finding for finding in findings())


def test_a_target_outside_of_the_roles_paths_is_found(publisher, findings):
    publisher.publish(TASK, release={"models/other/1/x.md": b"words"}, approval={})
    assert findings() == ["models/other/1/x.md: no role that may sign for it does so"]


def test_a_delegated_role_that_is_refused_stops_no_other(publisher, findings):
    publisher.offer(TASK, manifest_of(MODEL), MODEL)
    publisher.offer("other", manifest_of(MODEL, task="other"), MODEL)
    publisher.sign(f"release-{TASK}", by=[])
    publisher.sign("snapshot", "timestamp")
    told = findings()
    assert len(told) == 2
    assert f"release-{TASK}: expected signatures of 1 of its keys, got 0" in told[0]
    assert told[1] == f"pointer of {TASK}: version 1 is not published"


def test_a_role_that_no_path_leads_to_is_found(publisher, findings):
    publisher.delegate("odd", [])
    publisher.sign("targets", "odd", "snapshot", "timestamp")
    (finding,) = findings()
    assert finding.startswith("odd: no path leads to it")
