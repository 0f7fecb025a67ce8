"""What an operator can get wrong: one clear line each, and nothing is left behind.

Each row is a command line, its exit status and the whole of what it says on stderr.
"""

import json
import os
import subprocess
import sys

import pytest

from agent.cli import main
from tests.fakes.commands import CPU, ROOT, STARTERS, forewarn, trace_file
from tests.fakes.onnx_files import logistic, manifest_of, sha256

MODEL = logistic()
HEADER = f"timestamp,{CPU}"
UNITS = 'a number and a unit (ms, s, m, h, d) such as "10s"'
MANIFEST = manifest_of(MODEL)


def content_of(folder):
    """Return every path below a folder, with its bytes."""
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def told(here, capfd):
    """Return what runs a command here; gives its status and what it says on stderr.

    It sees to it that nothing was printed and nothing has changed.
    """

    def told(*arguments):
        before = content_of(here)
        status = main(arguments)
        out, err = capfd.readouterr()
        assert out == ""
        assert content_of(here) == before
        return status, err.replace(f"{here}/", "")

    return told


# --- the configuration

CONFIGS = {
    "an unknown key": (
        '[agent]\nintervall = "1s"',
        'c.toml:2: key "agent.intervall": no such key; did you mean "interval"?',
    ),
    "an unknown table": (
        "[agentt]",
        'c.toml:1: key "agentt": no such key; did you mean "agent"?',
    ),
    "no unit": (
        '[agent]\ninterval = "10"',
        f'c.toml:2: agent.interval: expected {UNITS}, got "10"',
    ),
    "a wrong unit": (
        '[agent]\ninterval = "10 parsec"',
        f'c.toml:2: agent.interval: expected {UNITS}, got "10 parsec"',
    ),
    "a number for a duration": (
        "[agent]\ninterval = 10",
        'c.toml:2: agent.interval: expected a string with a unit such as "10s", got 10',
    ),
    "too small": (
        '[agent]\ninterval = "1ms"',
        'c.toml:2: agent.interval: expected 20ms to 10m, got "1ms"',
    ),
    "no TOML": ("[agent", "c.toml:1: not TOML: "),
}
COMMANDS = [
    ["run", "--standalone", "--state-dir", "state"],
    ["status"],
    ["tasks"],
    ["releases"],
    ["predictions"],
    ["outcomes"],
    ["metrics"],
    ["config", "show"],
]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_wrong_configuration_is_78_with_file_line_and_key(name, here, told):
    text, words = CONFIGS[name]
    (here / "c.toml").write_text(text)
    status, err = told("status", "--config", "c.toml")
    assert status == 78
    assert err.startswith(f"forewarn: {words}")
    assert err.count("\n") == 1
    assert told("config", "check", "c.toml") == (78, err.removeprefix("forewarn: "))
    assert told("config", "check", "--config", "c.toml") == (
        78,
        err.removeprefix("forewarn: "),
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_refuses_it_alike(command, here, told):
    (here / "c.toml").write_text(CONFIGS["an unknown key"][0])
    words = f"forewarn: {CONFIGS['an unknown key'][1]}\n"
    assert told(*command, "--config", "c.toml") == (78, words)
    words = "forewarn: none.toml: no such file; create it, or name another\n"
    assert told(*command, "--config", "none.toml") == (78, words)


def test_two_problems_are_counted_and_both_are_listed(here, told):
    (here / "c.toml").write_text('[agent]\ninterval = "1"\nstate_dir = 5\n')
    first = f'c.toml:2: agent.interval: expected {UNITS}, got "1"'
    more = " (and 1 more; `forewarn config check` lists them)"
    assert told("status", "--config", "c.toml") == (78, f"forewarn: {first}{more}\n")
    assert told("config", "check", "c.toml") == (
        78,
        f"{first}\nc.toml:3: agent.state_dir: expected a path, got 5\n",
    )


def test_check_takes_one_file(told):
    status, err = told("config", "check", "a.toml", "--config", "b.toml")
    assert status == 2
    assert err.endswith("Error: expected FILE or --config FILE, got both\n")


def test_without_a_central_the_daemon_does_not_start(here, told):
    (here / "c.toml").write_text("")
    assert told("run", "--config", "c.toml", "--state-dir", "state") == (
        4,
        (
            "forewarn: no central.url is configured and nothing was imported: name a "
            "central in the configuration, bring a repository by `forewarn import`, or "
            "run `forewarn run --standalone`, which needs neither\n"
        ),
    )


def test_an_update_without_a_central_is_told_once(here, told):
    (here / "c.toml").write_text("")
    assert told("update", "--config", "c.toml", "--state-dir", "state") == (
        4,
        (
            "forewarn: no central.url is configured and nothing was imported: name a "
            "central, bring a repository by `forewarn import`, or use --standalone\n"
        ),
    )


# --- the state folder

READERS = ["status", "tasks", "releases", "predictions", "outcomes"]
HOW = "`forewarn run` makes it, or name another folder by --state-dir"


@pytest.mark.parametrize("command", READERS)
def test_no_state_says_who_must_act(command, here, told):
    assert told(command, "--state-dir", "none") == (
        1,
        (
            f"forewarn: none: expected a daemon's state, got no such folder; {HOW} "
            "(state_dir is from --state-dir)\n"
        ),
    )
    (here / "c.toml").write_text(f'[agent]\nstate_dir = "{here}/empty"\n')
    (here / "empty").mkdir()
    assert told(command, "--config", "c.toml") == (
        1,
        (
            f"forewarn: empty: expected a daemon's state, got nothing of it yet; {HOW} "
            "(state_dir is from c.toml)\n"
        ),
    )


@pytest.mark.parametrize("command", [*READERS, "run --standalone"])
def test_a_file_is_no_state_folder(command, here, told):
    (here / "file").write_text("")
    assert told(*command.split(), "--state-dir", "file") == (
        1,
        (
            "forewarn: file: expected a folder, got a file "
            "(state_dir is from --state-dir)\n"
        ),
    )


@pytest.mark.parametrize("command", READERS)
def test_a_file_that_is_no_database_is_named_and_kept(command, here, told):
    (here / "state").mkdir()
    (here / "state" / "forewarn.db").write_bytes(b"not a database " * 500)
    status, err = told(command, "--state-dir", "state")
    assert status == 1
    assert err.startswith(
        "forewarn: state/forewarn.db: opening: file is not a database; "
    )
    assert err.count("\n") == 1


# Root may write everywhere until it gives that up.
_WITHOUT_RIGHTS = """
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-m", "agent", *sys.argv[1:]])
"""


def without_rights(*arguments):
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _WITHOUT_RIGHTS, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="drops a capability of Linux")
def test_a_folder_without_rights_is_named(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    folder = closed / "state"
    by = "(state_dir is from --state-dir)\n"
    assert without_rights("run", "--standalone", "--state-dir", folder) == (
        1,
        "",
        (
            f"forewarn: {folder}: expected a folder to write to, but this user may not "
            f"write {closed} {by}"
        ),
    )
    assert list(closed.iterdir()) == []
    closed.chmod(0)
    assert without_rights("status", "--state-dir", folder) == (
        1,
        "",
        (
            f"forewarn: {folder}: expected a folder that this user can read: "
            f"Permission denied {by}"
        ),
    )
    closed.chmod(0o700)


# --- the trace

TRACES = {
    "no such file": (None, "cannot be read: No such file or directory"),
    "empty": ("", "expected a CSV file with a header"),
    "no rows": (f"{HEADER}\n", "expected at least 2 rows, got 0"),
    "one row": (f"{HEADER}\n1,1\n", "expected at least 2 rows, got 1"),
    "no timestamp": (
        f"time,{CPU}\n1,0.1\n2,0.2\n",
        f"expected a column timestamp, got time, {CPU}",
    ),
    "only timestamps": (
        "timestamp\n1\n2\n",
        "expected at least one series, got only timestamp",
    ),
    "a column that is no series": (
        "timestamp,my cpu\n1,1\n2,2\n",
        'a column is not a series: column 3 of "my cpu": expected the end, got " cpu"',
    ),
    "two columns of one name": (
        f"{HEADER},{CPU}\n1,1,1\n2,2,2\n",
        f"two columns are called {CPU}",
    ),
    "a missing cell": (f"{HEADER}\n1,0.1\n2\n3,1\n", "row 2: expected 2 cells, got 1"),
    "a word for a number": (
        f"{HEADER}\n1,0.1\n2,high\n",
        f'row 2, column {CPU}: expected a number or nothing, got "high"',
    ),
    "a word for an instant": (
        f"{HEADER}\nnoon,0.1\n2,0.2\n",
        'row 1, column timestamp: expected ISO 8601 or Unix seconds, got "noon"',
    ),
    "an instant beyond all time": (
        f"{HEADER}\n1e300,0.1\n2e300,0.2\n",
        "row 1, column timestamp: expected ISO 8601 or Unix seconds, got 1e+300",
    ),
}


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_that_is_none_is_refused_with_row_and_column(name, here, told):
    text, words = TRACES[name]
    if text is not None:
        (here / "t.csv").write_text(text)
    assert told("replay", "t.csv", "--keep", "kept") == (
        1,
        f"forewarn: t.csv: {words}\n",
    )


@pytest.mark.parametrize(
    ("rows", "row", "words"),
    [
        pytest.param(
            [10, 20, 20, 30],
            3,
            "00:00:20+00:00, got 1970-01-01T00:00:20+00:00 (doubled)",
            id="doubled",
        ),
        pytest.param(
            [10, 30, 20, 40],
            3,
            "00:00:30+00:00, got 1970-01-01T00:00:20+00:00 (unsorted)",
            id="unsorted",
        ),
    ],
)
def test_time_that_does_not_grow_is_refused_or_left_out(
    rows, row, words, here, told, capfd
):
    text = "".join(f"{at},0.1\n" for at in rows)
    (here / "t.csv").write_text(f"{HEADER}\n{text}")
    status, err = told("replay", "t.csv", "--keep", "kept")
    assert status == 1
    assert err.startswith(
        f"forewarn: t.csv: row {row}: expected a timestamp after 1970-01-01T{words}; "
    )
    assert "--drop-disordered" in err
    task = ["--release", "cpu-saturation"]
    assert main(["replay", "t.csv", "--drop-disordered", *task]) == 0
    assert "left out 1 row" in capfd.readouterr().err


def test_gaps_in_time_are_told_and_void(here, capfd):
    rows = "".join(f"{at},0.1\n" for at in (0, 10, 20, 1000, 1010))
    (here / "t.csv").write_text(f"{HEADER}\n{rows}")
    task = ["--release", "cpu-saturation", "--json"]
    assert main(["replay", "t.csv", *task]) == 0
    out, err = capfd.readouterr()
    assert err == (
        "t.csv: 1 gap in time, the longest 16 min 20 s; moments across them are void\n"
    )
    voids = [card["skill"]["voids"] for card in json.loads(out)["scorecards"]]
    assert {"gap"} == {reason for each in voids for reason in each}


def test_a_trace_without_the_series_of_a_task_is_refused_by_name(here, told):
    (here / "t.csv").write_text("timestamp,system.memory.utilization\n1,0.1\n2,0.1\n")
    assert told("replay", "t.csv", "--release", "cpu-saturation") == (
        78,
        f"forewarn: cpu-saturation needs {CPU}, which t.csv does not have\n",
    )


# --- a release folder


def manifest_with(**changes):
    return json.dumps(json.loads(MANIFEST) | changes).encode()


RELEASES = {
    "no manifest": (
        {"model.onnx": MODEL},
        78,
        (
            "r: expected a release, manifest.json and model.onnx: "
            "No such file or directory"
        ),
    ),
    "no model": (
        {"manifest.json": MANIFEST},
        78,
        "r/model.onnx: expected the model that the manifest pins, got none",
    ),
    "another model": (
        {"manifest.json": MANIFEST, "model.onnx": MODEL[:-1] + b"\0"},
        1,
        (
            f"r/model.onnx: expected SHA-256 {sha256(MODEL)} as the manifest pins, got "
            f"{sha256(MODEL[:-1] + bytes(1))}"
        ),
    ),
    "half a model": (
        {"manifest.json": MANIFEST, "model.onnx": MODEL[:100]},
        1,
        (
            f"r/model.onnx: expected SHA-256 {sha256(MODEL)} as the manifest pins, got "
            f"{sha256(MODEL[:100])}"
        ),
    ),
    "half a manifest": (
        {"manifest.json": MANIFEST[:50], "model.onnx": MODEL},
        1,
        "r: manifest: Input data was truncated",
    ),
    "an unknown key": (
        {"manifest.json": manifest_with(colour="red"), "model.onnx": MODEL},
        1,
        "r: manifest: Object contains unknown field `colour`",
    ),
}


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_that_is_not_what_it_says_is_refused(name, here, told):
    files, status, words = RELEASES[name]
    (here / "r").mkdir()
    for file, content in files.items():
        (here / "r" / file).write_bytes(content)
    trace_file(here / "t.csv", rows=10)
    assert told("replay", "t.csv", "--release", "r", "--keep", "kept") == (
        status,
        f"forewarn: {words}\n",
    )


def test_a_release_that_is_neither_folder_nor_task(here, told):
    trace_file(here / "t.csv", rows=10)
    assert told("replay", "t.csv", "--release", "nix") == (
        78,
        (
            "forewarn: expected a release folder or one of "
            f'{", ".join(STARTERS)}, got "nix"\n'
        ),
    )


def test_two_releases_of_one_task_are_a_wrong_command_line(here, told):
    trace_file(here / "t.csv", rows=10)
    twice = ["--release", "cpu-saturation"] * 2
    status, err = told("replay", "t.csv", *twice)
    assert status == 2
    assert err.endswith(
        "Error: --release: expected one release a task, got two of cpu-saturation\n"
    )


def test_a_ledger_that_is_kept_is_not_written_over(here, told, capfd):
    trace_file(here / "t.csv", rows=10)
    asked = ("replay", "t.csv", "--release", "cpu-saturation", "--keep", "kept")
    assert main(list(asked)) == 0
    capfd.readouterr()
    assert told(*asked) == (
        1,
        "forewarn: kept: expected an empty folder, got forewarn.db in it\n",
    )


# --- what nobody foresaw


def test_a_full_disk_behind_stdout_is_one_line(here):
    if not os.path.exists("/dev/full"):  # noqa: PTH110 - a device
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-m", "agent", "config", "show"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
            cwd=ROOT,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "forewarn: No space left on device\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["predictions", "--since", "yesterday"],
        ["predictions", "--since", "-1h"],
        ["predictions", "--limit", "0"],
        ["outcomes", "--limit", "99999999999999999999"],
        ["replay"],
        ["replay", "t.csv", "--rename", "ab"],
        ["run", "--nonsense"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_2_without_a_traceback(arguments):
    done = forewarn(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: forewarn ")
    assert "Traceback" not in done.stderr
