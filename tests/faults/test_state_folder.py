"""A state folder that is full or read-only: nothing is installed, nothing is lost."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.store.registry import SqliteRegistry
from tests.fakes.onnx_files import constant, manifest_of
from tests.fakes.signed import Publisher

MODEL, OTHER = constant(0.5), constant(0.25)
MOUNT = shutil.which("mount")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or MOUNT is None, reason="only root can mount a small disk"
)


@contextmanager
def small_disk(folder, *, size):
    folder.mkdir()
    command = [MOUNT, "-t", "tmpfs", "-o", f"size={size}", "none", folder]
    subprocess.run(command, check=True)  # noqa: S603 - a small disk
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)  # noqa: S603 S607


@pytest.fixture
def site(tmp_path):
    """Return a host whose state lies on a disk of 3 MB, and who publishes for it."""
    publisher = Publisher(tmp_path / "central", now=SystemClock().now())
    publisher.offer("cpu-busy", manifest_of(MODEL), MODEL)
    (tmp_path / "root.json").write_bytes(publisher.root)
    (tmp_path / "config.toml").write_text(
        f'[agent]\nstate_dir = "{tmp_path / "disk" / "state"}"\n'
        f'[central]\nurl = "{publisher.folder}"\n'
        f'trust_root = "{tmp_path / "root.json"}"\n'
    )
    with small_disk(tmp_path / "disk", size="3m") as disk:
        assert updated(tmp_path)[0] == 0
        publisher.offer(
            "cpu-busy", manifest_of(OTHER, version=2, golden=[golden()]), OTHER
        )
        yield tmp_path, disk


def golden():
    return {"features": [0.0, 0.0], "score": [0.25]}


def updated(folder):
    done = subprocess.run(  # noqa: S603 - our own program
        [
            *(sys.executable, "-m", "agent.courier", "update"),
            *("--config", str(folder / "config.toml")),
        ],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def standing(folder):
    state = folder / "disk" / "state"
    with SqliteRegistry.open(state / "forewarn.db") as registry:
        assert registry._connection.execute("PRAGMA integrity_check").fetchall() == [
            ("ok",)
        ]
        models = sorted(path.name for path in (state / "models").iterdir())
        return registry.lineups(), registry.releases(), models


def test_on_a_full_disk_nothing_is_installed_and_later_all_of_it(site):
    folder, disk = site
    before = standing(folder)
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    status, answer = updated(folder)
    assert (status, "result" in answer) == (1, False)
    assert "full" in answer["error"] or "No space left" in answer["error"]
    assert str(disk) in answer["error"]
    filler.unlink()
    assert standing(folder) == before
    status, answer = updated(folder)
    assert (status, len(answer["result"]["admitted"])) == (0, 1)


def test_on_a_read_only_disk_nothing_is_installed_and_later_all_of_it(site):
    folder, disk = site
    before = standing(folder)
    subprocess.run([MOUNT, "-o", "remount,ro", disk], check=True)  # noqa: S603
    status, answer = updated(folder)
    assert (status, "result" in answer) == (1, False)
    assert str(disk) in answer["error"]
    assert "Read-only file system" in answer["error"]
    subprocess.run([MOUNT, "-o", "remount,rw", disk], check=True)  # noqa: S603
    assert standing(folder) == before
    status, answer = updated(folder)
    assert (status, len(answer["result"]["admitted"])) == (0, 1)
