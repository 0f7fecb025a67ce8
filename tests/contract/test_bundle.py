"""A repository that was carried here: copied whole, or not at all."""

import errno
import gzip
import io
import os
import resource
import tarfile
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.adapters import bundle
from agent.adapters.bundle import copy_bundle
from agent.errors import StateError, TrustError

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


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
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
        f"{source}: expected a repository, with metadata/timestamp.json in it; the "
        "operator must bring it anew"
    )


def test_centrals_own_folder_is_told_from_its_repository(copied, tmp_path):
    source = tmp_path / "fa"
    folder(source / "repository")
    (source / "keys").mkdir()
    assert f"; it is in {source}/repository;" in refused(copied, source, tmp_path)
    assert copied(source / "repository") == FILES


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b\x08" + bytes(40)])
def test_what_is_no_archive_is_refused(copied, tmp_path, content):
    source = tmp_path / "r.tar"
    source.write_bytes(content)
    words = refused(copied, source, tmp_path)
    assert words.startswith(f"{source}: expected a ")
    assert words.isprintable()


def test_a_truncated_archive_is_refused(copied, tmp_path):
    whole = archive(tmp_path / "r.tar", mode="w:gz").read_bytes()
    source = tmp_path / "half.tar"
    source.write_bytes(whole[: len(whole) // 2])
    assert refused(copied, source, tmp_path).startswith(f"{source}: expected a ")


def test_a_missing_source_is_named(copied, tmp_path):
    source = tmp_path / "nothing.tar"
    words = refused(copied, source, tmp_path)
    assert words == (
        f"{source}: cannot be read: No such file or directory; the operator must bring "
        "it anew"
    )


def test_an_archive_that_cannot_be_read_is_named(copied, tmp_path):
    words = refused(copied, Path("/proc/self/mem"), tmp_path)
    assert words.startswith("/proc/self/mem: cannot be read: Input/output error; the ")


def test_a_stick_that_cannot_be_read_is_named(copied, tmp_path, monkeypatch):
    source = folder(tmp_path / "usb")

    def dying(path, _):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        yield

    monkeypatch.setattr(bundle, "_of_path", dying)
    words = refused(copied, source, tmp_path)
    assert words == (
        f"{source}/metadata/1.root.json: cannot be read: Input/output error; the "
        "operator must bring it anew"
    )


def test_a_file_that_shrinks_is_refused(copied, tmp_path):
    source = archive(tmp_path / "r.tar")
    with source.open("r+b") as file:
        file.truncate(513)
    assert "a file that ends early" in refused(copied, source, tmp_path)


def test_a_copy_that_cannot_be_written_is_the_state_folders(copied, tmp_path):
    source = folder(tmp_path / "usb")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        with pytest.raises(StateError, match=r"model.onnx: File too large; the state"):
            copied(source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (tmp_path / "copy").write_bytes(b"in the way")
    with pytest.raises(StateError, match="copy: File exists; the state folder"):
        copied(source)


def test_a_bundle_is_bounded(copied, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "_MAX_BYTES", 50)
    source = folder(tmp_path / "usb")
    assert "at most 10000 files and 50 bytes" in refused(copied, source, tmp_path)
    source = archive(tmp_path / "r.tar")
    assert "more than 50 bytes" in refused(copied, source, tmp_path)


@pytest.mark.parametrize("kept", ["metadata", "other"])
def test_the_members_of_an_archive_are_bounded(copied, tmp_path, monkeypatch, kept):
    files = {f"{kept}/{number}": b"" for number in range(4)}
    source = archive(tmp_path / "r.tar", files)
    monkeypatch.setattr(bundle, "_MAX_FILES", 3)
    assert "at most 3 files and" in refused(copied, source, tmp_path)


def bomb(path, header, length, *, rest=b""):
    """Write an archive that begins with a header, and many zeros after it."""
    header.size = length
    with gzip.open(path, "wb", compresslevel=1) as packed:
        packed.write(header.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(length // 2**20):
            packed.write(bytes(2**20))
        packed.write(rest)
    return path


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    ],
)
def test_a_bomb_of_a_name_is_not_taken_into_memory(copied, tmp_path, kind):
    header = tarfile.TarInfo("metadata/x")
    header.type = kind
    source = bomb(tmp_path / "r.tar.gz", header, 100 * 2**20)
    tracemalloc.start()
    try:
        words = refused(copied, source, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    finally:
        tracemalloc.stop()
    assert "longer names than any repository has" in words


def test_many_long_names_are_too_many(copied, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "_MAX_HEADER_BYTES", 100_000)
    source = archive(tmp_path / "r.tar", {f"{n}" * 20_000: b"" for n in range(9)})
    words = refused(copied, source, tmp_path)
    assert "longer names than any repository has" in words


def test_a_sparse_file_is_none(copied, tmp_path):
    header = tarfile.TarInfo("metadata/x")
    header.type = tarfile.GNUTYPE_SPARSE
    source = bomb(tmp_path / "r.tar.gz", header, 0, rest=bytes(1024))
    assert "'metadata/x': expected a regular" in refused(copied, source, tmp_path)


def test_what_is_not_taken_is_bounded_too(copied, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "_MAX_BYTES", 2**20)
    header = tarfile.TarInfo("other/x")
    source = bomb(tmp_path / "r.tar.gz", header, 2 * 2**20, rest=bytes(1024))
    assert "more than 1048576 bytes" in refused(copied, source, tmp_path)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["metadata/a\0b"], r"'metadata/a\x00b': expected a printable name"),
        (["metadata/a\nb"], r"'metadata/a\nb': expected a printable name"),
        (["metadata/" + "a" * 300], "File name too long"),
        (["metadata/a", "metadata/a"], "'metadata/a': expected a place of its own"),
        (["metadata/a", "./metadata/a"], "'metadata/a': expected a place of its own"),
        (["metadata/a", "metadata/a/b"], "'metadata/a/b': expected a place of its own"),
        (["metadata", "metadata/a"], "'metadata/a': expected a place of its own"),
        (["metadata/a/b", "metadata/a"], "'metadata/a': expected a place of its own"),
    ],
)
def test_names_that_cannot_be_are_the_archives_fault(copied, tmp_path, names, expected):
    source = tmp_path / "r.tar"
    with tarfile.open(source, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in names:
            member = tarfile.TarInfo("placeholder")
            member.pax_headers = {"path": name}
            tar.addfile(member)
    words = refused(copied, source, tmp_path)
    assert words.startswith(f"{source}: ")
    assert expected in words
    assert words.isprintable()


@given(st.binary(max_size=1_200), st.integers(0, 2_000))
def test_an_archive_of_any_bytes_is_copied_or_refused(found, junk, at):
    folder_of_its_own, whole = found
    source = folder_of_its_own / "r.tar"
    source.write_bytes(whole[:at] + junk + whole[at + len(junk) :])
    with suppress(TrustError):
        copy_bundle(source, to=folder_of_its_own / "copy")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return a folder, and the bytes of an archive."""
    folder_of_its_own = tmp_path_factory.mktemp("any")
    return folder_of_its_own, archive(folder_of_its_own / "good.tar").read_bytes()
