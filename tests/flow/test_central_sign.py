"""`forewarn-central sign`: round by round, here and elsewhere."""

import json
import shutil

import pytest

from central.cli import main
from tests.fakes.fleet import TASK, Fleet
from tests.fakes.keyholders import POINTER, Host, approve, founded, key_of, take_away
from tests.fakes.onnx_files import sha256


@pytest.fixture
def folder(tmp_path):
    founded(tmp_path / "fleet", counts={"approve": (4, 3)})
    approve(tmp_path / "fleet", b"{}", signers=["approve-cpu-1"])
    return tmp_path / "fleet"


@pytest.fixture
def stick(folder, tmp_path):
    """Return a folder to carry about, with what is pending and who may sign it."""
    stick = tmp_path / "stick"
    stick.mkdir()
    shutil.copy(folder / "pending/approve-cpu.json", stick)
    shutil.copy(folder / "repository/metadata/1.targets.json", stick)
    return stick


@pytest.fixture
def central(folder):
    def call(*arguments):
        return main([*map(str, arguments), "--dir", str(folder)])

    return call


def test_what_is_to_be_signed_is_shown(central, capsys):
    assert central("sign", "--show") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "approve-cpu"
    assert told[1].startswith(f"  + {POINTER}: sha256 44136fa355b3678a")


class TestInClear:
    """Nobody signs what he cannot read."""

    @pytest.fixture
    def fleet(self, tmp_path, capsys):
        fleet = Fleet(tmp_path, capsys)
        fleet.publish_all(1)
        fleet.on_desk("approve", TASK, 1, "--percent", 10)
        self.key = take_away(fleet.central, f"approve-{TASK}-1") / (
            f"approve-{TASK}-1.pem"
        )
        fleet.on_desk("approve", TASK, 1, "--percent", 25)
        return fleet

    @pytest.fixture
    def stick(self, fleet, tmp_path):
        """Return what is sent to somebody who has a key and no repository."""
        stick = tmp_path / "mail"
        stick.mkdir()
        shutil.copy(fleet.central / f"pending/approve-{TASK}.json", stick)
        newest = max(fleet.repository.glob("metadata/*.targets.json"))
        shutil.copy(newest, stick)
        return stick

    def test_a_pointer_is_shown_with_what_it_changes(self, fleet):
        told = fleet.on_desk("sign", "--show").out
        manifest = fleet.target(f"models/{TASK}/1/manifest.json").read_bytes()
        for line in (
            f"task: {TASK}",
            "version: 1",
            f"release: {sha256(manifest)}",
            "percent: 25 of hosts (was: 10 of hosts)",
            "floor: 1",
            "revoked: nothing",
            "not before: at once",
        ):
            assert f"    {line}\n" in told
        assert "  signed by: nobody\n" in told
        assert "0 of 1 signatures; missing any 1 of: approve-cpu-busy-1 (" in told

    def test_what_is_shown_cannot_write_over_what_was_shown(self, fleet):
        salt = "x\n    percent: 1 of hosts\x1b[2A"
        fleet.on_desk("approve", TASK, 1, "--salt", salt)
        told = fleet.on_desk("sign", "--show").out
        assert "\x1b" not in told
        assert "    percent: 1 of hosts" not in told.splitlines()

    def test_a_release_is_shown_by_its_title(self, fleet):
        take_away(fleet.central, f"release-{TASK}-1")
        fleet.publish(version=2, title="Cores are busy")
        told = fleet.on_desk("sign", "--show", f"release-{TASK}").out
        assert "    title: Cores are busy\n" in told
        assert "    version: 2\n" in told
        assert f"approve-{TASK}" not in told

    def test_a_copy_is_shown_with_the_pointer_that_was_sent_along(self, fleet, stick):
        copy = stick / f"approve-{TASK}.json"
        show = ("sign", "--show", copy, "--dir", stick)
        told = fleet.run(*show)
        assert told.status == 0
        assert "not at hand, or another: expected stable.json with sha256" in told.out
        (stick / "stable.json").write_text("{}")
        assert "not at hand, or another" in fleet.run(*show).out
        pointer = fleet.target(f"channels/{TASK}/stable.json")
        shutil.copy(pointer, stick)
        assert "    percent: 25 of hosts\n" in fleet.run(*show).out
        assert fleet.run("sign", copy, "--signer", self.key, "--dir", stick).status == 0
        told = fleet.run(*show).out
        assert "  signed by: approve-cpu-busy-1 (" in told
        assert told.endswith("  complete\n")

    def test_what_was_changed_on_central_is_not_shown_as_signed(self, fleet):
        pointer = fleet.target(f"channels/{TASK}/stable.json")
        pointer.write_bytes(pointer.read_bytes().replace(b"25", b"99"))
        assert "not at hand, or another" in fleet.on_desk("sign", "--show").out


class TestDiscard:
    """What nobody wants any more does not stand in the way."""

    def test_what_is_pending_is_dropped_and_said(self, folder, central, capsys):
        assert central("sign", "--discard", "approve-cpu") == 0
        told = capsys.readouterr()
        assert told.out.startswith(f"dropped approve-cpu\n  + {POINTER}: sha256 4413")
        assert not list((folder / "pending").iterdir())
        assert central("sign", "--discard", "approve-cpu") == 1
        words = "approve-cpu: expected a role that is pending: nothing"
        assert words in capsys.readouterr().err

    def test_a_release_that_nobody_signed_is_published_anew(self, tmp_path, capsys):
        fleet = Fleet(tmp_path, capsys)
        role = f"release-{TASK}"
        key = take_away(fleet.central, f"{role}-1") / f"{role}-1.pem"
        assert fleet.publish(version=1).status == 3
        done = fleet.publish(version=1)
        assert done.status == 1
        assert "the newest that is published or pending; `forewarn-central" in done.err
        assert f"`sign --discard {role}` drops it" in done.err
        assert fleet.on_desk("sign", "--discard", role).status == 0
        assert fleet.publish(version=1).status == 3
        assert fleet.on_desk("sign", role, "--signer", key).status == 0

    def test_a_task_that_is_pending_goes_with_all_its_roles(
        self, folder, central, capsys
    ):
        take_away(folder, "targets-1", "targets-2", "targets-3")
        central("task", "add", "disk")
        capsys.readouterr()
        assert central("sign", "--discard", "targets", "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert [each["role"] for each in told["dropped"]] == [
            "approve-disk",
            "release-disk",
            "targets",
        ]
        assert told["waiting"] == []

    def test_a_role_whose_keys_change_goes_with_the_change(
        self, folder, central, capsys
    ):
        central("sign")
        away = [f"targets-{n}" for n in (1, 2, 3)] + [
            f"approve-cpu-{n}" for n in (3, 4)
        ]
        take_away(folder, *away)
        for number, name in enumerate(("alice", "bob"), 1):
            central("keys", "generate", name)
            old = f"approve-cpu-{number}"
            central("keys", "rotate", "approve-cpu", "--old", old, "--new", name)
        capsys.readouterr()
        status = central("sign", "--discard", "approve-cpu")
        told = capsys.readouterr().err
        assert status == 78
        assert "discard both, targets and approve-cpu" in told
        assert central("sign", "--discard", "approve-cpu", "targets") == 0

    def test_nothing_is_dropped_of_what_was_never_published(self, tmp_path, capsys):
        main(["keys", "generate", "eve", "--out", str(tmp_path)])
        folder = str(tmp_path / "new")
        key = f"root={tmp_path}/eve.pub"
        assert main(["init", folder, "--keys", "root=1/1", "--key", key]) == 3
        assert main(["sign", "--discard", "root", "--dir", folder]) == 78
        assert "nothing is published yet" in capsys.readouterr().err

    @pytest.mark.parametrize("what", [[], ["approve-cpu.json"]])
    def test_a_role_is_named(self, what, central):
        assert central("sign", "--discard", *what) == 2


def test_the_old_and_the_new_keys_of_a_root_are_told_apart(folder, central, capsys):
    take_away(folder, "root-1", "root-2", "root-3")
    central("keys", "generate", "alice")
    assert central("keys", "rotate", "root", "--old", "root-3", "--new", "alice") == 3
    told = capsys.readouterr().err
    assert "root: 0 of 2 signatures of the old keys; missing any 2 of: root-1" in told
    assert "root: 1 of 2 signatures of the new keys; missing any 1 of: root-1" in told


def test_changes_of_keys_are_shown(folder, central, capsys):
    take_away(folder, "root-1", "root-2")
    central("keys", "generate", "alice")
    central("keys", "add", "root", "alice")
    capsys.readouterr()
    assert central("sign", "--show", "--json") == 0
    drafts = {d["role"]: d["facts"] for d in json.loads(capsys.readouterr().out)}
    old, new = (fact for fact in drafts["root"] if "root:" in fact)
    assert old.startswith("+ root: any 2 of alice (") or new.startswith("+ root: any 2")


def test_round_by_round(folder, central, capsys, tmp_path):
    assert central("sign", "approve-cpu", "--signer", "approve-cpu-2") == 3
    told = capsys.readouterr()
    assert told.out.startswith("signed approve-cpu by approve-cpu-2 (")
    assert "approve-cpu: 2 of 3 signatures; missing any 1 of: approve-cpu-3" in told.err
    assert central("sign", "--signer", "approve-cpu-3", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["published"] == ["approve-cpu", "snapshot", "timestamp"]
    assert told["added"]["approve-cpu"][0]["name"] == "approve-cpu-3"
    assert Host(folder, cache=tmp_path / "host").target(POINTER) == b"{}"


def test_all_that_is_at_hand(central, capsys):
    assert central("sign") == 0
    assert "approve-cpu-2 (" in capsys.readouterr().out
    assert central("sign") == 0
    assert capsys.readouterr() == ("", "nothing is pending\n")
    assert central("sign", "--show") == 0
    assert capsys.readouterr() == ("", "nothing is pending\n")


def test_what_does_not_count_is_refused(folder, central, capsys):
    assert central("sign", "approve-cpu", "--signer", "approve-cpu-1") == 1
    assert "another one by the same key does not count" in capsys.readouterr().err
    assert central("sign", "approve-cpu", "--signer", "root-1") == 1
    words = "approve-cpu: the key of root-1 does not count for it; expected one of appr"
    assert words in capsys.readouterr().err


def test_a_stranger_to_all_that_is_pending_is_told(central, capsys):
    assert central("sign", "--signer", "root-1") == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert "nothing is pending that takes a signature of these" in told.err


@pytest.mark.parametrize(
    ("signer", "words"),
    [
        ("nobody", "nobody: expected the name of a signer, a file that is there or"),
        ("file2:/nowhere/x.pem", "file2:/nowhere/x.pem: expected a private key"),
        ("envvar:NOBODY", "envvar:NOBODY: expected a private key, got none"),
    ],
)
def test_a_signer_that_is_not_there(central, capsys, signer, words):
    assert central("sign", "approve-cpu", "--signer", signer) == 78
    assert words in capsys.readouterr().err


def test_a_copy_goes_round(folder, central, stick, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy = str(stick / "approve-cpu.json")
    for number, status in ((2, 3), (3, 0)):
        key = str(key_of(folder, f"approve-cpu-{number}"))
        assert main(["sign", copy, "--signer", key]) == status
    assert "signed" in capsys.readouterr().out
    assert central("sign", copy) == 0
    told = capsys.readouterr().out
    assert "approve-cpu-2 (" in told
    assert "published approve-cpu\n" in told
    assert Host(folder, cache=tmp_path / "host").target(POINTER) == b"{}"


def test_two_copies_signed_at_the_same_time(folder, central, stick, tmp_path, capsys):
    other = shutil.copytree(stick, tmp_path / "other")
    for place, number in ((stick, 2), (other, 3)):
        key = str(key_of(folder, f"approve-cpu-{number}"))
        arguments = ["sign", str(place / "approve-cpu.json"), "--signer", key]
        assert main([*arguments, "--dir", str(tmp_path), "--json"]) == 3
        told = json.loads(capsys.readouterr().out)
        assert [row["have"] for row in told["waiting"]] == [2]
    assert central("sign", stick / "approve-cpu.json") == 3
    assert central("sign", other / "approve-cpu.json") == 0


def test_a_root_goes_round_with_the_one_before(folder, central, tmp_path, capsys):
    take_away(folder, "root-1", "root-2", "root-3")
    central("keys", "generate", "alice")
    assert central("keys", "rotate", "root", "--old", "root-3", "--new", "alice") == 3
    stick = tmp_path / "stick"
    shutil.copytree(folder / "pending", stick)
    shutil.copy(folder / "repository/metadata/1.root.json", stick)
    for name, status in (("root-3", 3), ("root-1", 0)):
        key = str(key_of(folder, name))
        arguments = ["sign", str(stick / "root.json"), "--signer", key]
        assert main([*arguments, "--dir", str(tmp_path)]) == status
    assert central("sign", stick / "root.json") == 0
    host = Host(folder, cache=tmp_path / "host")
    host.poll()
    assert host.version("root") == 2


def test_a_copy_beside_its_repository_knows_who_may_sign(folder, tmp_path):
    carried = tmp_path / "carried"
    shutil.copytree(folder / "pending", carried / "pending")
    shutil.copytree(folder / "repository", carried / "repository")
    key = str(key_of(folder, "approve-cpu-2"))
    copy = str(carried / "pending/approve-cpu.json")
    assert main(["sign", copy, "--signer", key, "--dir", str(carried)]) == 3


def test_a_copy_is_signed_by_somebody(stick, tmp_path, capsys):
    copy = str(stick / "approve-cpu.json")
    assert main(["sign", copy, "--dir", str(tmp_path)]) == 2
    assert "signed with --signer" in capsys.readouterr().err


def test_what_does_not_count_on_a_copy_is_left_out_aloud(
    folder, central, stick, capsys, tmp_path
):
    copy = stick / "approve-cpu.json"
    key = str(key_of(folder, "approve-cpu-2"))
    assert main(["sign", str(copy), "--signer", key, "--dir", str(tmp_path)]) == 3
    document = json.loads(copy.read_text())
    document["signatures"].append({"keyid": "ab" * 32, "sig": "00"})
    copy.write_text(json.dumps(document))
    capsys.readouterr()
    assert central("sign", copy) == 3
    told = capsys.readouterr()
    assert "the signature of abababab… does not count, left out" in told.err
    assert "approve-cpu-2 (" in told.out
