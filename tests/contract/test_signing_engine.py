"""The desk: what is put on it, who signs, and what hosts see of it."""

import os
import shutil
import stat
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from tuf.api.metadata import Metadata

from agent.errors import ConfigError, StateError, TrustError, UnavailableError
from central.core.roles import Target
from central.flows import keys
from central.flows.found import add_task
from central.flows.sign import sign
from central.wiring.repository import looked_at, opened, sign_copy
from tests.fakes.keyholders import (
    NOW,
    POINTER,
    Host,
    approve,
    founded,
    key_of,
    take_away,
)

MODEL = "models/cpu/1/model.onnx"


@pytest.fixture
def folder(tmp_path):
    founded(tmp_path / "fleet")
    return tmp_path / "fleet"


@pytest.fixture
def host(folder, tmp_path):
    return Host(folder, cache=tmp_path / "host")


def served(folder):
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    )


def test_a_new_repository_verifies_and_offers_nothing(folder, host):
    assert host.target(POINTER) is None
    with opened(folder) as desk:
        assert desk.tasks() == ("cpu",)
        assert desk.targets("release-cpu") == {}


def test_what_both_roles_signed_is_seen(folder, host, tmp_path):
    model = tmp_path / "model"
    model.write_bytes(os.urandom(3_000_000))
    with opened(folder, now=NOW) as desk:
        target = desk.put("release-cpu", path=MODEL, content=model)
        desk.put("approve-cpu", path=POINTER, content=b"{}")
        assert desk.targets("release-cpu") == {MODEL: target}
        assert desk.file(MODEL).read_bytes() == model.read_bytes()
        assert desk.publish() == ()
        published = ["release-cpu", "approve-cpu", "snapshot", "timestamp"]
        assert sorted(desk.published()) == sorted(published)
    assert target.length == 3_000_000
    assert host.target(MODEL) == model.read_bytes()
    assert host.target(POINTER) == b"{}"


def test_what_is_put_is_seen_by_nobody_before_it_is_published(folder, host):
    with opened(folder, now=NOW) as desk:
        desk.put("approve-cpu", path=POINTER, content=b"{}")
    assert host.target(POINTER) is None


def test_the_very_same_file_again_changes_nothing(folder):
    approve(folder, b"{}")
    before = served(folder)
    with opened(folder, now=NOW) as desk:
        desk.put("approve-cpu", path=POINTER, content=b"{}")
        assert desk.publish() == ()
        assert desk.published() == ()
    assert served(folder) == before


def test_what_is_dropped_is_no_longer_offered(folder, host):
    approve(folder, b"{}")
    with opened(folder, now=NOW) as desk:
        file = desk.file(POINTER)
        desk.drop("approve-cpu", path=POINTER)
        assert desk.publish() == ()
    assert host.target(POINTER) is None
    assert file.exists()


@pytest.mark.parametrize(
    ("role", "path", "words"),
    [
        ("approve-cpu", "models/cpu/1/x", "expected a path like channels/cpu/*"),
        ("approve-cpu", "channels/cpu/../x", "expected a path like"),
        ("approve-cpu", "channels/cpu/a b", "expected a path like"),
        ("approve-cpu", "channels/cpu/%2e%2e", "expected a path like"),
        ("approve-cpu", "channels/cpu/A", "expected a path like"),
        ("approve-cpu", "channels/cpu/a/b", "expected a path like"),
        ("approve-disk", "channels/disk/x", "no such role in this repository"),
        ("targets", "channels/cpu/x", "expected a role of a task"),
        ("root", "x", "expected a role of a task"),
    ],
)
def test_a_role_signs_only_for_its_paths(folder, role, path, words):
    with opened(folder) as desk, pytest.raises(ConfigError, match=words):
        desk.put(role, path=path, content=b"")


def test_asking_for_what_nobody_signed(folder):
    with opened(folder) as desk:
        with pytest.raises(ConfigError, match="expected a path that a role signs for"):
            desk.file(MODEL)
        with pytest.raises(ConfigError, match="expected a path that it signs for"):
            desk.drop("release-cpu", path=MODEL)


def test_a_signed_file_that_is_gone(folder):
    approve(folder, b"{}")
    with opened(folder) as desk:
        desk.file(POINTER).unlink()
        with pytest.raises(StateError, match="expected the file of channels/cpu"):
            desk.file(POINTER)


def test_without_enough_keys_it_waits_and_says_who_is_missing(folder, host):
    take_away(folder, "approve-cpu-2", "approve-cpu-3")
    (row,) = approve(folder, b"{}")
    assert (row.role, row.version, row.have, row.need) == ("approve-cpu", 2, 1, 2)
    assert [holder.name for holder in row.missing] == ["approve-cpu-2", "approve-cpu-3"]
    assert str(row).startswith("approve-cpu: 1 of 2 signatures; missing any 1 of: appr")
    assert host.target(POINTER) is None
    with opened(folder) as desk:
        assert desk.targets("approve-cpu") == {
            POINTER: Target(
                length=2, sha256=desk.targets("approve-cpu")[POINTER].sha256
            )
        }


def test_the_last_missing_signature_publishes(folder, host):
    elsewhere = take_away(folder, "approve-cpu-2", "approve-cpu-3")
    approve(folder, b"{}")
    with opened(folder, signers=[str(elsewhere / "approve-cpu-3.pem")]) as desk:
        done = sign(desk, roles=["approve-cpu"])
    assert done.waiting == ()
    assert [holder.name for holder in done.added["approve-cpu"]] == ["approve-cpu-3"]
    assert not list((folder / "pending").iterdir())
    assert host.target(POINTER) == b"{}"


def test_a_signer_may_be_chosen(folder):
    (row,) = approve(folder, b"{}", signers=["approve-cpu-1"])
    assert row.have == 1
    with opened(folder, signers=["approve-cpu-2"]) as desk:
        assert sign(desk).waiting == ()


def test_a_strangers_signature_is_refused(folder, tmp_path):
    approve(folder, b"{}", signers=["approve-cpu-1"])
    for stranger in ("release-cpu-1", str(key_of(folder, "release-cpu-1"))):
        with (
            opened(folder, signers=[stranger]) as desk,
            pytest.raises(TrustError, match="does not count for it; expected one of"),
        ):
            sign(desk, roles=["approve-cpu"])


def test_a_second_signature_by_one_key_is_refused(folder):
    approve(folder, b"{}", signers=["approve-cpu-1"])
    with (
        opened(folder, signers=["approve-cpu-1"]) as desk,
        pytest.raises(TrustError, match="another one by the same key does not count"),
    ):
        sign(desk, roles=["approve-cpu"])


def test_a_chosen_key_that_is_not_at_hand(folder):
    approve(folder, b"{}", signers=["approve-cpu-1"])
    take_away(folder, "approve-cpu-2")
    with (
        opened(folder, signers=["approve-cpu-2"]) as desk,
        pytest.raises(ConfigError, match="expected its private key here, got none at"),
    ):
        sign(desk, roles=["approve-cpu"])


def test_nothing_is_pending(folder):
    with opened(folder) as desk, pytest.raises(ConfigError, match="pending: nothing"):
        sign(desk, roles=["approve-cpu"])


def test_a_change_of_what_is_pending_drops_its_signatures(folder, host):
    approve(folder, b"{}", signers=["approve-cpu-1"])
    (row,) = approve(folder, b"[]", signers=["approve-cpu-2"])
    assert (row.version, row.have, row.dropped) == (2, 1, 1)
    assert str(row).endswith("(changed again: 1 before do not count)")
    with opened(folder) as desk:
        sign(desk)
    assert host.target(POINTER) == b"[]"


def test_what_waits_is_shown_before_it_is_signed(folder):
    approve(folder, b"{}", signers=["approve-cpu-1"])
    facts = looked_at(folder).proposal("approve-cpu").facts
    assert facts[1:] == ("- version 1", "+ version 2")
    assert facts[0].startswith(f"+ {POINTER}: sha256 44136fa355b3678a")


class TestCopies:
    """What people do who have a key, and no repository."""

    @pytest.fixture
    def copy(self, folder, tmp_path):
        approve(folder, b"{}", signers=["approve-cpu-1"])
        stick = tmp_path / "stick"
        stick.mkdir()
        shutil.copy(folder / "pending/approve-cpu.json", stick)
        shutil.copy(folder / "repository/metadata/1.targets.json", stick)
        return stick / "approve-cpu.json"

    def test_signed_elsewhere_and_brought_back(self, folder, host, copy):
        key = str(key_of(folder, "approve-cpu-3"))
        added, waiting = sign_copy(copy, signers=[key])
        assert ([holder.name for holder in added], waiting) == (["approve-cpu-3"], ())
        with opened(folder) as desk:
            done = sign(desk, copies=[copy])
        assert done.published == ("approve-cpu", "snapshot", "timestamp")
        assert host.target(POINTER) == b"{}"

    def test_signing_twice_changes_nothing(self, folder, copy):
        key = str(key_of(folder, "approve-cpu-3"))
        sign_copy(copy, signers=[key])
        before = copy.read_bytes()
        assert sign_copy(copy, signers=[key]) == ((), ())
        assert copy.read_bytes() == before

    def test_a_stranger_is_refused(self, folder, copy):
        with pytest.raises(TrustError, match="does not count for it"):
            sign_copy(copy, signers=[str(key_of(folder, "release-cpu-1"))])

    def test_without_the_role_above_nobody_may_sign(self, folder, copy):
        (copy.parent / "1.targets.json").unlink()
        with pytest.raises(ConfigError, match=r"expected targets\.json beside it"):
            sign_copy(copy, signers=[str(key_of(folder, "approve-cpu-3"))])

    def test_a_copy_of_another_draft_is_refused(self, folder, copy):
        approve(folder, b"[]", signers=["approve-cpu-1"])
        with (
            opened(folder) as desk,
            pytest.raises(TrustError, match="hand out what is pending now"),
        ):
            sign(desk, copies=[copy])

    def test_a_copy_of_nothing_is_refused(self, folder, copy):
        with opened(folder) as desk:
            sign(desk)
        with (
            opened(folder) as desk,
            pytest.raises(ConfigError, match="expected a copy of what is pending"),
        ):
            sign(desk, copies=[copy])

    @pytest.mark.parametrize("key", ["release-cpu-1", "approve-cpu-2"])
    def test_a_signature_that_does_not_count_is_left_out(self, folder, copy, key):
        """By a stranger, or by a right key over something else."""
        other = Metadata.from_file(str(copy))
        if key.startswith("approve"):
            other.signed.version += 1
        with opened(folder) as desk:
            (signer,) = desk.keyring.at_hand([desk.keyring.key(key)])
        signature = other.sign(signer, append=True)
        metadata = Metadata.from_file(str(copy))
        metadata.signatures[signature.keyid] = signature
        metadata.to_file(str(copy))
        with (
            opened(folder) as desk,
            pytest.raises(TrustError, match="got only ones that do not count"),
        ):
            sign(desk, copies=[copy])

    @pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b"x" * 6_000_000])
    def test_garbage_is_refused(self, folder, copy, content):
        copy.write_bytes(content)
        with opened(folder) as desk, pytest.raises(StateError, match="expected"):
            sign(desk, copies=[copy])

    def test_a_copy_of_another_kind_of_role_is_refused(self, folder, copy):
        shutil.copy(folder / "repository/metadata/1.root.json", copy)
        with opened(folder) as desk, pytest.raises(StateError, match="expected type"):
            sign(desk, copies=[copy])


def test_a_new_task_is_seen_when_all_its_roles_are_signed(folder, host):
    take_away(folder, "targets-1", "targets-2")
    with opened(folder, now=NOW) as desk:
        done = add_task(desk, "disk", keyring=desk.keyring, policy=desk.policy)
    rows = {row.role: row for row in done.waiting}
    assert set(rows) == {"targets", "release-disk", "approve-disk"}
    assert str(rows["approve-disk"]) == "approve-disk: complete, waits for targets"
    host.poll()
    assert host.version("targets") == 1
    key = str(key_of(folder, "targets-1"))
    with opened(folder, now=NOW, signers=[key]) as desk:
        assert sign(desk, roles=["targets"]).waiting == ()
    host.poll()
    assert host.version("targets") == 2
    assert host.target("channels/disk/stable.json") is None


def test_signed_again_when_a_key_leaves(folder, host):
    """Else what a thief of the key signed before would stay valid."""
    approve(folder, b"{}")
    with opened(folder, now=NOW) as desk:
        done = keys.revoke(
            desk, "approve-cpu", keyring=desk.keyring, name="approve-cpu-1"
        )
    assert done.published == ("targets", "approve-cpu", "snapshot", "timestamp")
    assert host.target(POINTER) == b"{}"
    assert host.version("approve-cpu") == 3


def test_what_is_served_always_verifies_as_a_whole(folder, host):
    """New keys are not published before what they are to sign is signed by them."""
    approve(folder, b"{}", signers=["approve-cpu-1", "approve-cpu-2"])
    with opened(folder) as desk:
        desk.keyring.generate("alice")
    take_away(folder, "alice", "approve-cpu-3")
    change = {"old": "approve-cpu-1", "new": "alice"}
    with opened(folder, now=NOW) as desk:
        done = keys.rotate(desk, "approve-cpu", keyring=desk.keyring, **change)
    assert done.published == ()
    assert {row.role: row.awaits for row in done.waiting} == {
        "approve-cpu": (),
        "targets": ("approve-cpu",),
    }
    assert host.target(POINTER) == b"{}"
    with opened(folder, now=NOW, signers=[str(key_of(folder, "alice"))]) as desk:
        assert sign(desk, roles=["approve-cpu"]).waiting == ()
    assert host.target(POINTER) == b"{}"
    assert (host.version("targets"), host.version("approve-cpu")) == (2, 3)


def test_modes_do_not_follow_the_umask(tmp_path):
    before = os.umask(0)
    try:
        founded(tmp_path / "open")
        os.umask(0o777)
        founded(tmp_path / "shut")
    finally:
        os.umask(before)
    for name in ("open", "shut"):
        fleet = tmp_path / name
        assert stat.S_IMODE((fleet / "keys").stat().st_mode) == 0o700
        modes = {stat.S_IMODE(p.stat().st_mode) for p in fleet.glob("keys/*.pem")}
        assert modes == {0o600}
        for path in (fleet / "repository").rglob("*"):
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o755 if path.is_dir() else 0o644)


def test_no_private_key_is_in_the_repository(folder):
    approve(folder, b"{}")
    for path in (folder / "repository").rglob("*"):
        assert path.is_dir() or b"PRIVATE" not in path.read_bytes()


def test_one_command_at_a_time(folder):
    words = f"another command is at work here, process {os.getpid()}"
    with (
        opened(folder),
        pytest.raises(UnavailableError, match=words),
        opened(folder),
    ):
        pass


def test_a_folder_without_a_repository(tmp_path):
    with pytest.raises(ConfigError, match="init` made: name it"), opened(tmp_path):
        pass


@pytest.mark.parametrize("role", ["root", "targets", "release-cpu"])
def test_what_strangers_signed_is_not_built_upon(folder, tmp_path, role):
    founded(tmp_path / "strange")
    name = f"repository/metadata/1.{role}.json"
    shutil.copy(tmp_path / "strange" / name, folder / name)
    with (
        pytest.raises(StateError, match="expected the signatures that it takes"),
        opened(folder),
    ):
        pass


def test_a_torn_file_names_itself(folder):
    (folder / "repository/metadata/1.targets.json").write_bytes(b"")
    with pytest.raises(StateError, match=r"1\.targets\.json: expected TUF"):
        looked_at(folder)


def test_a_published_file_that_is_gone(folder):
    (folder / "repository/metadata/1.targets.json").unlink()
    with pytest.raises(StateError, match=r"1\.targets\.json: No such file"):
        looked_at(folder)


def test_a_disk_that_cannot_be_written(folder, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match="No space left on device"):
        approve(folder, b"{}")


def test_without_online_keys_it_waits_for_them(folder, host):
    take_away(folder, "timestamp-1")
    rows = approve(folder, b"{}")
    assert [str(row)[:40] for row in rows] == [
        "approve-cpu: complete, waits for timestamp"[:40],
        "timestamp: 0 of 1 signatures; missing any 1"[:40],
    ]
    assert host.target(POINTER) is None
    shutil.move(key_of(folder, "timestamp-1"), folder / "keys")
    with opened(folder, now=NOW) as desk:
        assert sign(desk).waiting == ()
    assert host.target(POINTER) == b"{}"


def test_the_key_of_another_is_told(folder):
    shutil.copy(folder / "keys/approve-cpu-2.pem", folder / "keys/approve-cpu-1.pem")
    with pytest.raises(StateError, match="holds another key"):
        approve(folder, b"{}")


def test_a_key_from_the_environment(folder, monkeypatch, host):
    pem = key_of(folder, "approve-cpu-1").read_text()
    take_away(folder, "approve-cpu-1", "approve-cpu-3")
    listed = folder / "signers.toml"
    text = listed.read_text().replace("file2:keys/approve-cpu-1.pem", "envvar:ALICE")
    listed.write_text(text)
    (row,) = approve(folder, b"{}")
    assert row.have == 1
    monkeypatch.setenv("ALICE", pem)
    with opened(folder, now=NOW) as desk:
        assert sign(desk).waiting == ()
    assert host.target(POINTER) == b"{}"


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("pigeon:alice", "pigeon:alice cannot be used: Unsupported private key scheme"),
        ("file2:keys/shut.pem", "shut.pem cannot be used: Password was not given"),
    ],
)
def test_a_key_that_cannot_be_used(folder, uri, words):
    key = load_pem_private_key(key_of(folder, "approve-cpu-1").read_bytes(), None)
    shut = BestAvailableEncryption(b"secret")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, shut)
    (folder / "keys/shut.pem").write_bytes(pem)
    listed = folder / "signers.toml"
    text = listed.read_text().replace("file2:keys/approve-cpu-1.pem", uri)
    listed.write_text(text)
    with pytest.raises(StateError, match=words):
        approve(folder, b"{}")


def test_what_is_pending_of_no_role_is_cleared_away(folder):
    """A new task is written from below; what broke off has no role above it yet."""
    (folder / "pending").mkdir()
    stray = folder / "pending/approve-disk.json"
    shutil.copy(folder / "repository/metadata/1.approve-cpu.json", stray)
    approve(folder, b"{}")
    assert not stray.exists()


def test_a_longer_life_where_the_network_does_not_reach(tmp_path):
    founded(tmp_path / "fleet", profile="air-gapped")
    states = {state.role: state for state in looked_at(tmp_path / "fleet").roles()}
    assert states["timestamp"].expires - NOW == timedelta(days=90)
    assert states["root"].expires - NOW == timedelta(days=730)
