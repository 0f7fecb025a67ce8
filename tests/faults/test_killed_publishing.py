"""Killed at any write, a change is there or it is not, and hosts see no fault."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tuf.api.exceptions import UnsignedMetadataError

from tests.fakes.keyholders import POINTER, Host, approve, founded, take_away
from tests.faults.killed_publishing_child import CHANGES

ROOT = Path(__file__).parents[2]
# What was approved before the change, and after it.
BEFORE = b"{}"
AFTER = {"publish": b"[]", "sign": b"[]"}
# A key is lost, so nothing can hold under both roots: for the time between two writes
# a host sees a timestamp that it does not trust, and asks again later.
HAS_A_GAP = {"rotate_lost"}


def killed_everywhere(change, base, out):
    """Return a copy of the repository for each write that the change died at."""
    module = "tests.faults.killed_publishing_child"
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", module, change, str(base), str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return [out / str(number) / "fleet" for number in range(int(done.stdout))]


def base_of(change, folder):
    """Return the repository that a change begins with."""
    if change == "found":
        return folder
    founded(folder, counts={"release": (1, 1), "approve": (3, 2)})
    approve(folder, BEFORE)
    if change == "wait":
        take_away(folder, "approve-cpu-2", "approve-cpu-3")
    if change == "sign":
        approve(folder, AFTER[change], signers=["approve-cpu-1"])
    if change == "rotate_lost":
        (folder / "keys/timestamp-1.pem").unlink()
    return folder


def seen(folder, cache, *, may_be_refused):
    """Return what a host sees; None if it refuses and is allowed to."""
    try:
        return Host(folder, cache=cache).target(POINTER)
    except UnsignedMetadataError:
        assert may_be_refused
        return None


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.mark.parametrize("change", [name for name in CHANGES if name != "found"])
def test_a_change_is_there_or_it_is_not(change, tmp_path):
    base = base_of(change, tmp_path / "base")
    Host(base, cache=tmp_path / "known").poll()
    after = AFTER.get(change, BEFORE)
    copies = killed_everywhere(change, base, tmp_path / "out")
    assert len(copies) > 5
    for copy in copies:
        known = shutil.copytree(tmp_path / "known", copy.parent / "known")
        may_be_refused = change in HAS_A_GAP
        for cache in (known, copy.parent / "new"):
            found = seen(copy, cache, may_be_refused=may_be_refused)
            assert found in {BEFORE, after, None if may_be_refused else after}
        waiting = CHANGES[change](copy)
        assert bool(waiting) is (change == "wait")
        for cache in (known, copy.parent / "new"):
            assert Host(copy, cache=cache).target(POINTER) == after
        # What lies in `pending` is what waits, and no torn file goes on lying there.
        assert bool(list(copy.glob("pending/*.json"))) is bool(waiting)


def test_a_founding_is_gone_on_with(tmp_path):
    copies = killed_everywhere("found", tmp_path / "none", tmp_path / "out")
    assert len(copies) > 50
    for copy in copies[:-1]:
        secrets = {p.name: p.read_bytes() for p in copy.glob("keys/*.pem")}
        # Killed after its last write, it is complete.
        if (copy / "repository/metadata/timestamp.json").exists():
            Host(copy, cache=copy.parent / "host").poll()
            continue
        assert CHANGES["found"](copy) == ()
        Host(copy, cache=copy.parent / "host").poll()
        for name, content in secrets.items():
            assert (copy / "keys" / name).read_bytes() == content
