"""`forewarn-central sign`: round by round, here and elsewhere."""

import json
import shutil

import pytest

from central.cli import main
from tests.fakes.keyholders import POINTER, Host, approve, founded, key_of, take_away


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
    assert capsys.readouterr() == ("", "")


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
