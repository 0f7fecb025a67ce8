"""An operator's day with a real daemon: every wish by its own command, answered."""

import pytest

from tests.fakes.commands import counts, document, eventually, forewarn, running

TASK = "memory-pressure"


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """Return what the commands printed, while a daemon ran, while none did, after."""
    folder = tmp_path_factory.mktemp("operator")
    (folder / "config.toml").write_text(
        '[agent]\ninterval = "1s"\n[store]\ncommit_every = "1s"\n'
    )
    options = ["--config", folder / "config.toml", "--state-dir", folder / "state"]

    def has_predicted():
        database = folder / "state" / "forewarn.db"
        return database.exists() and counts(folder / "state")["moments"] >= 2

    def said(*arguments):
        done = forewarn(*arguments, *options)
        return done.returncode, done.stdout + done.stderr

    told = {"options": options}
    with running("--standalone", *options, journal=folder / "first") as daemon:
        eventually(has_predicted, within_s=20)
        told["moment"] = document("predictions", "--task", TASK, *options)[0]
        number = told["moment"]["id"]
        told["explained"] = document("explain", number, *options)
        told["labelled"] = said("label", number, "averted")
        told["pinned"] = said("pin", TASK, 1)
        told["unpinned"] = said("unpin", TASK)
        told["unpinned twice"] = said("unpin", TASK)
        told["rolled back"] = said("rollback", TASK)
        eventually(lambda: "v1" not in said("tasks")[1], within_s=10)
        assert daemon.stop() == 0
    told["without a daemon"] = said("quarantine", "clear", TASK, 1)
    told["still there"] = document("quarantine", "list", *options)
    with running("--standalone", *options, journal=folder / "second") as daemon:
        eventually(lambda: "nothing" in said("quarantine", "list")[1], within_s=20)
        told["history"] = document("history", *options)
        told["outcomes"] = document("outcomes", "--task", TASK, *options)
        assert daemon.stop() == 0
    return told


def test_each_wish_is_carried_out_and_said_so(day):
    wishes = ("labelled", "pinned", "unpinned", "rolled back")
    assert [day[wish][0] for wish in wishes] == [0, 0, 0, 0], day
    assert "version 1 is pinned" in day["pinned"][1]
    assert "the baseline speaks" in day["rolled back"][1]


def test_what_cannot_be_is_turned_down_with_the_reason(day):
    assert day["unpinned twice"][0] == 1
    assert "nothing is pinned" in day["unpinned twice"][1]


def test_a_prediction_is_explained_to_the_last_bit(day):
    again = [each["verdict"] for each in day["explained"]["answers"]]
    assert "same" in again
    assert "differs" not in again


def test_an_averted_prediction_counts_neither_way(day):
    found = {each["id"]: each["outcome"] for each in day["outcomes"]}
    assert found[day["moment"]["id"]]["void"] == "averted"


def test_a_wish_without_a_daemon_is_carried_out_by_the_next_one(day):
    status, words = day["without a daemon"]
    assert status == 0
    assert "no daemon runs" in words
    assert [each["version"] for each in day["still there"]] == [1]


def test_the_history_holds_every_turn_once_with_who_asked(day):
    of_task = [each for each in day["history"] if each["fields"].get("task") == TASK]
    of_task.reverse()
    names = [each["name"] for each in of_task]
    assert names[:8] == [
        "release_admitted",
        "release_activated",
        "prediction_labelled",
        "release_pinned",
        "release_unpinned",
        "request_refused",
        "release_rolled_back",
        "release_cleared",
    ]
    # The second daemon's own update comes before or after the answer.
    assert names[8:] in ([], names[:2])
    assert all(each["fields"]["by"] for each in of_task[2:8])
    assert of_task[5]["fields"]["asked"] == "unpin"
