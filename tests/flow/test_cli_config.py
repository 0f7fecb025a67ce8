import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
import tomli

from agent import __version__, cli
from agent.cli import COMMANDS, LazyGroup, main
from agent.config import files
from agent.errors import UnavailableError

HEAVY = ("numpy", "onnxruntime", "httpx", "tuf", "psutil", "sqlite3", "asyncio")


@pytest.fixture
def site(tmp_path):
    """Return the main file of a configuration of two files, both sound."""
    main_file = tmp_path / "config.toml"
    main_file.write_text(
        '[agent]\ninterval = "5s"\nlabels = { role = "db", "a b" = "c" }\n'
        '[central]\ntoken = { env = "TOKEN" }\n'
    )
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/50-site.toml").write_text('[agent]\ninterval = "7s"\n')
    return main_file


@pytest.fixture(autouse=True)
def without_system_files(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "DEFAULT_PATH", tmp_path / "none" / "config.toml")


def python(*arguments, **options):
    # Not measured: what looks on has imports of its own.
    alone = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *arguments],
        env=alone,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


def test_check_of_a_sound_configuration(site, capsys):
    assert main(["config", "check", str(site)]) == 0
    expected = "ok: 2 files, values given: 4, the others are defaults\n"
    assert capsys.readouterr() == (expected, "")


def test_check_without_files_is_about_defaults(tmp_path, capsys):
    assert main(["config", "check"]) == 0
    assert capsys.readouterr().out.startswith("ok: 0 files, no ")


def test_check_of_a_folder(site, capsys):
    assert main(["config", "check", str(site.parent)]) == 0
    assert capsys.readouterr().out.startswith("ok: 2 files")
    assert main(["config", "check", str(site.parent / "conf.d")]) == 0
    assert capsys.readouterr().out.startswith("ok: 1 file,")


def test_check_lists_every_problem_on_stderr(site, capsys):
    site.write_text("[guard]\nalfa = 1\nmargin = -1.0\n")
    assert main(["config", "check", str(site)]) == 78
    assert capsys.readouterr() == (
        "",
        (
            f'{site}:2: key "guard.alfa": no such key; did you mean "alpha"?\n'
            f"{site}:3: guard.margin: expected 0 to 10, got -1.0\n"
        ),
    )


def test_check_in_json(site, capsys):
    fragment = site.parent / "conf.d" / "50-site.toml"
    assert main(["config", "check", "--json", str(site)]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "ok": True,
        "files": [str(site), str(fragment)],
        "problems": [],
    }
    fragment.write_text("[guard]\nalpha = 2\n")
    assert main(["config", "check", "--json", str(site)]) == 78
    problem = f"{fragment}:2: guard.alpha: expected 1e-9 to below 1, got 2.0"
    out, err = capsys.readouterr()
    assert json.loads(out)["problems"] == [problem]
    assert err == ""


def test_show_is_toml_that_gives_the_same(site, capsys):
    assert main(["config", "show", "--config", str(site)]) == 0
    shown = capsys.readouterr().out
    document = tomli.loads(shown)
    assert document["agent"]["interval"] == "7s"
    assert document["agent"]["labels"] == {"role": "db", "a b": "c"}
    assert document["central"]["token"] == {"env": "TOKEN"}
    assert "# url is not set" in shown
    again = site.parent / "again.toml"
    again.write_text(shown)
    (site.parent / "conf.d/50-site.toml").unlink()
    assert main(["config", "show", "--config", str(again)]) == 0
    assert capsys.readouterr().out == shown


def test_show_says_where_a_value_is_from(site, capsys):
    assert main(["config", "show", "--origin", "--config", str(site)]) == 0
    lines = capsys.readouterr().out.split("\n")
    fragment = site.parent / "conf.d" / "50-site.toml"
    assert 'interval = "7s"'.ljust(40) + f"  # {fragment}" in lines
    assert "alpha = 0.001".ljust(40) + "  # default" in lines


def test_show_in_json(site, capsys):
    assert main(["config", "show", "--json", "--config", str(site)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["agent"]["labels"] == {"role": "db", "a b": "c"}
    assert shown["central"]["url"] is None
    assert main(["config", "show", "--json", "--origin", "--config", str(site)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["guard"]["alpha"] == {"value": 0.001, "origin": "default"}
    assert shown["agent"]["labels"]["role"] == {"value": "db", "origin": str(site)}


def test_show_of_a_bad_configuration_is_one_line(tmp_path, capsys):
    missing = tmp_path / "missing.toml"
    assert main(["config", "show", "--config", str(missing)]) == 78
    assert capsys.readouterr() == (
        "",
        f"forewarn: {missing}: no such file; create it, or name another\n",
    )


# --- the command itself


def test_config_check_imports_nothing_heavy(site):
    code = (
        "import sys; from agent.cli import main; status = main(sys.argv[1:]);"
        f"print([name for name in {HEAVY} if name in sys.modules]); sys.exit(status)"
    )
    done = python("-W", "error", "-c", code, "config", "check", str(site))
    assert done.stdout.splitlines()[1:] == ["[]"], done.stderr
    assert done.returncode == 0


def test_the_help_imports_no_command():
    code = (
        "import sys; from agent.cli import main; main(['--help']);"
        "print([name for name in sys.modules if name.startswith('agent.cli.')])"
    )
    done = python("-c", code)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(row.summary in done.stdout for row in COMMANDS.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_row_of_the_table_is_a_command(name):
    module = COMMANDS[name].target.partition(":")[0]
    if find_spec(module) is None:
        pytest.skip(f"{module} is not written yet")
    command = LazyGroup("forewarn").get_command(click.Context(cli.forewarn), name)
    assert isinstance(command, click.Command)
    assert command.name == name


def test_the_commands_are_those_of_the_table():
    assert cli.forewarn.list_commands(click.Context(cli.forewarn)) == [*COMMANDS]


def test_the_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"forewarn {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["config"], ["confog"], ["config", "check", "--nonsense"], ["--nonsense"]],
)
def test_wrong_usage_is_2_and_speaks_on_stderr(arguments, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage: forewarn" in err


@pytest.mark.parametrize(
    ("ending", "status", "words"),
    [
        pytest.param(None, 0, "", id="returns"),
        pytest.param(
            UnavailableError("central: busy"),
            75,
            "forewarn: central: busy\n",
            id="wait",
        ),
        pytest.param(KeyboardInterrupt(), 130, "\n", id="ctrl_c"),
        pytest.param(click.exceptions.Exit(3), 3, "", id="findings"),
        pytest.param(BrokenPipeError(32, "pipe"), 1, "", id="reader_left"),
    ],
)
def test_how_a_command_ends(ending, status, words, monkeypatch, capsys):
    @click.command()
    def ends() -> None:
        if ending is not None:
            raise ending

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: ends)
    with pytest.MonkeyPatch.context() as streams:
        streams.setattr(sys, "stdout", sys.stdout)
        streams.setattr(sys, "stderr", sys.stderr)
        try:
            found = main(["ends"])
        except SystemExit as end:
            found = end.code
    assert found == status
    assert capsys.readouterr().err == words


def test_a_reader_that_leaves_is_no_noise(site):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "agent", "config", "show", "--config", str(site)],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(write)
    assert done.stderr == b""


def test_ctrl_c_ends_the_process_with_130(tmp_path):
    fifo = tmp_path / "config.toml"
    os.mkfifo(fifo)
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "agent", "config", "check", str(fifo)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    # Opening to write returns once the command has opened to read.
    with fifo.open("wb"):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"\n")
