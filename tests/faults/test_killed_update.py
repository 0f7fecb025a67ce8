"""Killed at any write of an update: the next one ends where this one would have.

FOREWARN_KILLS says how many deaths (20); 0 or as many as there are writes: all of them.
"""

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.repository import CachedChain
from agent.adapters.store.ledger import SqliteLedger
from agent.core.lineup import LineUp
from agent.core.release import ReleaseState
from agent.flows.update import update
from agent.flows.vouch import vouch
from tests.fakes.onnx_files import logistic, manifest_of
from tests.fakes.signed import Publisher, new_keys
from tests.faults.killed_update_child import HOST, opened, ports_on

KILLS = int(os.environ.get("FOREWARN_KILLS", "20"))
ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("killed_update_child.py")
NOW = SystemClock().now()
MODELS = [logistic([weight, -1]) for weight in range(1, 5)]
FOREVER = 1_000_000
SLOTS = {"active": ReleaseState.PROBATION, "shadow": ReleaseState.SHADOW}
AT_WORK = set(SLOTS.values())


def offer(publisher, task, version, model, **pointer):
    document = manifest_of(MODELS[model], task=task, version=version)
    publisher.offer(task, document, MODELS[model], **pointer)
    return hashlib.sha256(document).hexdigest()


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """Return a host with three tasks at work, and a repository with news for all.

    One gets a second version, one is taken back, one stays, one is new; and most roles
    have new keys.
    """
    folder = tmp_path_factory.mktemp("before")
    publisher = Publisher(folder / "repository", now=NOW)
    offer(publisher, "stays", 1, 0)
    offer(publisher, "grows", 1, 1)
    ended = offer(publisher, "ends", 1, 2)
    complete(folder)
    publisher.set_keys("timestamp", new_keys())
    publisher.set_keys("targets", new_keys())
    publisher.set_keys("release-stays", new_keys())
    publisher.sign("root", "release-stays")
    offer(publisher, "grows", 2, 3)
    offer(publisher, "ends", 1, 2, serial=2, revoked=[ended])
    offer(publisher, "new", 1, 0)
    return folder


@pytest.fixture(scope="module")
def after(before, tmp_path_factory):
    """Return how many writes an uninterrupted update has, and what it leaves."""
    folder = copied(before, tmp_path_factory.mktemp("after"))
    done = lived(folder, FOREVER)
    assert done.returncode == 0, done.stderr
    return int(done.stdout), standing(folder)


def copied(folder, to):
    return Path(shutil.copytree(folder, to / "host"))


def complete(folder):
    with opened(folder) as registry:
        return update(ports_on(folder, registry), host=HOST, now=NOW)


def lived(folder, writes):
    """Let an update live for a number of writes."""
    return subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(CHILD), str(folder), str(writes)],
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",  # such a write would be counted, too
        },
        capture_output=True,
        check=False,
        text=True,
    )


def standing(folder):
    """Return all that an update leaves, but for the hours."""
    state = folder / "state"
    with opened(folder) as registry:
        tasks = [lineup.task for lineup in registry.lineups()]
        return {
            "lineups": registry.lineups(),
            "states": {r.digest: r.state for r in registry.releases()},
            "channels": [registry.channel(task) for task in tasks],
            "floors": set(registry.floors()),
            "reason": registry.trust().reason,
            "files": {
                path.relative_to(state).as_posix(): path.read_bytes()
                for path in state.rglob("*")
                if path.is_file() and "forewarn.db" not in path.name
            },
        }


def check_alive(folder):
    """Check that a daemon can work with what is there, whenever the update died."""
    path = folder / "state" / "forewarn.db"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    with SqliteLedger.open(path) as ledger:
        assert len(ledger.lineups()) >= 3
    root = (folder / "repository" / "metadata" / "1.root.json").read_bytes()
    with opened(folder) as registry:
        chain = CachedChain(folder / "state" / "metadata", root=root)
        assert vouch(registry, chain).doubts == {}
        for lineup in registry.lineups():
            check_lineup(registry, lineup, models=folder / "state" / "models")


def check_lineup(registry, lineup, *, models):
    """Check that slots, states and models agree."""
    releases = {release.digest: release for release in registry.releases()}
    ours = {d for d, r in releases.items() if r.manifest.task == lineup.task}
    slots = {str(role): digest for role, digest in lineup.roles()}
    assert set(slots.values()) <= ours
    for role, digest in slots.items():
        assert releases[digest].state is SLOTS[role]
        sha256 = releases[digest].manifest.model.sha256
        content = (models / f"{sha256}.onnx").read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256
    assert {d for d in ours if releases[d].state in AT_WORK} == set(slots.values())


def test_an_update_does_what_the_deaths_are_to_interrupt(before, after):
    count, end = after
    assert count > 100
    slots = {lineup.task: lineup for lineup in end["lineups"]}
    assert slots["ends"] == LineUp(task="ends")
    assert slots["grows"].shadow is not None
    assert slots["new"].active is not None


def test_killed_at_any_write_the_next_update_ends_where_this_one_would_have(
    before, after, tmp_path
):
    count, end = after
    generator = np.random.default_rng(20_261_123)
    deaths = range(count)
    if 0 < KILLS < count:
        deaths = sorted(generator.choice(count, KILLS, replace=False).tolist())
    for writes in deaths:
        folder = copied(before, tmp_path)
        assert lived(folder, writes).returncode == -signal.SIGKILL
        check_alive(folder)
        complete(folder)
        found = standing(folder)
        assert found["files"].keys() == end["files"].keys(), f"before write {writes}"
        assert found == end, f"killed before write {writes}"
        shutil.rmtree(folder)
    print(f"{len(deaths)} deaths in {count} writes")  # noqa: T201
