"""What a signed document says, in clear."""

import json

import pytest

from central.core.reading import is_readable, reading
from tests.fakes.onnx_files import logistic, manifest_of, sha256

POINTER = "channels/cpu-busy/stable.json"
MODEL = logistic()


def pointer(**changes):
    content = {
        "schema": 1,
        "task": "cpu-busy",
        "channel": "stable",
        "serial": 4,
        "manifest": "models/cpu-busy/2/manifest.json",
        "sha256": "ab" * 32,
        "length": 5,
        "version": 2,
        "rollout": {"percent": 25, "salt": "s"},
    }
    return json.dumps(content | changes).encode()


@pytest.mark.parametrize(
    ("path", "is_document"),
    [
        (POINTER, True),
        ("models/cpu/1/manifest.json", True),
        ("models/cpu/1/model.onnx", False),
        ("channels/stable.json", False),
    ],
)
def test_pointers_and_manifests_can_be_read(path, is_document):
    assert is_readable(path) is is_document


def test_a_pointer_says_what_may_run_where():
    assert reading(POINTER, pointer(revoked=["cd" * 32])) == [
        "task: cpu-busy",
        "version: 2",
        f"release: {'ab' * 32}",
        "percent: 25 of hosts",
        "salt: s",
        "floor: 1",
        f"revoked: {'cd' * 32}",
        "not before: at once",
        "serial: 4",
    ]


def test_what_changes_is_said():
    later = pointer(rollout=None, not_before="2027-01-02T03:04:00+01:00")
    said = reading(POINTER, later, before=pointer())
    assert "percent: 100 of hosts (was: 25 of hosts)" in said
    assert "not before: 2027-01-02 02:04 UTC (was: at once)" in said
    assert "version: 2" in said


def test_what_it_held_before_may_be_unreadable():
    assert reading(POINTER, pointer(), before=b"{}") == reading(POINTER, pointer())


def test_a_document_that_cannot_be_read_says_so():
    (said,) = reading(POINTER, b"{}")
    assert said.startswith("cannot be read: pointer of cpu-busy: ")


def test_a_manifest_says_what_it_is_about():
    document = manifest_of(MODEL, title="Busy")
    said = reading("models/cpu-busy/1/manifest.json", document)
    assert "title: Busy" in said
    assert f"release: {sha256(document)}" in said
    assert f"model: {sha256(MODEL)}" in said
    survey = reading("models/cpu-busy/1/manifest.json", manifest_of(None))
    assert "model: none: a survey" in survey
