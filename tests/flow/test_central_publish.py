"""`forewarn-central publish`: what is completed, what is refused, what is signed."""

import hashlib
import json
import os
import sys

import numpy as np
import pytest

from agent.core.manifest import parse_manifest
from agent.errors import UnavailableError
from central.adapters.published import FolderShelf
from central.adapters.qualifier import AgentQualifier
from central.adapters.repository.desk import SigningDesk
from tests.fakes.fleet import MODELS, TASK, Fleet
from tests.fakes.hostile_onnx import loop
from tests.fakes.hostile_runs import crash_einsum
from tests.fakes.onnx_files import (
    IR,
    OPSET,
    SERIES,
    constant,
    linear,
    logistic,
    manifest_of,
    sha256,
)

MODEL = MODELS[0]
PATHS = f"models/{TASK}/1"


@pytest.fixture
def fleet(tmp_path, capsys):
    return Fleet(tmp_path, capsys)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    fleet = Fleet(tmp_path_factory.mktemp("one"))
    fleet.publish_all(1)
    return fleet


def signed(fleet):
    """Return what the release role signs for in the published repository."""
    return FolderShelf(fleet.repository).targets(f"release-{TASK}")


def metadata(fleet):
    return {path.name: path.read_bytes() for path in fleet.repository.glob("m*/*")}


def test_a_release_is_published_with_its_model_and_its_digest(fleet):
    done = fleet.publish()
    first, release, model, *_ = done.out.splitlines()
    content = fleet.target(f"{PATHS}/manifest.json").read_bytes()
    assert (done.status, done.err) == (0, "")
    assert first == f"{TASK} version 1: published"
    assert release.split() == ["release", sha256(content)]
    assert model.split() == ["model", sha256(MODEL)]
    assert fleet.target(f"{PATHS}/model.onnx").read_bytes() == MODEL
    assert {path: target.sha256 for path, target in signed(fleet).items()} == {
        f"{PATHS}/manifest.json": sha256(content),
        f"{PATHS}/model.onnx": sha256(MODEL),
    }


def test_what_a_file_shows_need_not_be_written(fleet):
    assert fleet.publish(MODEL, model={}).status == 0
    manifest = parse_manifest(fleet.target(f"{PATHS}/manifest.json").read_bytes())
    assert manifest == parse_manifest(manifest_of(MODEL))


@pytest.mark.parametrize("output", ["(n,1)", "(n,)", "(n,2)"])
def test_golden_vectors_are_made_where_none_are_given(output, fleet):
    model = logistic([1, -1], output=output)
    assert fleet.publish(model, golden=..., missing="skip").status == 0
    manifest = parse_manifest(fleet.target(f"{PATHS}/manifest.json").read_bytes())
    assert len(manifest.golden) == 7
    for vector in manifest.golden:
        logit = np.dot(vector.features, [1, -1])
        assert vector.score[0] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)


def test_a_model_that_says_it_takes_gaps_must_answer_them(fleet):
    before = metadata(fleet)
    done = fleet.publish(golden=..., missing="nan")
    assert (done.status, done.out) == (3, "not published: no agent would take it\n")
    assert done.err == (
        "model: answers [nan] to a row with gaps; train it with gaps, or set missing "
        'to "skip"\n'
    )
    assert metadata(fleet) == before


def test_a_value_is_published_with_tolerances_of_its_size(fleet):
    target = {
        "kind": "value",
        "expression": f"avg_over_time({SERIES}[5m])",
        "ahead": "10m",
        "quantiles": [0.1, 0.9],
    }
    done = fleet.publish(
        linear([[1000, 2000], [0, 0]]),
        target=target,
        decision=...,
        golden=...,
        missing="skip",
    )
    assert done.status == 0, done
    manifest = parse_manifest(fleet.target(f"{PATHS}/manifest.json").read_bytes())
    greatest = max(manifest.golden, key=lambda vector: vector.score[1])
    assert greatest.score == pytest.approx((1000, 2000))
    assert greatest.tolerance == pytest.approx(0.2)


def test_a_survey_is_published_without_a_model(fleet):
    done = fleet.publish(None)
    assert (done.status, done.err) == (0, "")
    assert list(signed(fleet)) == [f"{PATHS}/manifest.json"]


def test_a_survey_that_no_agent_can_compute_is_refused(fleet):
    done = fleet.publish(None, requires={"metrics": ["system.unknown"]})
    assert done.status == 3
    assert done.err == "metrics unknown to this agent: system.unknown\n"


def test_a_bundle_is_published_beside_the_model(fleet, tmp_path):
    bundle = tmp_path / "model.sig"
    bundle.write_bytes(b'{"mediaType": "..."}')
    assert fleet.publish(MODEL, "--signature", bundle).status == 0
    assert f"{PATHS}/model.sig" in signed(fleet)
    assert fleet.target(f"{PATHS}/model.sig").read_bytes() == bundle.read_bytes()


def test_a_bundle_without_a_model_is_no_command(fleet, tmp_path):
    assert fleet.publish(None, "--signature", tmp_path / "x").status == 2


def test_the_result_is_told_in_json_too(fleet):
    paths = fleet.drafts / "model.onnx", fleet.drafts / "manifest.json"
    paths[0].write_bytes(MODEL)
    paths[1].write_bytes(manifest_of(MODEL))
    found = fleet.document("publish", paths[0], "--manifest", paths[1])
    content = fleet.target(f"{PATHS}/manifest.json").read_bytes()
    assert (found["task"], found["version"]) == (TASK, 1)
    assert found["digest"] == hashlib.sha256(content).hexdigest()
    assert (found["model"], found["waiting"]) == (sha256(MODEL), [])


@pytest.mark.parametrize(
    ("model", "changes", "words"),
    [
        pytest.param(b"<html></html>", {}, "scan: ", id="a_page"),
        pytest.param(MODEL[:50], {}, "scan: ", id="a_cut_model"),
        pytest.param(loop(), {}, "scan: op: ", id="endless"),
        pytest.param(crash_einsum(), {}, "scan: ", id="kills_the_runtime"),
        pytest.param(
            MODEL,
            {"model": {"output": "other"}, "golden": ...},
            "Invalid output name:other",
            id="an_output_that_is_not_there",
        ),
        pytest.param(
            constant(float("nan")), {}, "expected a probability in 0..1", id="nan"
        ),
        pytest.param(constant(7.0), {"golden": ...}, "0..1, got 7", id="out_of_range"),
        pytest.param(
            MODEL,
            {"golden": [{"features": [0, 0], "score": [0.9]}]},
            "golden vector 1: expected [0.9]",
            id="another_score",
        ),
        pytest.param(
            MODEL,
            {"requires": {"agent": ">=99"}},
            "requires.agent: expected >=99",
            id="no_such_agent",
        ),
    ],
)
def test_what_no_agent_would_take_is_not_signed(model, changes, words, fleet):
    before = metadata(fleet)
    done = fleet.publish(model, **changes)
    assert (done.status, done.out) == (3, "not published: no agent would take it\n")
    assert words in done.err
    assert metadata(fleet) == before


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        pytest.param(
            {"model": {"opset": OPSET + 1, "ir": IR}},
            1,
            f"manifest: model.opset: expected {OPSET}, as the file shows, got 18",
            id="a_contradiction",
        ),
        pytest.param(
            {"version": 1},
            1,
            "version: expected more than 1, the newest that is published; got 1",
            id="a_version_that_is_there",
        ),
        pytest.param(
            {"task": "other"},
            1,
            f"other: no such task in this repository (known: {TASK})",
            id="an_unknown_task",
        ),
        pytest.param(
            {"surprise": 1}, 1, "contains unknown field `surprise`", id="unknown_key"
        ),
    ],
)
def test_what_cannot_be_published_is_told_and_nothing_signed(
    changes, status, words, one, tmp_path, capsys
):
    fleet = Fleet(tmp_path, capsys, like=one)
    before = metadata(fleet)
    done = fleet.publish(MODELS[1], **{"version": 2} | changes)
    assert (done.status, done.out) == (status, "")
    assert words in done.err
    assert metadata(fleet) == before


def test_a_manifest_that_speaks_of_a_model_needs_its_file(fleet):
    paper = fleet.drafts / "manifest.json"
    paper.write_bytes(manifest_of(MODEL))
    done = fleet.on_desk("publish", "--manifest", paper)
    assert done.status == 1
    assert "has a model, but its file was not given" in done.err


@pytest.mark.parametrize("place", ["model", "manifest"])
def test_what_is_no_file_is_told(place, fleet):
    paths = {name: fleet.drafts / name for name in ("model", "manifest")}
    for path in paths.values():
        path.write_bytes(b"")
    paths[place].unlink()
    os.mkfifo(paths[place])
    done = fleet.on_desk("publish", paths["model"], "--manifest", paths["manifest"])
    assert done.status == 1
    assert f"{place}: expected a regular file" in done.err or place == "model"


def test_a_release_that_lacks_signatures_is_pending_and_says_whose(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys, counts={"release": (2, 2)})
    (fleet.central / "keys" / f"release-{TASK}-2.pem").unlink()
    done = fleet.publish()
    assert done.status == 3
    assert done.out.startswith(f"{TASK} version 1: lacks signatures\n")
    assert f"release-{TASK}: 1 of 2 signatures; missing any 1 of:" in done.err
    assert signed(fleet) == {}
    again = fleet.publish()
    assert (again.status, again.out) == (1, "")
    assert "expected more than 1" in again.err


def test_a_publication_that_breaks_off_leaves_the_repository_as_it_was(
    fleet, monkeypatch
):
    fleet.publish_all(1)
    before = metadata(fleet)

    def broken(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(SigningDesk, "publish", broken)
        done = fleet.publish(MODELS[1], version=2)
    assert (done.status, "No space left" in done.err) == (1, True)
    assert metadata(fleet) == before
    found = fleet.run("verify", fleet.central)
    assert found.status == 0
    assert fleet.publish(MODELS[1], version=2).status == 0
    assert len(signed(fleet)) == 4


def test_an_agent_that_gives_no_answer_is_nobodys_fault(fleet, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/bin/false")
        done = fleet.publish()
    assert done.status == 75
    assert "forewarn qualify: no answer, status 1: it said nothing" in done.err


def test_an_agent_that_takes_too_long_is_not_waited_for(fleet):
    path = fleet.drafts / "model.onnx"
    path.write_bytes(MODEL)
    with pytest.raises(UnavailableError, match=r"not over after 0\.01 s"):
        AgentQualifier(wall_s=0.01).judgement(path)


def test_an_agent_that_says_something_else_is_not_believed(fleet, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    with pytest.raises(UnavailableError, match="JSON is malformed"):
        AgentQualifier().judgement(fleet.drafts)


def test_where_the_agent_could_not_try_nothing_is_held_against_the_model(
    fleet, monkeypatch
):
    monkeypatch.setenv("TMPDIR", str(fleet.drafts / "model.onnx"))
    path = fleet.drafts / "gone"
    found = AgentQualifier().judgement(path)
    assert (found.standing, found.facts) == ("untried", None)
    assert found.reasons == (f"{path}: No such file or directory",)


def test_a_published_manifest_is_the_same_bytes_however_it_was_written(
    tmp_path, capsys
):
    digests = set()
    for number, indent in enumerate((None, 4)):
        (tmp_path / str(number)).mkdir()
        fleet = Fleet(tmp_path / str(number), capsys)
        (fleet.drafts / "model").write_bytes(MODEL)
        content = json.loads(manifest_of(MODEL))
        (fleet.drafts / "m").write_text(json.dumps(content, indent=indent))
        found = fleet.document(
            "publish", fleet.drafts / "model", "--manifest", fleet.drafts / "m"
        )
        digests.add(found["digest"])
    assert len(digests) == 1
