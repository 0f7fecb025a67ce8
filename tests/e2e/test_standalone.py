"""`forewarn run --standalone` as a person tries it first: one command, no central."""

from time import monotonic

import pytest

from tests.fakes.commands import (
    STARTERS,
    counts,
    document,
    eventually,
    forewarn,
    rows_of,
    running,
)

FIRST_PREDICTION_S = 15.0


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """Return a state folder in which a standalone daemon ran, and what it was like."""
    folder = tmp_path_factory.mktemp("standalone")
    (folder / "config.toml").write_text(
        '[agent]\ninterval = "1s"\n[store]\ncommit_every = "1s"\n'
    )
    options = ["--config", folder / "config.toml", "--state-dir", folder / "state"]
    state = folder / "state"

    def has_predicted():
        return (state / "forewarn.db").exists() and counts(state)["moments"]

    begun = monotonic()
    journal = folder / "journal"
    with running("--standalone", *options, journal=journal) as daemon:
        eventually(has_predicted, within_s=FIRST_PREDICTION_S)
        first_s = monotonic() - begun
        eventually(lambda: counts(state)["samples"] > 3)
        status = document("status", *options)
        text = forewarn("status", *options)
        update = document("update", "--standalone", *options)
        assert daemon.stop() == 0
    return {
        "options": options,
        "state": state,
        "first_s": first_s,
        "status": status,
        "text": text,
        "update": update,
        "journal": daemon.journal,
    }


def test_the_first_prediction_is_there_within_15_seconds(lived):
    assert lived["first_s"] < FIRST_PREDICTION_S


def test_status_is_well_while_it_runs(lived):
    status = lived["status"]
    assert (status["is_well"], status["findings"]) == (True, [])
    assert [task["task"] for task in status["tasks"]] == STARTERS
    assert all(task["active"] for task in status["tasks"])
    assert (status["trust"]["state"], status["trust"]["reason"]) == ("fresh", None)
    assert lived["text"].returncode == 0
    assert lived["text"].stdout.splitlines()[0].endswith(": well")
    assert "no outcome yet" in lived["text"].stdout


def test_every_starter_is_signed_here_and_taken_in(lived):
    assert (lived["state"] / "repository" / "metadata" / "root.json").exists() or list(
        (lived["state"] / "repository" / "metadata").glob("*.root.json")
    )
    releases = document("releases", *lived["options"])
    assert [each["task"] for each in releases] == STARTERS
    assert {each["role"] for each in releases} == {"active"}
    files = {path.stem for path in (lived["state"] / "models").glob("*.onnx")}
    assert files == {each["model"]["sha256"] for each in releases}


def test_an_update_beside_the_daemon_finds_nothing_new(lived):
    assert lived["update"]["result"] == {
        "checked": STARTERS,
        "admitted": [],
        "refused": [],
        "held_back": [],
        "withdrawn": [],
        "restored": [],
    }


def test_after_it_ended_status_agrees_with_sqlite(lived):
    status = document("status", *lived["options"], status=3)
    found = counts(lived["state"])
    assert {key: status["ledger"][key] for key in found} == found
    assert status["findings"] == [
        "the daemon is not running: nothing is sampled or predicted"
    ]


def test_the_predictions_are_those_of_sqlite(lived):
    listed = document("predictions", *lived["options"], "--limit", 1000)
    rows = rows_of(
        lived["state"], "select id, task, entity from moments order by id desc"
    )
    assert [(one["id"], one["task"], one["entity"]) for one in listed] == rows
    roles = {role["role"] for one in listed for role in one["predictions"]}
    assert roles == {"active", "baseline"}


def test_a_quiet_run_tells_a_handful_of_events(lived):
    lines = lived["journal"].splitlines()
    begun = next(n for n, line in enumerate(lines) if "daemon_started" in line)
    assert lines[begun].endswith("info    daemon_started interval_s=1")
    # Before that, the courier told what it took in.
    assert {line.split()[2] for line in lines[:begun]} == {
        "repository_prepared",
        "release_admitted",
        "release_activated",
        "update_finished",
    }
    assert lines[-1].endswith("info    daemon_stopped")
    assert [line for line in lines if " error " in line or "Traceback" in line] == []
    assert len(lines[begun:]) < 10
