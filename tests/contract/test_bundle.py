"""A repository that was carried here: copied whole, or not at all."""

import io
import os
import tarfile

import pytest

from agent.adapters import bundle
from agent.adapters.bundle import copy_bundle
from agent.errors import TrustError

FILES = {
    "metadata/timestamp.json": b"{}",
    "metadata/1.root.json": b"root",
    "targets/models/cpu/1/ab.model.onnx": b"\x08" * 100,
}


@pytest.fixture
def copied(tmp_path):
    """Return what copies a bundle; gives the files that came, by path."""

    def copied(source):
        to = tmp_path / "copy"
        copy_bundle(source, to=to)
        files = (path for path in to.rglob("*") if path.is_file())
        return {str(path.relative_to(to)): path.read_bytes() for path in files}

    yield copied
    assert not (tmp_path / "copy.part").exists()


def folder(place, files=FILES):
    for name, content in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return place


def archive(path, files=FILES, *, mode="w", **odd):
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in odd.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_a_folder_is_copied_and_nothing_else_of_it(copied, tmp_path):
    source = folder(tmp_path / "usb", {**FILES, "keys/root.pem": b"secret"})
    assert copied(source) == FILES


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_an_archive_may_be_packed(copied, tmp_path, mode):
    assert copied(archive(tmp_path / "r.tar", mode=mode)) == FILES


@pytest.mark.parametrize("prefix", ["./", "repository/"])
def test_the_repository_may_lie_within_one_folder(copied, tmp_path, prefix):
    inner = {f"{prefix}{name}": content for name, content in FILES.items()}
    assert copied(archive(tmp_path / "r.tar", inner)) == FILES
    assert copied(folder(tmp_path / "usb", inner)) == FILES


def test_an_older_copy_leaves_nothing_behind(copied, tmp_path):
    folder(tmp_path / "copy", {"metadata/old.json": b"{}"})
    assert copied(folder(tmp_path / "usb")) == FILES


def refused(copied, source, tmp_path):
    with pytest.raises(TrustError) as error:
        copied(source)
    assert not (tmp_path / "copy").exists()
    return str(error.value)


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "a regular file"),
        ({"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"}, "a regular file"),
        ({"type": tarfile.FIFOTYPE}, "a regular file"),
        ({"type": tarfile.CHRTYPE}, "a regular file"),
    ],
)
def test_an_archive_holds_regular_files_only(copied, tmp_path, odd, expected):
    source = archive(tmp_path / "r.tar", {"metadata/timestamp.json": b""}, **odd)
    assert expected in refused(copied, source, tmp_path)


@pytest.mark.parametrize(
    "name", ["metadata/../../etc/cron.d/x", "/metadata/x", "/targets/../../x"]
)
def test_no_file_leaves_the_copy(copied, tmp_path, name):
    source = archive(tmp_path / "r.tar", {**FILES, name: b"x"})
    with pytest.raises(TrustError, match="points outside"):
        copied(source)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("kind", ["symlink", "fifo"])
def test_a_folder_holds_regular_files_only(copied, tmp_path, kind):
    source = folder(tmp_path / "usb")
    odd = source / "targets" / "odd"
    if kind == "symlink":
        odd.symlink_to("/etc/passwd")
    else:
        os.mkfifo(odd)
    assert f"{odd}: expected a regular file" in refused(copied, source, tmp_path)


def test_what_is_no_repository_is_refused(copied, tmp_path):
    source = folder(tmp_path / "usb", {"targets/a": b"x"})
    assert refused(copied, source, tmp_path) == (
        f"{source}: expected a repository, with metadata/timestamp.json in it"
    )


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b\x08" + bytes(40)])
def test_what_is_no_archive_is_refused(copied, tmp_path, content):
    source = tmp_path / "r.tar"
    source.write_bytes(content)
    words = refused(copied, source, tmp_path)
    assert words.startswith(f"{source}: expected a ")


def test_a_truncated_archive_is_refused(copied, tmp_path):
    whole = archive(tmp_path / "r.tar", mode="w:gz").read_bytes()
    source = tmp_path / "half.tar"
    source.write_bytes(whole[: len(whole) // 2])
    assert refused(copied, source, tmp_path).startswith(f"{source}: expected a ")


def test_a_missing_source_is_named(copied, tmp_path):
    source = tmp_path / "nothing.tar"
    words = refused(copied, source, tmp_path)
    assert words == f"{source}: No such file or directory"


def test_a_bundle_is_bounded(copied, tmp_path, monkeypatch):
    source = archive(tmp_path / "r.tar")
    monkeypatch.setattr(bundle, "_MAX_BYTES", 50)
    assert "expected at most" in refused(copied, source, tmp_path)
