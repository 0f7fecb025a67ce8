"""Killed while the local repository is made or renewed: the next call completes."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.local_repository import prepare
from agent.adapters.repository import FolderFetcher, TufRepository
from tests.fakes.onnx_files import logistic, manifest_of

NOW = SystemClock().now()
# Ends the process at the n-th name that it gives to a file: every write is a rename.
CHILD = """
import os, pathlib, signal, sys
from datetime import datetime
from agent.adapters.local_repository import prepare
folder, starters, now, left = sys.argv[1:]
left = int(left)
rename = pathlib.Path.replace
def counted(self, target):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
pathlib.Path.replace = counted
prepare(pathlib.Path(folder), pathlib.Path(starters), now=datetime.fromisoformat(now))
"""


@pytest.fixture
def starters(tmp_path):
    for task in ("cpu-busy", "disk-full"):
        ship(tmp_path, task, version=1)
    return tmp_path / "starters"


def ship(tmp_path, task, *, version):
    model = logistic()
    folder = tmp_path / "starters" / task
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    manifest = manifest_of(model, task=task, version=version)
    (folder / "manifest.json").write_bytes(manifest)


def killed(folder, starters, *, now, after_writes):
    """Return whether the child was killed; else it came to its end."""
    command = [sys.executable, "-c", CHILD, str(folder), str(starters)]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [*command, now.isoformat(), str(after_writes)], check=False, env=os.environ
    )
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


def versions(folder, tmp_path):
    repository = TufRepository(
        str(folder),
        cache=tmp_path / "cache",
        root=(folder / "metadata" / "1.root.json").read_bytes(),
        fetcher=FolderFetcher(),
    )
    repository.refresh()
    return {task: repository.pointer(task).version for task in repository.tasks()}


@pytest.mark.parametrize("after_writes", [0, 1, 4, 9, 12, 16, 19])
def test_killed_while_it_is_made(after_writes, starters, tmp_path):
    folder = tmp_path / "repository"
    assert killed(folder, starters, now=NOW, after_writes=after_writes)
    assert not folder.exists()
    assert prepare(folder, starters, now=NOW).is_new
    assert versions(folder, tmp_path) == {"cpu-busy": 1, "disk-full": 1}
    assert {path.name for path in tmp_path.iterdir() if path.name[0] == "."} == set()


@pytest.mark.parametrize("after_writes", range(9))
def test_killed_while_a_newer_starter_is_published(after_writes, starters, tmp_path):
    folder = tmp_path / "repository"
    prepare(folder, starters, now=NOW)
    ship(tmp_path, "cpu-busy", version=2)
    is_killed = killed(folder, starters, now=NOW, after_writes=after_writes)
    assert is_killed is (after_writes < 7)
    assert versions(folder, tmp_path)["cpu-busy"] == (1 if is_killed else 2)
    prepare(folder, starters, now=NOW)
    assert versions(folder, tmp_path) == {"cpu-busy": 2, "disk-full": 1}


@pytest.mark.parametrize("after_writes", [0, 1, 3, 5, 7])
def test_killed_while_all_is_signed_anew(after_writes, starters, tmp_path):
    folder = tmp_path / "repository"
    prepare(folder, starters, now=NOW - timedelta(days=2000))
    killed(folder, starters, now=NOW, after_writes=after_writes)
    prepare(folder, starters, now=NOW)
    assert versions(folder, tmp_path) == {"cpu-busy": 1, "disk-full": 1}
