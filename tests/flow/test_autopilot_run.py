"""The autopilot as it is run: its settings, its retraining, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from agent.errors import UnavailableError
from central import autopilot
from central.adapters.repository.files import locked
from central.flows.retrain import GateRefused, Retrained
from central.wiring.autopilot import FolderRetrainer, cockpit
from tests.fakes.commands import eventually
from tests.fakes.fleet import TASK, Fleet

ROOT = Path(__file__).parents[2]
MAIN = "import sys; from central.cli import main; sys.exit(main())"
SETTINGS = f"""
[serve]
cluster_label = "rack"
[autopilot]
tasks = ["{TASK}"]
every = "1h"
min_new_events = 0
min_new_rows = 0
rest = "2h"
rings = [10, 100]
min_ring = "3h"
grace = "10m"
alpha = 0.05
hold_for_approval = false
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    fleet = Fleet(tmp_path_factory.mktemp("published"))
    fleet.publish()
    (fleet.central / "fleet.toml").write_text(SETTINGS)
    return fleet


@pytest.fixture
def fleet(tmp_path, capsys, published):
    return Fleet(tmp_path, capsys, like=published)


def test_its_terms_are_those_of_fleet_toml(fleet):
    with cockpit(fleet.central) as found:
        terms = found.terms_of(TASK)
        assert not found.terms_of("disk").is_automatic
    assert (terms.is_automatic, terms.rings, terms.hold) == (True, (10, 100), False)
    assert (terms.min_new_events, terms.min_new_rows) == (0, 0)
    spans = [terms.rest, terms.min_ring, terms.grace]
    assert [span.total_seconds() for span in spans] == [7200, 10800, 600]
    assert terms.alpha == 0.05
    assert found.sources.cluster_label == "rack"


def test_too_few_samples_are_not_yet_a_retraining(fleet):
    (plan,) = fleet.document("autopilot", "once")
    assert (plan["stage"], plan["base"]) == ("due", 1)
    assert plan["waits"].startswith("rests until")
    told = fleet.document("log")[-2]
    assert told["evidence"]["to"] == "watching"
    assert "sample" in told["evidence"]["why"]


@pytest.mark.parametrize("outcome", ["refused", "published"])
def test_what_a_retraining_came_to_is_passed_on(tmp_path, monkeypatch, outcome):
    found = GateRefused(
        task=TASK, version=2, reasons=("min_skill",), checks=(), result=None
    )
    if outcome == "published":
        found = Retrained(
            task=TASK,
            version=2,
            digest="a" * 64,
            checks=("kept",),
            result=None,
            publication=None,
        )
    monkeypatch.setattr("central.wiring.retrain.retrained", lambda *_, **__: found)
    made = FolderRetrainer(tmp_path).retrain(TASK, now=None)
    reasons = ("kept",) if outcome == "published" else ("min_skill",)
    assert (str(made.outcome), made.reasons) == (outcome, reasons)


def test_one_process_is_the_autopilot_of_a_folder(fleet):
    place = fleet.central / "autopilot"
    place.mkdir()
    with locked(place):
        done = fleet.on_desk("autopilot", "once")
        assert done.status == UnavailableError.exit_status
        assert f"process {os.getpid()}" in done.err
        # A person can still say what is to be.
        held = fleet.on_desk("autopilot", "pause", TASK)
        assert held.status == 0
        assert "the autopilot goes on with it at its next look" in held.err


def test_a_task_that_cannot_be_looked_at_ends_with_try_again(fleet):
    fleet.on_desk("autopilot", "once")
    with cockpit(fleet.central) as found, found.plans.transaction():
        found.plans.set_plan(TASK, b"{}")
    done = fleet.on_desk("autopilot", "once")
    assert (done.status, f"{TASK}: plan of {TASK}: " in done.err) == (75, True)


def test_it_looks_again_until_it_is_told_to_end(fleet):
    looks, ended = [], Event()
    path = fleet.central / "fleet.toml"
    path.write_text(path.read_text().replace('every = "1h"', 'every = "1ms"'))

    def tell(looked):
        looks.append(looked.path)
        if len(looks) == 3:
            ended.set()

    autopilot.run(fleet.central, tell=tell, ended=ended, is_once=False)
    assert [len(path) for path in looks] == [5, 1, 1]


def test_sigterm_ends_it_well(fleet):
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", MAIN, "autopilot", "run", "--dir", fleet.central],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        log = fleet.central / "log.jsonl"
        eventually(lambda: b'"to":"due"' in log.read_bytes(), within_s=30)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert f"{TASK}: watching -> due -> retraining -> watching -> due" in told
    entries = [json.loads(line) for line in log.read_bytes().splitlines()]
    assert entries[-1]["action"] == "decide"
