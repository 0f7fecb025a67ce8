"""What a new host is told of tasks that wait for its own past."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.registry import SqliteRegistry
from agent.cli import main
from agent.core.lineup import LineUp
from agent.core.rollup import RollUp
from agent.core.sample import Sample
from tests.fakes.ledger import NOTHING, tick
from tests.fakes.onnx_files import SERIES, manifest_of

START = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DIGEST = "d" * 64
UNUSUAL = {
    "kind": "event",
    "series": SERIES,
    "condition": f"> quantile_over_time(0.99, {SERIES}[1d])",
    "within": "15m",
}


@pytest.fixture
def host(tmp_path, capsys):
    """Return what a command says on a host that was sampled for so many minutes."""
    state = tmp_path / "state"

    def host(*arguments, minutes):
        path = state / "forewarn.db"
        with SqliteRegistry.open(path) as registry, registry.transaction():
            survey = manifest_of(None, target=UNUSUAL)
            registry.admit(digest=DIGEST, manifest=survey, at=START)
            registry.set_lineup(LineUp(task="cpu-busy", active=DIGEST))
        with SqliteLedger.open(path) as ledger:
            for n in range(minutes):
                ledger.add(lived(START + (n + 1) * MINUTE))
            ledger.commit(NOTHING)
        main([*arguments, "--state-dir", str(state)])
        return capsys.readouterr().out

    return host


def lived(at):
    values = np.array([0.5], dtype=np.float32)
    rolled_up = RollUp(at=at, layout=(SERIES,), means=values, maxima=values)
    sample = Sample(at=at, layout=(SERIES,), values=values)
    return replace(tick(0), sample=sample, rollups=[rolled_up])


@pytest.mark.parametrize("command", ["tasks", "status"])
def test_a_new_host_says_what_its_task_waits_for(host, command):
    assert (
        f"cpu-busy waits for history: needs 19 h 12 min of {SERIES}, has 3 h"
    ) in host(command, minutes=180).splitlines()


def test_the_same_is_told_to_programs(host):
    (task,) = json.loads(host("tasks", "--json", minutes=2))
    assert task["waits_for"] == {"series": SERIES, "needs_s": 69_120.0, "has_s": 120.0}


def test_a_host_with_enough_of_a_past_waits_for_nothing(host):
    (task,) = json.loads(host("tasks", "--json", minutes=24 * 60))
    assert task["waits_for"] is None


def test_before_the_first_sample_nothing_is_said(host):
    assert "waits" not in host("tasks", minutes=0)
