"""The metadata that is kept heals itself, is whole after a power failure, and tidy."""

import errno
import gc
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.repository import FolderFetcher, TufRepository
from agent.adapters.repository.cache import settled
from agent.errors import StateError
from tests.fakes.onnx_files import logistic, manifest_of
from tests.fakes.signed import Publisher

TASK = "cpu-busy"
MODEL = logistic()
NOW = SystemClock().now()
KEPT = {
    "root_history/1.root.json",
    "root_history/2.root.json",
    "root.json",
    "timestamp.json",
    "snapshot.json",
    "targets.json",
    f"release-{TASK}.json",
    f"approve-{TASK}.json",
}


@pytest.fixture(scope="module")
def publisher(tmp_path_factory):
    publisher = Publisher(tmp_path_factory.mktemp("repository"), now=NOW)
    publisher.sign("root")
    publisher.offer(TASK, manifest_of(MODEL), MODEL)
    return publisher


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "state" / "metadata"


def poll(publisher, cache, *, fetcher=None):
    repository = TufRepository(
        str(publisher.folder),
        cache=cache,
        root=publisher.root,
        fetcher=fetcher or FolderFetcher(),
    )
    repository.refresh()
    repository.manifest(repository.pointer(TASK))
    return repository


def refusal(publisher, cache):
    with pytest.raises(StateError) as told:
        poll(publisher, cache)
    return str(told.value)


def files(cache):
    found = (path for path in cache.rglob("*") if not path.is_dir())
    return {path.relative_to(cache).as_posix(): path.read_bytes() for path in found}


def test_what_was_verified_is_kept_in_plain_files(publisher, cache):
    repository = poll(publisher, cache)
    assert [role.name for role in repository.roles()] == [
        "root",
        "timestamp",
        "snapshot",
        "targets",
        f"approve-{TASK}",
        f"release-{TASK}",
    ]
    del repository
    kept = files(cache)
    assert kept.keys() == KEPT
    assert kept["root.json"] == kept["root_history/2.root.json"]
    assert not any(path.is_symlink() for path in cache.rglob("*"))
    assert not (cache / "work").exists()


class Silent(FolderFetcher):
    """Answers for what is never kept, and counts what else is asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def _fetch(self, url):
        self.asked.append(url.rpartition("/")[2])
        return super()._fetch(url)


def test_what_is_kept_is_not_asked_for_again(publisher, cache):
    poll(publisher, cache)
    fetcher = Silent()
    poll(publisher, cache, fetcher=fetcher)
    metadata = [name for name in fetcher.asked if len(name) < 64]
    assert metadata == ["3.root.json", "timestamp.json"]


def test_what_did_not_change_is_not_written_again(publisher, cache):
    poll(publisher, cache)
    before = {path: path.stat() for path in cache.rglob("*.json")}
    poll(publisher, cache)
    assert {path: path.stat() for path in cache.rglob("*.json")} == before


def cut(path):
    path.write_bytes(path.read_bytes()[:100])


def folder(path):
    path.unlink()
    path.mkdir()
    (path / "inside").write_bytes(b"x")


def link(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def fifo(path):
    path.unlink()
    os.mkfifo(path)


def unreadable(path):
    path.chmod(0)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\0\xffgarbage"),
    "cut": cut,
    "gone": Path.unlink,
    "folder": folder,
    "link": link,
    "fifo": fifo,
    "unreadable": unreadable,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", sorted(KEPT))
def test_whatever_becomes_of_a_file_it_heals(publisher, cache, name, damage):
    poll(publisher, cache)
    before = files(cache)
    damage(cache / name)
    poll(publisher, cache)
    assert files(cache) == before


def test_a_folder_that_is_something_else_heals(publisher, cache):
    poll(publisher, cache)
    before = files(cache)
    for something in (
        lambda path: path.write_bytes(b"x"),
        lambda path: path.symlink_to(cache.parent),
        lambda path: None,
    ):
        shutil.rmtree(cache / "root_history")
        something(cache / "root_history")
        poll(publisher, cache)
        assert files(cache) == before


def test_what_a_killed_poll_left_behind_goes(publisher, cache):
    poll(publisher, cache)
    (cache / "tmpab12cd").write_bytes(b"half")
    for name in ("work", "next"):
        (cache / name).mkdir()
        (cache / name / "timestamp.json").write_bytes(b"half")
    poll(publisher, cache)
    assert files(cache).keys() == KEPT


def test_what_a_killed_poll_had_begun_to_put_back_is_finished(publisher, cache):
    poll(publisher, cache)
    whole = files(cache)
    (cache / "ready" / "root_history").mkdir(parents=True)
    for name in ("targets.json", "root_history/2.root.json"):
        (cache / name).rename(cache / "ready" / name)
    with settled(cache):
        assert files(cache) == whole


@pytest.mark.parametrize("name", ["work", "next", "ready"])
def test_whatever_lies_in_the_way_of_a_poll_is_no_hindrance(publisher, cache, name):
    for something in (
        lambda path: path.write_bytes(b"x"),
        lambda path: path.symlink_to(cache.parent),
    ):
        cache.mkdir(parents=True)
        something(cache / name)
        poll(publisher, cache)
        assert files(cache).keys() == KEPT
        shutil.rmtree(cache)


def test_a_root_from_the_cache_is_never_trusted(publisher, cache, tmp_path):
    stranger = Publisher(tmp_path / "stranger", now=NOW)
    poll(publisher, cache)
    before = files(cache)
    for name in ("root.json", "root_history/1.root.json", "root_history/2.root.json"):
        (cache / name).write_bytes(stranger.root)
    poll(publisher, cache)
    assert files(cache) == before


class Synced:
    """Records what is synced, and what is renamed, in order."""

    def __init__(self, monkeypatch):
        self.paths = []
        sync, rename = os.fsync, Path.rename

        def fsync(opened):
            self.paths.append(Path(f"/proc/self/fd/{opened}").readlink())
            sync(opened)

        def renamed(path, target):
            whole = set(path.rglob("*.json"))
            assert whole <= set(self.paths), "named before it was on disk"
            assert path in self.paths
            return rename(path, target)

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(Path, "rename", renamed)


def test_what_changed_is_on_disk_when_a_poll_returns(publisher, cache, monkeypatch):
    synced = Synced(monkeypatch)
    poll(publisher, cache)
    written = {
        path.relative_to(cache / "next").as_posix()
        for path in synced.paths
        if cache / "next" in path.parents and path.suffix == ".json"
    }
    assert written == KEPT
    assert synced.paths[-1] == cache
    assert cache / "root_history" in synced.paths
    synced.paths.clear()
    poll(publisher, cache)
    assert synced.paths == []


def can_mount_fat():
    has_tools = shutil.which("mkfs.vfat") and shutil.which("mount")
    is_known = "vfat" in Path("/proc/filesystems").read_text()
    return bool(has_tools and is_known and os.geteuid() == 0)


@pytest.fixture(params=["refuses_links"] + ["vfat"] * can_mount_fat())
def without_links(request, tmp_path, monkeypatch):
    """Return a folder in which no symbolic link can be made, as on FAT.

    A real FAT only where this user may mount one; elsewhere the call refuses.
    """
    place = tmp_path / "fat"
    place.mkdir()
    if request.param == "refuses_links":
        make = os.symlink

        def symlink(source, target, *given, **named):
            if place in Path(target).parents:
                raise PermissionError(errno.EPERM, "Operation not permitted", target)
            return make(source, target, *given, **named)

        monkeypatch.setattr(os, "symlink", symlink)
        yield place
        return
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(16_000_000)
    subprocess.run(["mkfs.vfat", image], check=True, capture_output=True)  # noqa: S603, S607
    subprocess.run(["mount", "-o", "loop", image, place], check=True)  # noqa: S603, S607
    yield place
    subprocess.run(["umount", place], check=True)  # noqa: S603, S607


def test_a_file_system_without_links_will_do(publisher, without_links, tmp_path):
    spare = tmp_path / "spare"
    spare.mkdir()
    tempfile.tempdir = str(spare)
    try:
        for _ in range(2):
            repository = poll(publisher, without_links / "metadata")
            assert [path.name[:9] for path in spare.iterdir()] == ["forewarn-"]
            del repository
            assert list(spare.iterdir()) == []
    finally:
        tempfile.tempdir = None
    assert files(without_links / "metadata").keys() == KEPT


def test_a_folder_that_cannot_be_written_is_the_operators(publisher, tmp_path):
    (tmp_path / "cache").write_bytes(b"in the way")
    assert refusal(publisher, tmp_path / "cache") == (
        f"{tmp_path}/cache: File exists (EEXIST); the state folder must be writable, "
        "and have room"
    )


def test_a_disk_that_is_full_is_told_with_the_file(publisher, cache, monkeypatch):
    poll(publisher, cache)
    before = files(cache)
    (cache / "targets.json").write_bytes(b"")
    sync = os.fsync

    def full(opened):
        if "targets.json" in Path(f"/proc/self/fd/{opened}").readlink().name:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(opened)

    monkeypatch.setattr(os, "fsync", full)
    assert refusal(publisher, cache) == (
        f"{cache}/next/targets.json: No space left on device (ENOSPC); the state "
        "folder must be writable, and have room"
    )
    monkeypatch.undo()
    gc.collect()  # The error held on to the copy; a courier would end here.
    assert files(cache).keys() == KEPT
    poll(publisher, cache)
    assert files(cache) == before


def test_a_root_that_is_none_is_the_operators(publisher, cache, tmp_path):
    unsigned = Publisher(tmp_path / "other", now=NOW)
    unsigned.sign("root", by=[])
    for root in (b"", b"{}", unsigned.file("root").read_bytes()):
        repository = TufRepository(
            str(publisher.folder), cache=cache, root=root, fetcher=FolderFetcher()
        )
        with pytest.raises(StateError, match="trusted root: expected the publisher's"):
            repository.refresh()


def test_nobody_else_can_read_what_is_kept(publisher, cache):
    poll(publisher, cache)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in cache.rglob("*.json")}
    assert modes == {0o600}
