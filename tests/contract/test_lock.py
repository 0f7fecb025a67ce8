"""Locks of the state folder: one holder, however the one before it ended."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.adapters.lock import holder, state_lock
from agent.errors import StateError, UnavailableError

LATER_S = 20
ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import sys, time
from pathlib import Path
from agent.adapters.lock import state_lock
with state_lock(Path(sys.argv[1]), name="daemon", wait_s=0):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_a_child(folder):
    """Hold the lock in another process, which ends with this context."""
    with subprocess.Popen(  # noqa: S603 - this very file
        [sys.executable, "-c", CHILD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as child:
        try:
            assert child.stdout.readline() == b"held\n"
            yield child
        finally:
            child.kill()


def test_a_lock_is_held_and_names_its_holder(tmp_path):
    folder = tmp_path / "made" / "here"
    with state_lock(folder, name="daemon", wait_s=0):
        assert holder(folder, name="daemon") == os.getpid()
        assert folder.stat().st_mode & 0o777 == 0o750
        assert (folder / "daemon.lock").stat().st_mode & 0o777 == 0o600


def test_a_lock_that_was_let_go_has_no_holder(tmp_path):
    with state_lock(tmp_path, name="daemon", wait_s=0):
        pass
    assert holder(tmp_path, name="daemon") is None
    with state_lock(tmp_path, name="daemon", wait_s=0):
        pass


def test_what_was_never_locked_has_no_holder(tmp_path):
    assert holder(tmp_path, name="daemon") is None
    assert holder(tmp_path / "nowhere", name="daemon") is None


def test_a_second_holder_is_told_who_is_the_first(tmp_path):
    with held_by_a_child(tmp_path) as child:
        expected = f"another daemon is at work, process {child.pid}$"
        with (
            pytest.raises(UnavailableError, match=expected),
            state_lock(tmp_path, name="daemon", wait_s=0),
        ):
            pass
        assert holder(tmp_path, name="daemon") == child.pid


def test_locks_of_different_names_do_not_know_each_other(tmp_path):
    with (
        held_by_a_child(tmp_path),
        state_lock(tmp_path, name="courier", wait_s=0),
    ):
        assert holder(tmp_path, name="courier") == os.getpid()


def test_a_killed_holder_holds_nothing(tmp_path):
    with held_by_a_child(tmp_path) as child:
        child.send_signal(signal.SIGKILL)
        child.wait(LATER_S)
        assert holder(tmp_path, name="daemon") is None
        with state_lock(tmp_path, name="daemon", wait_s=0):
            assert holder(tmp_path, name="daemon") == os.getpid()


def test_who_waits_gets_the_lock_when_it_is_let_go(tmp_path):
    with held_by_a_child(tmp_path) as child:
        child.stdin.close()
        with state_lock(tmp_path, name="daemon", wait_s=LATER_S):
            assert child.wait(LATER_S) == 0


def test_who_waits_in_vain_waits_as_long_as_it_was_told(tmp_path):
    with held_by_a_child(tmp_path):
        began = time.monotonic()
        with (
            pytest.raises(UnavailableError),
            state_lock(tmp_path, name="daemon", wait_s=0.2),
        ):
            pass
        assert time.monotonic() - began >= 0.2


def test_a_holder_that_wrote_nothing_yet_is_unknown(tmp_path):
    with held_by_a_child(tmp_path):
        (tmp_path / "daemon.lock").write_text("")
        assert holder(tmp_path, name="daemon") is None
        with (
            pytest.raises(UnavailableError, match=r"process unknown$"),
            state_lock(tmp_path, name="daemon", wait_s=0),
        ):
            pass


def test_an_error_inside_lets_the_lock_go(tmp_path):
    with (
        pytest.raises(ZeroDivisionError),
        state_lock(tmp_path, name="daemon", wait_s=0),
    ):
        raise ZeroDivisionError
    assert holder(tmp_path, name="daemon") is None


def test_a_folder_that_cannot_be_made_is_the_operators_to_mend(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(StateError, match=r"file.*: (Not a directory|File exists)$"),
        state_lock(tmp_path / "file" / "state", name="daemon", wait_s=0),
    ):
        pass


def test_two_who_ask_at_once_do_not_take_each_other_for_the_holder(tmp_path):
    with state_lock(tmp_path, name="daemon", wait_s=0):
        pass
    with (tmp_path / "daemon.lock").open("r") as other:
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        assert holder(tmp_path, name="daemon") is None


def test_a_lock_that_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / "daemon.lock").symlink_to("/dev/full")
    with (
        pytest.raises(
            StateError, match="expected a state folder that can be written, got"
        ),
        state_lock(tmp_path, name="daemon", wait_s=0),
    ):
        pass
