"""`forewarn tuf-conformance`: what the public suite relies on, in a few cases of ours.

The suite itself (theupdateframework/tuf-conformance) drives the same command, in its
own folder, and needs no list of exceptions:

    pytest tuf_conformance --entrypoint "$(command -v forewarn) tuf-conformance"
"""

import json
import subprocess
import sys
from datetime import timedelta
from http.server import SimpleHTTPRequestHandler

import pytest

from agent.adapters.clock import SystemClock
from agent.cli import COMMANDS, main
from tests.fakes.http import serving
from tests.fakes.signed import Publisher, new_keys

NOW = SystemClock().now()
NAME = "files/content.bin"
CONTENT = b"content" * 1_000
TOP = ["root.json", "snapshot.json", "targets.json", "timestamp.json"]


@pytest.fixture
def publisher(tmp_path):
    publisher = Publisher(tmp_path / "repository", now=NOW)
    publisher.delegate("some-role", ["files/*"])
    publisher.put("some-role", NAME, CONTENT)
    publisher.sign("targets", "some-role", "snapshot", "timestamp")
    return publisher


@pytest.fixture
def asked(publisher):
    """Return what the server was asked for so far."""
    return []


@pytest.fixture
def command(publisher, asked, tmp_path):
    """Return a function that runs the command on a folder of its own."""

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_):
            pass

    with serving(publisher.folder, Handler) as url:

        def run(*words):
            given = ["--metadata-dir", str(tmp_path / "metadata")]
            given += ["--metadata-url", f"{url}/metadata"]
            given += ["--target-dir", str(tmp_path / "targets")]
            given += ["--target-base-url", f"{url}/targets"]
            return main(["tuf-conformance", *given, *words])

        root = tmp_path / "trusted.json"
        root.write_bytes(publisher.root)
        (tmp_path / "targets").mkdir()
        assert run("init", str(root)) == 0
        assert asked == []
        yield run


def kept(tmp_path):
    return sorted(path.name for path in (tmp_path / "metadata").glob("*.json"))


def test_a_refresh_keeps_the_roles_by_their_bare_names(command, tmp_path):
    assert command("refresh") == 0
    assert kept(tmp_path) == TOP
    root = json.loads((tmp_path / "metadata" / "root.json").read_bytes())
    assert root["signed"]["version"] == 1


def test_a_new_root_takes_the_place_of_the_old_one(command, publisher, tmp_path):
    assert command("refresh") == 0
    publisher.set_keys("root", [*publisher.keys["root"], *new_keys()])
    publisher.sign("root")
    assert command("refresh") == 0
    root = json.loads((tmp_path / "metadata" / "root.json").read_bytes())
    assert root["signed"]["version"] == 2


def test_a_download_brings_the_target_and_its_role(command, asked, tmp_path):
    assert command("--target-name", NAME, "download") == 0
    (target,) = (tmp_path / "targets").iterdir()
    assert target.read_bytes() == CONTENT
    assert kept(tmp_path) == sorted([*TOP, "some-role.json"])


def test_a_target_that_is_there_and_right_is_not_asked_for_again(
    command, asked, tmp_path
):
    assert command("--target-name", NAME, "download") == 0
    asked.clear()
    assert command("--target-name", NAME, "download") == 0
    assert not any("targets/" in path for path in asked)
    (target,) = (tmp_path / "targets").iterdir()
    target.write_bytes(b"other")
    assert command("--target-name", NAME, "download") == 0
    assert target.read_bytes() == CONTENT


def test_the_first_target_that_fails_ends_it(command, asked, tmp_path, capsys):
    names = ["--target-name", "files/none", "--target-name", NAME]
    assert command(*names, "download") == 1
    assert capsys.readouterr().err == "Error: files/none: no such target was signed\n"
    assert list((tmp_path / "targets").iterdir()) == []


@pytest.mark.parametrize("what", ["refresh", "download"])
def test_every_failure_ends_with_1_and_a_line(command, publisher, what, capsys):
    publisher.sign("timestamp", expires=NOW - timedelta(days=1))
    assert command("--target-name", NAME, what) == 1
    assert "Error: timestamp: expired at" in capsys.readouterr().err
    publisher.file("timestamp").unlink()
    assert command("--target-name", NAME, what) == 1
    assert "got 404 Not Found; tried again" in capsys.readouterr().err


def test_what_was_verified_before_a_failure_is_kept(command, publisher, tmp_path):
    publisher.sign("root")
    publisher.sign("timestamp", by=new_keys())
    assert command("refresh") == 1
    assert kept(tmp_path) == ["root.json"]
    root = json.loads((tmp_path / "metadata" / "root.json").read_bytes())
    assert root["signed"]["version"] == 2


def test_it_is_listed_nowhere(capsys):
    assert "tuf-conformance" not in COMMANDS
    assert main(["--help"]) == 0
    assert "conformance" not in capsys.readouterr().out


def test_it_starts_without_what_forecasting_needs():
    code = (
        "import sys; from agent.cli import main;"
        "main(['tuf-conformance', '--metadata-dir', 'x', 'refresh', '--help']);"
        "print({'numpy', 'onnxruntime', 'msgspec', 'psutil'} & set(sys.modules))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"
