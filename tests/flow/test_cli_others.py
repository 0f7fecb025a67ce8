"""The commands that read no ledger: replay, update, metrics; and how each ends."""

import json
import re
from types import SimpleNamespace

import click
import pytest

from agent.adapters.clock import SystemClock
from agent.cli import LazyGroup, main
from agent.core.metrics import CATALOGUE
from tests.fakes.commands import CPU, counts, trace_file
from tests.fakes.onnx_files import logistic, manifest_of
from tests.fakes.signed import Publisher

MODEL = logistic()


@pytest.fixture
def printed(capsys):
    """Return what runs a command; gives its status, stdout and stderr."""

    def printed(*arguments):
        status = main(list(map(str, arguments)))
        out, err = capsys.readouterr()
        return SimpleNamespace(status=status, out=out, err=err)

    return printed


# --- replay


@pytest.fixture
def trace(tmp_path):
    return trace_file(tmp_path / "t.csv", rows=300)


def test_a_replay_in_json_agrees_with_the_ledger_it_keeps(trace, tmp_path, printed):
    release = ("--release", "cpu-saturation")
    done = printed("replay", trace, *release, "--keep", tmp_path / "kept", "--json")
    found = json.loads(done.out)
    kept = counts(tmp_path / "kept")
    assert (done.status, done.err) == (0, "")
    assert (found["trace"], found["interval_s"]) == ("t.csv", 10)
    assert found["ticks"] == kept["samples"] == 300
    assert found["moments"] == kept["moments"]
    assert found["resolved"] == sum(kept["outcomes"].values())
    assert found["still_open"] == kept["open"]
    assert found["events"] == []
    assert len(found["scorecards"]) >= 2


def test_a_replay_for_people_is_a_line_and_a_table(trace, printed):
    done = printed("replay", trace, "--release", "cpu-saturation")
    first, nothing, header, *rows = done.out.splitlines()
    assert re.fullmatch(
        r"t\.csv: 49 min 50 s of a host in [\d.]+ s \([\d,]+ ticks/s\): 300 ticks, "
        r"\d+ predictions, \d+ resolved, \d+ still open",
        first,
    )
    assert nothing == ""
    assert header.split()[:3] == ["task", "role", "release"]
    assert [row.split()[1] for row in rows] == ["active", "baseline"]
    assert (done.status, done.err) == (0, "")


def test_a_replay_leaves_no_folder_behind(trace, tmp_path, printed, monkeypatch):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    assert printed("replay", trace).status == 0
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_a_trace_lacks_is_told_and_the_rest_goes_on(tmp_path, printed):
    path = tmp_path / "t.csv"
    rows = "".join(f"{10 * n},0.1\n" for n in range(30))
    path.write_text(f"timestamp,load\n{rows}")
    done = printed("replay", path, "--rename", f"load={CPU}")
    assert done.status == 0
    left_out = {
        (
            "left out: filesystem-full needs "
            'system.filesystem.utilization{mountpoint="$entity"}, '
            "which t.csv does not have"
        ),
        (
            "left out: memory-pressure needs system.memory.utilization, "
            "which t.csv does not have"
        ),
    }
    assert left_out < set(done.err.splitlines())
    assert "cpu-saturation needs" not in done.err


def test_a_release_that_cannot_score_is_a_finding(trace, tmp_path, printed):
    folder = tmp_path / "release"
    folder.mkdir()
    model = MODEL[:-20]  # signed as it is, and still no model
    (folder / "model.onnx").write_bytes(model)
    (folder / "manifest.json").write_bytes(manifest_of(model))
    done = printed("replay", trace, "--release", folder, "--json")
    assert done.status == 3
    told = r"2024-05-01T12:\d\d:\d\dZ release_unusable task=cpu-busy version=1 digest="
    assert re.match(told, done.err)
    found = json.loads(done.out)
    names = [event["name"] for event in found["events"]]
    assert names == ["release_unusable", "release_rolled_back", "lineup_changed"]
    assert {card["role"] for card in found["scorecards"]} == {"baseline"}


# --- update


@pytest.fixture
def enrolled(tmp_path):
    """Return a publisher, and the options of a host that is enrolled with it."""
    publisher = Publisher(tmp_path / "central", now=SystemClock().now())
    (tmp_path / "root.json").write_bytes(publisher.root)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[central]\nurl = "{publisher.folder}"\n'
        f'trust_root = "{tmp_path / "root.json"}"\n'
    )
    return publisher, ["--config", config, "--state-dir", tmp_path / "state"]


def test_an_update_says_what_was_taken_in_and_then_that_nothing_is_new(
    enrolled, printed
):
    publisher, options = enrolled
    publisher.offer("cpu-busy", manifest_of(MODEL), MODEL)
    done = printed("update", *options)
    assert re.fullmatch(
        r"cpu-busy version 1 taken in as active \([0-9a-f]{12}\)\n", done.out
    )
    assert (done.status, done.err) == (0, "")
    done = printed("update", *options)
    assert (done.status, done.out) == (0, "nothing new; 1 task on offer\n")
    found = json.loads(printed("update", *options, "--json").out)
    assert (found["job"], found["status"]) == ("update", 0)
    assert found["result"]["checked"] == ["cpu-busy"]


def test_a_refused_offer_is_status_3_and_told_once(enrolled, printed):
    publisher, options = enrolled
    publisher.offer("cpu-busy", manifest_of(MODEL, golden=[]), MODEL)
    done = printed("update", *options)
    assert (done.status, done.out) == (3, "nothing new; 1 task on offer\n")
    assert done.err.startswith("cpu-busy refused: golden: expected a vector")
    assert done.err.count("\n") == 1


def test_a_failed_update_is_in_json_too(enrolled, printed, tmp_path):
    _, options = enrolled
    (tmp_path / "root.json").write_text("{}")
    done = printed("update", *options, "--json")
    found = json.loads(done.out)
    assert done.status == found["status"] != 0
    assert done.err == f"forewarn: {found['error']}\n"


# --- metrics


def test_metrics_lists_the_catalogue_with_values(printed):
    done = printed("metrics", "--json")
    found = json.loads(done.out)
    assert done.status == 0
    assert [one["name"] for one in found] == [metric.name for metric in CATALOGUE]
    by_name = {one["name"]: one for one in found}
    (value,) = by_name["system.memory.limit"]["values"].values()
    assert value > 1e8
    assert 0 <= by_name[CPU]["values"][CPU] <= 1
    assert by_name[CPU]["unit"] == "1"


def test_metrics_for_people_scale_bytes_and_explain_once(printed):
    lines = printed("metrics").out.splitlines()
    assert re.split(r" {2,}", lines[0]) == ["series", "value", "unit", "meaning"]
    (limit,) = [line for line in lines if line.startswith("system.memory.limit ")]
    assert re.search(r" [\d.]+  [kMGT]By +Memory in all\.$", limit)
    used = [line for line in lines if line.startswith("system.memory.usage{")]
    assert [bool(re.search(r"By {2,}\S", line)) for line in used] == [
        True,
        *[False] * (len(used) - 1),
    ]


# --- how all of them end


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(13, "Permission denied", "/x"), "/x: Permission denied"),
    ],
)
def test_what_the_system_refuses_is_one_line(error, words, printed, monkeypatch):
    @click.command()
    def fails() -> None:
        raise error

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: fails)
    done = printed("fails")
    assert (done.status, done.out, done.err) == (1, "", f"forewarn: {words}\n")


def test_a_bug_of_ours_is_one_line_with_the_place(printed, monkeypatch):
    @click.command()
    def fails() -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: fails)
    done = printed("fails")
    assert done.status == 1
    assert re.fullmatch(
        r"forewarn: ZeroDivisionError: division by zero at \w+ in .*\.py:\d+; "
        r"this is a bug, please report it\n",
        done.err,
    )
