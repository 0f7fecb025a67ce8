"""Documents that came before: the very bytes that were signed, or none."""

import os

import pytest
from tuf.api.metadata import TargetFile

from agent.adapters.repository import documents
from agent.adapters.repository.documents import Documents
from tests.fakes.onnx_files import sha256

CONTENT = b"{}"
NAME = sha256(CONTENT)


def signed(name=NAME, *, length=2, algorithm="sha256"):
    return TargetFile(length, {algorithm: name}, "pointer.json")


def test_what_was_kept_is_found(tmp_path):
    found = Documents(tmp_path / "made")
    assert found.get(signed()) is None
    found.keep(CONTENT)
    assert found.get(signed()) == CONTENT
    assert found.get(signed(length=3)) is None


@pytest.mark.parametrize("name", ["", "a\0b", "../secret", "/etc/passwd", NAME.upper()])
def test_a_name_that_is_no_digest_is_never_looked_up(tmp_path, name):
    assert Documents(tmp_path).get(signed(name)) is None
    assert Documents(tmp_path).get(signed(NAME, algorithm="sha512")) is None


def test_a_changed_document_is_none(tmp_path):
    (tmp_path / NAME).write_bytes(b"[]")
    assert Documents(tmp_path).get(signed()) is None


def in_the_way(path, kind):
    match kind:
        case "folder":
            (path / "below").mkdir(parents=True)
        case "fifo":
            os.mkfifo(path)
        case "link":
            path.symlink_to("secret")


@pytest.mark.parametrize("kind", ["folder", "fifo", "link"])
@pytest.mark.parametrize("name", [NAME, f"{NAME}.part"])
def test_what_is_in_the_way_goes_and_no_link_is_followed(tmp_path, kind, name):
    (tmp_path / "secret").write_bytes(b"kept")
    in_the_way(tmp_path / name, kind)
    found = Documents(tmp_path)
    assert found.get(signed()) is None
    found.keep(CONTENT)
    assert found.get(signed()) == CONTENT
    assert (tmp_path / "secret").read_bytes() == b"kept"


def test_the_oldest_go_whatever_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "_KEPT", 1)
    for kind in ("folder", "fifo", "link"):
        in_the_way(tmp_path / kind, kind)
        os.utime(tmp_path / kind, (0, 0), follow_symlinks=False)
    Documents(tmp_path).keep(CONTENT)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
