"""A daemon and a model that kills it or hangs: it dies twice, then it steps back.

The model is put into the state folder past scan and trial, as a release at work with
all its signatures; what is left is the daemon itself. Where a limit matters the daemon
runs with a short one (`hurried_daemon_child.py`).
"""

import os
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from agent.adapters.runtime.mark import left_at
from agent.core.lineup import LineUp
from agent.core.release import ReleaseState
from agent.daemon.options import RunOptions
from tests.fakes import rogue_models
from tests.fakes.bench import FIRST, Bench
from tests.fakes.commands import ROOT, eventually, forewarn, rows_of, running
from tests.fakes.onnx_files import SERIES

CONFIG = """
[agent]
interval = "200ms"
[store]
commit_every = "200ms"
[central]
url = "{folder}/repository"
trust_root = "{folder}/root.json"
update_every = "30d"
"""
TASK = {
    "target": {
        "kind": "event",
        "series": SERIES,
        "condition": ">= 0",
        "within": "1s",
        "onset": False,
    },
    "score_every": "200ms",
    "missing": "skip",
    "min_coverage": 0.3,
    "features": [f"last_over_time({SERIES}[{n}s])" for n in (1, 2)],
}
HURRIED = Path(__file__).with_name("hurried_daemon_child.py")
DAEMON = (sys.executable, "-m", "agent.daemon")
IN_A_HURRY = (sys.executable, str(HURRIED))


class Site:
    """A host whose active release is a rogue, and whose standby is good."""

    def __init__(self, folder, rogue):
        bench = Bench(folder)
        bench.host = replace(bench.host, interval_s=0.2)
        with closing(bench.registry) as registry:
            bench.publish(FIRST, version=1, **TASK)
            bench.update()
            bench.publish(rogue, version=2, **TASK)
            bench.update()
            self.good, self.rogue = bench.digest(1), bench.digest(2)
            registry.set_state(self.good, ReleaseState.CONFIRMED)
            registry.set_state(self.good, ReleaseState.STANDBY)
            registry.set_state(self.rogue, ReleaseState.PROBATION)
            lineup = LineUp(task="cpu-busy", active=self.rogue, standby=self.good)
            registry.set_lineup(lineup)
        (folder / "root.json").write_bytes(bench.publisher.root)
        self.state, self.config = folder / "state", folder / "config.toml"
        self.journal = folder / "journal"
        self.config.write_text(CONFIG.format(folder=folder))

    def dies(self, command=DAEMON):
        """Run a daemon until it dies; return its exit status and its journal."""
        given = RunOptions(
            config_path=self.config, state_dir=self.state, is_standalone=False
        )
        done = subprocess.run(  # noqa: S603 - our own program
            [*command, given.command()[-1]],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        return done.returncode, done.stderr

    def lives(self):
        options = ("--config", self.config, "--state-dir", self.state)
        return running(*options, journal=self.journal)

    def states(self):
        return dict(rows_of(self.state, "select digest, state from releases"))

    def scored_by(self, role):
        """Return how many predictions there are of a role, by digest."""
        found = rows_of(
            self.state,
            "select p.role, d.digest, count(*) from predictions as p"
            " join digests as d on d.id = p.digest group by 1, 2",
        )
        return {digest: count for of, digest, count in found if of == role}


def check_steps_back(site):
    """Start the third daemon: it recalls the standby, and stays."""
    with site.lives() as daemon:
        eventually(lambda: site.scored_by("active").get(site.good, 0) > 3)
        assert daemon.has_told(
            f"release_rolled_back task=cpu-busy version=2 digest={site.rogue[:12]} "
        )
        assert 'speaks="version 1 (active)"' in daemon.journal
        assert daemon.stop() == 0
    assert site.states() == {site.good: "confirmed", site.rogue: "rolled_back"}
    assert left_at(site.state / "running") is None
    # Offered still, and never taken again.
    options = ("--config", site.config, "--state-dir", site.state)
    assert forewarn("update", *options).returncode in {0, 3}
    assert site.states()[site.rogue] == "rolled_back"
    ((active,),) = rows_of(site.state, "select active from lineups")
    assert active == site.good


def test_a_release_that_crashes_the_daemon_twice_steps_back_at_the_third_start(
    tmp_path,
):
    site = Site(tmp_path, rogue_models.crash())
    for deaths in range(2):
        status, journal = site.dies()
        assert status == -signal.SIGSEGV, journal
        assert "Fatal Python error: Segmentation fault" in journal
        assert "runtime/model.py" in journal
        assert journal.count("release_crashed") == deaths
        assert left_at(site.state / "running") == site.rogue
    check_steps_back(site)


@pytest.mark.parametrize(
    "rogue", [rogue_models.huge_node, rogue_models.huge_load], ids=["run", "load"]
)
def test_what_terminate_cannot_end_the_kernel_does_and_the_third_start_steps_back(
    tmp_path, rogue
):
    site = Site(tmp_path, rogue())
    for _ in range(2):
        status, journal = site.dies(IN_A_HURRY)
        assert status == -signal.SIGPROF, journal
        assert "runtime/model.py" in journal  # where it was
        assert left_at(site.state / "running") == site.rogue
    check_steps_back(site)


def test_a_loop_without_end_is_ended_and_the_daemon_lives(tmp_path):
    site = Site(tmp_path, rogue_models.forever())
    with running(
        "--config", site.config, "--state-dir", site.state, journal=site.journal
    ) as daemon:
        eventually(lambda: daemon.has_told("scoring_failed"), within_s=40)
        assert "did not answer within 5 s of processor time, terminated" in (
            daemon.journal
        )
        eventually(lambda: site.scored_by("standby").get(site.good), within_s=40)
        assert daemon.stop() == 0
    assert site.scored_by("active") == {}
    assert left_at(site.state / "running") is None


def test_a_daemon_that_was_killed_while_it_scored_goes_on_as_before(tmp_path):
    site = Site(tmp_path, rogue_models.crash())
    site.dies()
    (site.state / "running").write_text(f"{site.good}\n")  # as a power failure may
    status, journal = site.dies()
    assert status == -signal.SIGSEGV
    assert f"release_crashed digest={site.good[:12]} crashes_of_late=1" in journal
    assert "release_rolled_back" not in journal
    assert site.states() == {site.good: "standby", site.rogue: "probation"}
