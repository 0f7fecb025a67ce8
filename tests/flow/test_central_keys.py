"""`forewarn-central keys`: changes of keys, and what hosts see of them."""

import json
import shutil
import stat
from datetime import timedelta

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import BadVersionNumberError
from tuf.api.metadata import Metadata, MetaFile

from central.cli import main
from central.flows import keys
from central.wiring.repository import opened
from tests.fakes.keyholders import (
    NOW,
    POINTER,
    Host,
    approve,
    founded,
    key_of,
    take_away,
)


@pytest.fixture
def folder(tmp_path):
    founded(tmp_path / "fleet")
    approve(tmp_path / "fleet", b"{}")
    return tmp_path / "fleet"


@pytest.fixture
def host(folder, tmp_path):
    host = Host(folder, cache=tmp_path / "host")
    host.poll()
    return host


@pytest.fixture
def central(folder):
    def call(*arguments):
        return main([*arguments, "--dir", str(folder)])

    return call


def names(folder, role, capsys):
    capsys.readouterr()
    assert main(["keys", "list", "--dir", str(folder), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    return [row["name"] for row in rows if row["role"] == role]


def test_the_list_says_whose_where_and_until_when(folder, central, capsys):
    take_away(folder, "root-1")
    assert central("keys", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "role"
    (line,) = [line for line in lines if "root-1 " in line]
    assert line.split()[:3] == ["root", "2", "root-1"]
    assert "elsewhere" in line
    assert f"{NOW + timedelta(days=365):%Y-%m-%d}" in line
    assert "file2:keys/root-2.pem" in next(li for li in lines if "root-2 " in li)


def test_a_key_is_made_and_listed_once(folder, central, capsys):
    assert central("keys", "generate", "alice") == 0
    first = capsys.readouterr().out
    before = (folder / "keys/alice.pem").read_bytes()
    assert stat.S_IMODE((folder / "keys/alice.pem").stat().st_mode) == 0o600
    assert central("keys", "generate", "alice") == 0
    assert capsys.readouterr().out == first
    assert (folder / "keys/alice.pem").read_bytes() == before
    assert (folder / "signers.toml").read_text().count('"alice"') == 1


def test_a_key_that_lies_there_is_taken_up(folder, central):
    """A command that was killed has made the key, and not yet listed it."""
    pem = CryptoSigner.generate_ed25519().private_bytes
    (folder / "keys/alice.pem").write_bytes(pem)
    assert central("keys", "generate", "alice") == 0
    assert (folder / "keys/alice.pem").read_bytes() == pem


def test_a_file_that_is_no_key_is_not_overwritten(folder, central, capsys):
    (folder / "keys/alice.pem").write_text("precious")
    assert central("keys", "generate", "alice") == 1
    assert "alice.pem: expected a private key in PEM" in capsys.readouterr().err
    assert (folder / "keys/alice.pem").read_text() == "precious"


def test_a_key_pair_without_a_repository(tmp_path, capsys):
    assert main(["keys", "generate", "alice", "--out", str(tmp_path / "mine")]) == 0
    assert "is the private key: keep it; give away alice.pub" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {
        "alice.pem",
        "alice.pub",
    }
    assert main(["keys", "generate", "../alice", "--out", str(tmp_path)]) == 78


@pytest.mark.parametrize("role", ["targets", "approve-cpu", "root", "timestamp"])
def test_one_key_takes_the_place_of_another(folder, host, central, capsys, role):
    old = f"{role}-1"
    central("keys", "generate", "alice")
    assert central("keys", "rotate", role, "--old", old, "--new", "alice") == 0
    assert old not in names(folder, role, capsys)
    assert "alice" in names(folder, role, capsys)
    assert host.target(POINTER) == b"{}"
    again = central("keys", "rotate", role, "--old", old, "--new", "alice", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (again, told) == (0, {"published": [], "waiting": [], "remarks": []})


@pytest.mark.parametrize("role", ["targets", "approve-cpu", "root", "timestamp"])
def test_a_host_that_slept_through_it_follows(folder, tmp_path, central, role):
    sleeper = Host(folder, cache=tmp_path / "sleeper")
    sleeper.poll()
    for old, new in ((f"{role}-1", "alice"), ("alice", "bob"), ("bob", "carol")):
        central("keys", "generate", new)
        assert central("keys", "rotate", role, "--old", old, "--new", new) == 0
    assert sleeper.target(POINTER) == b"{}"
    assert Host(folder, cache=tmp_path / "new").target(POINTER) == b"{}"


def test_a_key_that_was_lost_is_replaced(folder, host, central, tmp_path):
    (folder / "keys/timestamp-1.pem").unlink()
    central("keys", "generate", "alice")
    change = ["--old", "timestamp-1", "--new", "alice"]
    assert central("keys", "rotate", "timestamp", *change) == 0
    assert host.target(POINTER) == b"{}"


def test_a_change_of_root_takes_the_old_and_the_new_keys(folder, host, central, capsys):
    """Root 1 and 2 of 3 are elsewhere; those who come cannot let themselves in."""
    take_away(folder, "root-1", "root-2")
    for name in ("alice", "bob"):
        central("keys", "generate", name)
        change = ["--old", f"root-{3 if name == 'alice' else 2}", "--new", name]
        capsys.readouterr()
        assert central("keys", "rotate", "root", *change) == 3
    told = capsys.readouterr().err
    assert "root: 1 of 2 signatures; missing any 1 of: root-1" in told
    host.poll()
    assert host.version("root") == 1
    key = str(key_of(folder, "root-1"))
    assert central("sign", "root", "--signer", key) == 0
    host.poll()
    assert host.version("root") == 2


def test_a_key_is_revoked(folder, host, central, capsys):
    assert central("keys", "revoke", "approve-cpu", "approve-cpu-1") == 0
    assert names(folder, "approve-cpu", capsys) == ["approve-cpu-2", "approve-cpu-3"]
    assert host.target(POINTER) == b"{}"
    assert central("keys", "revoke", "approve-cpu", "approve-cpu-1") == 0
    assert central("keys", "revoke", "approve-cpu", "approve-cpu-2") == 78
    words = "approve-cpu: expected at least as many keys as its threshold of 2, got 1"
    assert words in capsys.readouterr().err


def test_a_key_is_added_and_the_threshold_raised(folder, host, central, capsys):
    for name in ("alice", "bob"):
        central("keys", "generate", name)
        assert central("keys", "add", "root", name) == 0
    assert central("keys", "threshold", "root", "3") == 0
    assert len(names(folder, "root", capsys)) == 5
    host.poll()
    assert host.version("root") == 4
    assert central("keys", "threshold", "root", "6") == 78
    assert central("keys", "threshold", "root", "0") == 2
    assert central("keys", "threshold", "approve-cpu", "3") == 0
    assert host.target(POINTER) == b"{}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["revoke", "root", "nobody"], "root: expected one of its keys root-1 ("),
        (["add", "root", "nobody"], "nobody: expected the name of a signer or a file"),
        (["generate", "A"], "key: expected a-z"),
    ],
)
def test_what_is_not_there(central, capsys, arguments, words):
    assert central("keys", *arguments) == 78
    assert words in capsys.readouterr().err


def test_a_role_that_is_not_there_is_a_no_with_the_one_that_may_be_meant(
    central, capsys
):
    assert central("keys", "rotate", "aprove-cpu", "--old", "a", "--new", "b") == 1
    told = capsys.readouterr().err
    assert "aprove-cpu: no such role in this repository; did you mean approve-cpu?" in (
        told
    )


def test_where_a_revoked_key_still_counts_is_said(folder, host, central, capsys):
    central("keys", "generate", "carol")
    central("keys", "add", "root", "carol")
    central("keys", "add", "targets", "carol")
    capsys.readouterr()
    assert central("keys", "revoke", "root", "carol") == 0
    assert capsys.readouterr().err == "carol's key still counts for: targets\n"
    assert central("keys", "revoke", "targets", "carol") == 0
    assert capsys.readouterr().err == ""


def test_a_private_key_is_not_taken_for_a_public_one(folder, central, tmp_path, capsys):
    main(["keys", "generate", "alice", "--out", str(tmp_path)])
    assert central("keys", "add", "root", str(tmp_path / "alice.pem")) == 78
    words = f"got a private one: keep that to yourself, and give {tmp_path}/alice.pub"
    assert words in capsys.readouterr().err


def test_a_key_that_is_there_already_is_said_to_be(central, tmp_path, capsys):
    for options in ([], ["--out", str(tmp_path)]):
        central("keys", "generate", "alice", *options)
        assert "already" not in capsys.readouterr().err
        central("keys", "generate", "alice", *options)
        assert "alice is there already: nothing new was made" in capsys.readouterr().err


def test_a_public_key_that_is_none(central, tmp_path, capsys):
    (tmp_path / "eve.pub").write_text("-----BEGIN PUBLIC KEY-----\n")
    assert central("keys", "add", "root", str(tmp_path / "eve.pub")) == 78
    assert "eve.pub: expected a public key in PEM" in capsys.readouterr().err


def test_a_public_key_under_a_second_name_is_refused(folder, central, tmp_path, capsys):
    shutil.copy(folder / "keys/root-1.pub", tmp_path / "eve.pub")
    assert central("keys", "add", "root", str(tmp_path / "eve.pub")) == 78
    assert "expected a name and a key of its own" in capsys.readouterr().err


def fast_forward(folder, *, by):
    """Do what a thief of both online keys does: versions that nobody can follow."""
    metadata = folder / "repository/metadata"
    with opened(folder) as desk:
        at_hand = desk.keyring.at_hand
        (snapshot,) = at_hand([desk.keyring.key("snapshot-1")])
        (timestamp,) = at_hand([desk.keyring.key("timestamp-1")])
    last = Metadata.from_file(str(metadata / "timestamp.json"))
    version = last.signed.snapshot_meta.version
    stolen = Metadata.from_file(str(metadata / f"{version}.snapshot.json"))
    stolen.signed.version += by
    for meta in stolen.signed.meta.values():
        assert meta.version
    stolen.sign(snapshot)
    stolen.to_file(str(metadata / f"{version + by}.snapshot.json"))
    last.signed.version += by
    last.signed.snapshot_meta = MetaFile(version + by)
    last.sign(timestamp)
    last.to_file(str(metadata / "timestamp.json"))


@pytest.mark.parametrize("is_restored", [False, True], ids=["found", "restored"])
def test_hosts_recover_from_a_fast_forward(
    folder, host, central, tmp_path, is_restored
):
    """Central goes on from what the thief left, or from its own copy of before."""
    copy = tmp_path / "copy"
    shutil.copytree(folder / "repository", copy)
    fast_forward(folder, by=1_000_000)
    host.poll()
    assert host.version("timestamp") > 1_000_000
    if is_restored:
        shutil.rmtree(folder / "repository")
        shutil.move(copy, folder / "repository")
        with pytest.raises(BadVersionNumberError):
            host.poll()
    for role in ("snapshot", "timestamp"):
        central("keys", "generate", f"{role}-new")
        change = ["--old", f"{role}-1", "--new", f"{role}-new"]
        assert central("keys", "rotate", role, *change) == 0
    assert host.target(POINTER) == b"{}"
    assert (host.version("timestamp") > 1_000_000) is not is_restored
    approve(folder, b"[]")
    assert host.target(POINTER) == b"[]"


def test_every_key_is_replaced_with_nobody_noticing(folder, host, central):
    with opened(folder, now=NOW) as desk:
        rows = keys.listed(desk, keyring=desk.keyring)
    for row in rows:
        new = f"{row.name}.new"
        central("keys", "generate", new)
        assert central("keys", "rotate", row.role, "--old", row.name, "--new", new) == 0
        assert host.target(POINTER) == b"{}"
