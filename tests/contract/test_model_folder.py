"""The folder of models: whatever lies in it, the next update puts it in order."""

import os

import pytest

from agent.adapters.model_folder import ModelFolder
from agent.errors import StateError

DIGEST, OTHER = "ab" * 32, "cd" * 32
KINDS = ("folder", "fifo", "link", "dangling", "linked_folder")


@pytest.fixture
def outside(tmp_path):
    """Return a folder that links lead to, and that nothing may change."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"kept")
    yield outside
    assert (outside / "secret").read_bytes() == b"kept"


@pytest.fixture
def models(tmp_path):
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def put(path, kind, outside):
    match kind:
        case "folder":
            (path / "below").mkdir(parents=True)
            (path / "below" / "link").symlink_to(outside)
        case "fifo":
            os.mkfifo(path)
        case _:
            ends = {"link": "secret", "dangling": "nothing", "linked_folder": "."}
            path.symlink_to(outside / ends[kind])


def keep(folder, digest):
    folder.staging(digest).write_bytes(b"model")
    folder.keep(digest)


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_earlier_writer_left_goes_whatever_it_is(models, outside, kind):
    put(models / "left.part", kind, outside)
    ModelFolder(models)
    assert list(models.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_other_models_go_whatever_they_are(models, outside, kind):
    folder = ModelFolder(models)
    keep(folder, DIGEST)
    keep(folder, OTHER)
    put(models / "odd.onnx", kind, outside)
    folder.keep_only([DIGEST])
    assert [path.name for path in models.iterdir()] == [f"{DIGEST}.onnx"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_in_a_models_place_makes_way(models, outside, kind):
    put(models / f"{DIGEST}.onnx", kind, outside)
    folder = ModelFolder(models)
    assert not folder.has(DIGEST)
    keep(folder, DIGEST)
    assert folder.has(DIGEST)
    assert (models / f"{DIGEST}.onnx").read_bytes() == b"model"


def test_a_model_may_be_kept_again(models):
    folder = ModelFolder(models)
    keep(folder, DIGEST)
    keep(folder, DIGEST)
    assert folder.has(DIGEST)


def test_a_folder_that_cannot_be_is_the_operators(tmp_path):
    (tmp_path / "models").write_bytes(b"in the way")
    with pytest.raises(StateError, match=r"model folder: .*File exists"):
        ModelFolder(tmp_path / "models")
