"""`forewarn qualify`: a verdict with reasons, whatever it is given."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent import __version__
from agent.cli import main
from tests.fakes.commands import document
from tests.fakes.onnx_files import constant, logistic, manifest_of, sha256

MODEL = logistic()
STARTERS = Path(__file__).parents[2] / "agent" / "starters"


@pytest.fixture
def printed(capsys):
    """Return what runs a command; gives its status, stdout and stderr."""

    def printed(*arguments):
        status = main(list(map(str, arguments)))
        out, err = capsys.readouterr()
        return SimpleNamespace(status=status, out=out, err=err)

    return printed


@pytest.fixture
def files(tmp_path):
    """Return what writes a model and a manifest, which is that of the first model."""

    def files(content=MODEL, *, pinned=None, **changes):
        paths = tmp_path / "model.onnx", tmp_path / "manifest.json"
        paths[0].write_bytes(content)
        paths[1].write_bytes(manifest_of(pinned or content, **changes))
        return paths

    return files


def judged(printed, model, manifest):
    """Return status and reasons of a model with its manifest."""
    done = printed("qualify", model, "--manifest", manifest, "--json")
    found = json.loads(done.out)
    assert done.err.splitlines() == found["reasons"]
    return done.status, found


@pytest.mark.parametrize("task", sorted(path.name for path in STARTERS.iterdir()))
def test_what_the_package_ships_qualifies(task):
    model = STARTERS / task / "model.onnx"
    found = document("qualify", model, "--manifest", model.with_name("manifest.json"))
    assert (found["verdict"], found["is_tried"]) == ("qualified", True)
    assert found["sha256"] == sha256(model.read_bytes())
    assert 0 < found["latency_ms"] < 5
    assert 0 < found["memory_mb"] < 64


def test_people_read_the_verdict_and_what_a_scoring_costs(files, printed):
    model, manifest = files()
    done = printed("qualify", model, "--manifest", manifest)
    assert (done.status, done.err) == (0, "")
    words = done.out.rstrip().split(", ")
    assert words[0] == "qualified"
    assert [word.split(" ", 1)[1] for word in words[1:]] == [
        "ms a scoring",
        "MB of memory",
    ]


def test_a_model_without_a_manifest_is_only_read(files, printed):
    model, _ = files()
    done = printed("qualify", model)
    assert (done.status, done.out) == (0, "qualified, as far as read\n")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param(
            {"golden": [{"features": [0, 0], "score": [0.7]}]},
            "golden vector 1: expected [0.7] within 0.0001, got [0.5]",
            id="another_score",
        ),
        pytest.param(
            {"golden": []},
            "golden: expected a vector to try the model with",
            id="nothing_to_try_it_with",
        ),
        pytest.param(
            {"requires": {"agent": ">=99"}},
            f"requires.agent: expected >=99, this agent is {__version__}",
            id="a_newer_agent",
        ),
        pytest.param(
            {"pinned": logistic([1, 2])},
            f"model.sha256: expected {sha256(logistic([1, 2]))}, got {sha256(MODEL)}",
            id="another_file",
        ),
        pytest.param(
            {"model": ..., "decision": ..., "golden": ...},
            "model: the manifest is a survey's, which has none",
            id="a_survey",
        ),
        pytest.param(
            {"version": 0},
            "manifest: Expected `int` >= 1 - at `$.version`",
            id="a_manifest_that_cannot_be_understood",
        ),
    ],
)
def test_what_is_refused_is_refused_with_the_reason(changes, reason, files, printed):
    status, found = judged(printed, *files(**changes))
    assert (status, found["verdict"]) == (3, "refused")
    assert found["reasons"] == [reason]


def test_every_reason_is_told_not_only_the_first(files, printed):
    model, manifest = files(
        requires={"agent": ">=99", "metrics": ["system.unknown"]},
        golden=[{"features": [0, 0], "score": [0.7]}],
    )
    _, found = judged(printed, model, manifest)
    assert [reason.split(":")[0] for reason in found["reasons"]] == [
        "metrics unknown to this agent",
        "requires.agent",
        "golden vector 1",
    ]
    assert found["latency_ms"] > 0


def test_a_model_that_answers_no_number_is_refused(files, printed):
    status, found = judged(printed, *files(constant(float("nan"))))
    assert status == 3
    assert "expected a probability in 0..1, got nan" in found["reasons"][0]


@pytest.mark.parametrize("content", [b" ", b"\0" * 5000, b"<html></html>"])
def test_what_is_no_model_is_refused(content, files, printed):
    status, found = judged(printed, *files(content))
    assert (status, found["verdict"], len(found["reasons"])) == (3, "refused", 1)


def test_a_file_that_is_too_long_is_not_read(tmp_path, printed):
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.truncate(10 * 10**9)
    done = printed("qualify", path)
    assert (done.status, done.out) == (3, "refused\n")
    assert done.err == f"{path}: expected at most 64.0 MB, got 10.0 GB\n"


@pytest.mark.parametrize("is_manifest", [False, True], ids=["model", "manifest"])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        pytest.param("nothing", "No such file or directory", id="nothing_there"),
        pytest.param("folder", "Is a directory", id="a_folder"),
        pytest.param("pipe", "expected a regular file", id="a_pipe"),
        pytest.param("device", "expected a regular file", id="a_device"),
    ],
)
def test_what_cannot_be_read_is_untried(kind, words, is_manifest, tmp_path, printed):
    odd = tmp_path / kind
    match kind:
        case "folder":
            odd.mkdir()
        case "pipe":
            os.mkfifo(odd)
        case "device":
            odd.symlink_to("/dev/zero")
    good = tmp_path / "good"
    good.write_bytes(MODEL)
    paths = (good, odd) if is_manifest else (odd, good)
    status, found = judged(printed, *paths)
    assert (status, found["verdict"]) == (1, "untried")
    assert found["reasons"] == [f"{odd}: {words}"]


def test_where_nothing_can_be_written_the_model_is_untried(
    files, printed, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    status, found = judged(printed, *files())
    assert (status, found["verdict"]) == (1, "untried")
    assert found["reasons"][0].startswith("trial: cannot be prepared: ")


def test_nothing_is_left_behind(files, printed, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    assert judged(printed, *files())[0] == 0
    assert list(scratch.iterdir()) == []
