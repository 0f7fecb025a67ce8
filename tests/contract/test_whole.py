"""Files are written whole or not at all, for those who may read them."""

import os
import tarfile

import pytest

from agent.adapters.whole import archive_in, write_whole
from agent.errors import StateError
from tests.fakes.ledger import START


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def mode_of(path):
    return path.stat().st_mode & 0o777


def test_a_file_is_its_users_alone_from_the_first_byte_on(tmp_path):
    path = tmp_path / "made" / "token"
    write_whole(path, b"secret")
    assert (path.read_bytes(), mode_of(path)) == (b"secret", 0o600)
    write_whole(path, b"other", mode=0o644)
    assert (path.read_bytes(), mode_of(path)) == (b"other", 0o644)
    assert names(path.parent) == ["token"]


def test_it_gets_the_owner_of_what_it_is_for(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may give a file away")
    os.chown(tmp_path, 12_345, 12_346)
    write_whole(tmp_path / "token", b"secret", like=tmp_path)
    found = (tmp_path / "token").stat()
    assert (found.st_uid, found.st_gid) == (12_345, 12_346)
    write_whole(tmp_path / "token", b"secret", like=tmp_path / "not there")
    assert (tmp_path / "token").stat().st_uid == os.geteuid()


def test_what_is_in_the_way_is_told_and_stays(tmp_path):
    (tmp_path / "file").write_bytes(b"here")
    with pytest.raises(StateError, match="expected a place that this user can write"):
        write_whole(tmp_path / "file" / "token", b"secret")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StateError, match="Is a directory"):
        write_whole(tmp_path / "folder", b"secret")
    assert names(tmp_path) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b"here"


def test_an_unfinished_file_of_a_death_is_written_over(tmp_path):
    (tmp_path / ".token.unfinished").write_bytes(b"half")
    write_whole(tmp_path / "token", b"whole")
    assert names(tmp_path) == ["token"]


def test_no_link_is_followed(tmp_path):
    (tmp_path / "victim").write_bytes(b"here")
    (tmp_path / "token").symlink_to(tmp_path / "victim")
    (tmp_path / ".token.unfinished").symlink_to(tmp_path / "victim")
    write_whole(tmp_path / "token", b"secret")
    assert (tmp_path / "victim").read_bytes() == b"here"
    assert not (tmp_path / "token").is_symlink()


@pytest.mark.parametrize("is_folder", [True, False])
def test_an_archive_holds_the_files_in_their_order(tmp_path, is_folder):
    place = tmp_path if is_folder else tmp_path / "mine.tar"
    files = [("manifest.json", b"{}"), ("7.json.gz", b"seven" * 1_000)]
    path = archive_in(place, at=START)("proposed.tar", iter(files))
    assert path == str(tmp_path / ("proposed.tar" if is_folder else "mine.tar"))
    with tarfile.open(path) as archive:
        found = [(m.name, archive.extractfile(m).read()) for m in archive]
        times = {m.mtime for m in archive.getmembers()}
    assert (found, times) == (files, {int(START.timestamp())})


def test_an_archive_that_breaks_off_leaves_the_one_before(tmp_path):
    write = archive_in(tmp_path / "a.tar", at=START)
    write("", [("1", b"one")])
    before = (tmp_path / "a.tar").read_bytes()

    def broken():
        yield "2", b"two"
        raise OSError(5, "Input/output error")

    with pytest.raises(StateError, match="Input/output error"):
        write("", broken())
    assert (tmp_path / "a.tar").read_bytes() == before
    assert names(tmp_path) == ["a.tar"]


def test_no_folder_is_made_for_an_archive(tmp_path):
    """A stick that is not there must not become a folder on the disk."""
    with pytest.raises(StateError, match="No such file or directory"):
        archive_in(tmp_path / "stick" / "a.tar", at=START)("", [])
    assert names(tmp_path) == []
