"""`forewarn-central init` and `task add`, as an operator has them."""

import json
import subprocess
import sys

import pytest

from agent.errors import ConfigError
from central.cli import COMMANDS, LazyGroup, forewarn_central, main
from tests.fakes.keyholders import Host, founded, key_of, take_away


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "fleet"


def keys_made(folder):
    return sorted(path.stem for path in (folder / "keys").glob("*.pem"))


def test_a_repository_in_one_command(folder, tmp_path, capsys):
    assert main(["init", str(folder), "--task", "cpu", "--task", "disk"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == "published root"
    assert told.out.splitlines()[-1] == "published timestamp"
    assert f"hosts trust {folder}/repository/metadata/1.root.json\n" in told.err
    assert "move those of root and targets to where no network is" in told.err
    assert "PRIVATE" not in told.out + told.err
    host = Host(folder, cache=tmp_path / "host")
    assert host.target("channels/disk/stable.json") is None


def test_as_many_keys_as_are_asked_for(folder, capsys):
    arguments = ["--keys", "root=5/3", "--keys", "approve=1/1", "--task", "cpu"]
    assert main(["init", str(folder), *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waiting"] == []
    names = keys_made(folder)
    assert [name for name in names if name.startswith("root")] == [
        f"root-{number}" for number in range(1, 6)
    ]
    assert [n for n in names if n.startswith("approve")] == ["approve-cpu-1"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--keys", "root=5"], 2, "--keys root: expected N/M as 5/3, got 5"),
        (["--keys", "root"], 2, "expected NAME=VALUE, got 'root'"),
        (["--keys", "root=1/2"], 78, "got 2 of 1"),
        (["--keys", "boot=1/1"], 78, "roles: expected one of root"),
        (["--task", "A"], 78, "task: expected a-z, 0-9"),
        (["--profile", "x"], 2, "Invalid value for '--profile'"),
        (["--key", "root=nobody.pub"], 78, "nobody.pub: No such file or directory"),
    ],
)
def test_what_cannot_be_founded(folder, capsys, arguments, status, words):
    assert main(["init", str(folder), *arguments]) == status
    assert words in capsys.readouterr().err


def test_a_key_file_that_is_missing_leaves_nothing_behind(folder):
    assert main(["init", str(folder), "--key", "targets=nobody.pub"]) == 78
    assert not folder.exists()


def test_a_refused_founding_is_no_obstacle(folder, tmp_path):
    assert main(["init", str(folder), "--task", "A"]) == 78
    assert main(["init", str(folder)]) == 0
    Host(folder, cache=tmp_path / "host").poll()


def test_a_repository_is_founded_once(folder, capsys):
    founded(folder)
    before = key_of(folder, "root-1").read_bytes()
    assert main(["init", str(folder)]) == 78
    assert "expected no repository yet, got one" in capsys.readouterr().err
    assert key_of(folder, "root-1").read_bytes() == before


def test_a_repository_founded_by_several_people(folder, tmp_path, capsys):
    """Nobody has all keys: each signs where his own is."""
    people = tmp_path / "people"
    for name in ("alice", "bob"):
        assert main(["keys", "generate", name, "--out", str(people / name)]) == 0
    given = [
        option
        for role in ("root", "targets")
        for name in ("alice", "bob")
        for option in ("--key", f"{role}={people / name / name}.pub")
    ]
    capsys.readouterr()
    assert main(["init", str(folder), *given]) == 3
    told = capsys.readouterr()
    assert "root: 0 of 2 signatures; missing any 2 of: alice (" in told.err
    assert keys_made(folder) == ["snapshot-1", "timestamp-1"]
    assert not (folder / "repository").exists()
    for name, status in (("alice", 3), ("bob", 0)):
        key = str(people / name / f"{name}.pem")
        arguments = ["sign", "root", "targets", "--signer", key, "--dir", str(folder)]
        assert main(arguments) == status
    hosts = f"hosts trust {folder}/repository/metadata/1.root.json\n"
    assert hosts in capsys.readouterr().err
    Host(folder, cache=tmp_path / "host").poll()
    assert main(["init", str(folder)]) == 78


def test_fewer_public_keys_than_the_threshold(folder, tmp_path, capsys):
    main(["keys", "generate", "alice", "--out", str(tmp_path)])
    assert main(["init", str(folder), "--key", f"root={tmp_path}/alice.pub"]) == 78
    assert "root: expected at least as many keys as its" in capsys.readouterr().err


def test_a_task_is_added(folder, tmp_path, capsys):
    founded(folder)
    assert main(["task", "add", "disk", "--dir", str(folder)]) == 0
    assert "published release-disk\n" in capsys.readouterr().out
    assert Host(folder, cache=tmp_path / "h").target("channels/disk/x.json") is None
    assert main(["task", "add", "disk", "--dir", str(folder)]) == 78
    assert "disk: expected a new task" in capsys.readouterr().err


def test_a_task_with_the_keys_of_others(folder, tmp_path, capsys):
    founded(folder)
    for name in ("carol", "dave"):
        main(["keys", "generate", name, "--out", str(tmp_path)])
    options = [f"--approve-key={tmp_path}/{name}.pub" for name in ("carol", "dave")]
    capsys.readouterr()
    assert main(["task", "add", "disk", *options, "--dir", str(folder)]) == 3
    words = "approve-disk: 0 of 2 signatures; missing any 2 of: carol ("
    assert words in capsys.readouterr().err
    signers = [f"--signer={tmp_path}/{name}.pem" for name in ("carol", "dave")]
    assert main(["sign", "approve-disk", *signers, "--dir", str(folder)]) == 0
    Host(folder, cache=tmp_path / "host").poll()


def test_a_task_may_take_fewer_signatures(folder, tmp_path, capsys):
    founded(folder)
    main(["keys", "generate", "bob", "--out", str(tmp_path)])
    add = ["task", "add", "disk", f"--approve-key={tmp_path}/bob.pub"]
    assert main([*add, "--dir", str(folder)]) == 78
    assert main([*add, "--threshold", "approve=1", "--dir", str(folder)]) == 3
    assert "approve-disk: 0 of 1 signatures" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["approve=x", "root=1", "approve"])
def test_a_threshold_of_something_else_is_no_command(given, folder, capsys):
    founded(folder)
    arguments = ["task", "add", "disk", "--threshold", given, "--dir", str(folder)]
    assert main(arguments) == 2


def test_one_key_may_serve_in_two_roles(folder, tmp_path):
    founded(folder)
    options = ["--release-key=release-cpu-1", "--approve-key=approve-cpu-1"]
    more = ["--approve-key=approve-cpu-2", "--dir", str(folder)]
    assert main(["task", "add", "disk", *options, *more]) == 0
    assert not [name for name in keys_made(folder) if "disk" in name]


def test_a_task_waits_for_the_keepers_of_targets(folder, capsys):
    founded(folder)
    take_away(folder, "targets-1", "targets-2", "targets-3")
    assert main(["task", "add", "disk", "--dir", str(folder), "--json"]) == 3
    waiting = json.loads(capsys.readouterr().out)["waiting"]
    assert {row["role"] for row in waiting} == {
        "targets",
        "release-disk",
        "approve-disk",
    }


def test_commands_are_imported_when_called():
    code = (
        "import sys, central.cli; print('tuf' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "False False\n"


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert [name for name in COMMANDS if f"  {name} " not in told] == []
    assert isinstance(forewarn_central, LazyGroup)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_help(name, capsys):
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: forewarn-central {name} ")


def test_no_such_command(capsys):
    assert main(["launch"]) == 2
    assert "No such command 'launch'" in capsys.readouterr().err


def test_a_failure_is_told_to_programs_too(folder, capsys):
    assert main(["sign", "--json", "--dir", str(folder)]) == 78
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert document["status"] == 78
    assert told.err == f"forewarn-central: {document['error']}\n"
    assert main(["sign", "--nonsense", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["status"] == 2


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ConfigError("x: y"), 78, "forewarn-central: x: y\n"),
        (OSError(28, "No space", "f"), 1, "forewarn-central: f: No space\n"),
        (KeyboardInterrupt(), 130, "\n"),
        (ValueError("boo"), 1, "ValueError: boo"),
    ],
)
def test_how_a_failure_ends(error, status, words, monkeypatch, capsys):
    def fails(self, *arguments, **options):
        raise error

    monkeypatch.setattr(LazyGroup, "get_command", fails)
    assert main(["init"]) == status
    assert words in capsys.readouterr().err
