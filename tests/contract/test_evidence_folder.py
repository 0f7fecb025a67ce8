"""Evidence on disk: a whole document under its name, or none; and not for ever."""

import os
import re
import stat
from contextlib import contextmanager

import pytest

from agent.adapters import evidence
from agent.adapters.evidence import MAX_FILES, EvidenceFiles
from agent.errors import StateError


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "evidence"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_a_document_is_kept_as_it_is(folder):
    EvidenceFiles(folder).keep("disk-full-3", b'{"e_value": 21.0}')
    assert names(folder) == ["disk-full-3.json"]
    assert (folder / "disk-full-3.json").read_bytes() == b'{"e_value": 21.0}'


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_group_may_read_and_others_may_not(folder, mask):
    with umask(mask):
        EvidenceFiles(folder).keep("one", b"{}")
    modes = [
        stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "one.json")
    ]
    assert modes == [0o750, 0o640]


def test_a_folder_that_is_there_keeps_its_mode(folder):
    folder.mkdir(mode=0o700)
    EvidenceFiles(folder).keep("one", b"{}")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_same_name_again_replaces_the_document(folder):
    files = EvidenceFiles(folder)
    for document in (b"first", b"second"):
        files.keep("one", document)
    assert names(folder) == ["one.json"]
    assert (folder / "one.json").read_bytes() == b"second"


def test_what_a_death_left_unfinished_is_in_nobodys_way(folder):
    folder.mkdir()
    (folder / evidence._UNFINISHED).write_bytes(b"half")
    EvidenceFiles(folder).keep("one", b"whole")
    assert names(folder) == ["one.json"]


def test_a_link_under_the_unfinished_name_is_not_followed(folder, tmp_path):
    folder.mkdir()
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    (folder / evidence._UNFINISHED).symlink_to(other)
    EvidenceFiles(folder).keep("one", b"whole")
    assert other.read_bytes() == b"mine"


def test_the_oldest_go_when_there_are_too_many(folder):
    files = EvidenceFiles(folder)
    for number in range(MAX_FILES):
        files.keep(f"{number:03}", b"{}")
        os.utime(folder / f"{number:03}.json", (number, number))
    (folder / "notes.txt").write_text("an operator's own")
    os.utime(folder / "notes.txt", (0, 0))
    files.keep("000", b"{}")
    assert len(names(folder)) == MAX_FILES + 1
    files.keep("new", b"{}")
    left = names(folder)
    assert len(left) == MAX_FILES + 1
    assert "001.json" not in left
    assert {"000.json", "002.json", "new.json", "notes.txt"} < set(left)


def test_what_was_just_kept_stays_though_the_clock_went_back(folder):
    files = EvidenceFiles(folder)
    for number in range(MAX_FILES):
        files.keep(str(number), b"{}")
        os.utime(folder / f"{number}.json", (2**33, 2**33))
    files.keep("new", b"{}")
    assert "new.json" in names(folder)
    assert len(names(folder)) == MAX_FILES


def test_a_place_that_is_no_folder_says_which_and_why(folder):
    folder.write_text("a file")
    path = folder / "one.json"
    message = (
        f"{path}: keeping evidence: File exists; expected a folder that this user can "
        "write to, on a disk with room"
    )
    with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
        EvidenceFiles(folder).keep("one", b"{}")


def test_a_document_that_cannot_be_finished_leaves_the_one_before(folder, monkeypatch):
    files = EvidenceFiles(folder)
    files.keep("one", b"first")

    def is_full(opened):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", is_full)
        with pytest.raises(StateError, match=r"one\.json: .*: No space left on device"):
            files.keep("one", b"second")
    assert names(folder) == ["one.json"]
    assert (folder / "one.json").read_bytes() == b"first"
