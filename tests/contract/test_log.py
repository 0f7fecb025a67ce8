"""The log on disk: appended to by many, never torn for good, and told as it is."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.errors import StateError
from central.adapters.log import NAME, FileLog, who
from central.core.log import Action, Deed, Subject
from tests.fakes.plans import MemoryLog

AT = datetime(2026, 3, 2, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
DEED = Deed(action=Action.PUBLISH, subject=Subject(task="cpu"), evidence={"n": 1})


def file_log(folder):
    return FileLog(folder, user="ann", sudo_user="bob")


@pytest.fixture(params=["file", "memory"])
def log(request, tmp_path):
    return file_log(tmp_path) if request.param == "file" else MemoryLog()


def test_a_log_begins_with_its_first_entry(log):
    assert log.chain().entries == ()
    entry = log.add(DEED, at=AT)
    assert (entry.number, log.chain().entries) == (1, (entry,))


def test_entries_are_chained(log):
    first, second = (log.add(DEED, at=AT) for _ in range(2))
    assert second.previous == first.hash
    assert log.chain().broken is None


def test_who_did_it_is_written_down(tmp_path):
    entry = file_log(tmp_path).add(DEED, at=AT)
    assert (entry.actor.user, entry.actor.sudo_user) == ("ann", "bob")


def test_who_is_the_user_of_the_process(monkeypatch):
    monkeypatch.setenv("USER", "eve")
    monkeypatch.setenv("SUDO_USER", "carl")
    user, sudo_user = who()
    assert (user == "eve", sudo_user) == (False, "carl")
    monkeypatch.delenv("SUDO_USER")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert who() == ("uid 4000000000", None)


@pytest.mark.parametrize("left", [1, 40, 200])
def test_a_torn_line_stays_and_is_told_of(tmp_path, left):
    log, path = file_log(tmp_path), tmp_path / NAME
    log.add(DEED, at=AT)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:left])
    assert log.chain().torn == whole[:left]
    log.add(DEED, at=AT)
    chain = log.chain()
    assert (chain.broken, chain.repaired) == (None, (2,))
    assert [str(e.action) for e in chain.entries] == ["publish", "repair", "publish"]
    assert path.read_bytes().startswith(whole + whole[:left] + b"\n")


def test_a_line_that_lacks_only_its_end_gets_it(tmp_path):
    log, path = file_log(tmp_path), tmp_path / NAME
    log.add(DEED, at=AT)
    path.write_bytes(path.read_bytes()[:-1])
    log.add(DEED, at=AT)
    assert (len(log.chain().entries), log.chain().broken) == (2, None)
    assert path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("written", range(0, 700, 23))
def test_killed_while_it_writes_it_loses_nothing_that_was_there(tmp_path, written):
    log, path = file_log(tmp_path), tmp_path / NAME
    log.add(DEED, at=AT)
    before = path.read_bytes()
    log.add(DEED, at=AT)
    path.write_bytes(path.read_bytes()[: len(before) + written])
    kept = log.chain().entries
    log.add(DEED, at=AT)
    # And killed again, while it tells of that.
    path.write_bytes(path.read_bytes()[: -1 - written // 5])
    log.add(DEED, at=AT)
    chain = log.chain()
    assert chain.broken is None
    assert chain.entries[: len(kept)] == kept
    assert path.read_bytes().startswith(before)


def test_a_broken_log_goes_on_and_stays_broken(tmp_path):
    log, path = file_log(tmp_path), tmp_path / NAME
    for _ in range(3):
        log.add(DEED, at=AT)
    path.write_bytes(path.read_bytes().replace(b'"n":1', b'"n":2', 1))
    log.add(DEED, at=AT)
    assert log.chain().broken.startswith("line 1: expected hash")
    assert log.chain().last.number == 4


def test_many_writers_make_one_chain(tmp_path):
    code = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from tests.contract.test_log import file_log, DEED, AT\n"
        "[file_log(Path(sys.argv[1])).add(DEED, at=AT) for _ in range(20)]"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=ROOT)  # noqa: S603
        for _ in range(4)
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4
    chain = file_log(tmp_path).chain()
    assert (len(chain.entries), chain.broken, chain.repaired) == (80, None, ())


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StateError, match=r"log\.jsonl: No such file"):
        file_log(tmp_path / "none").add(DEED, at=AT)
    (tmp_path / NAME).mkdir()
    with pytest.raises(StateError, match=r"log\.jsonl: Is a directory"):
        file_log(tmp_path).chain()
