"""The courier as a child process: one job, one line of JSON, an exit status."""

import json
import subprocess
import sys

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.lock import state_lock
from agent.adapters.store.registry import SqliteRegistry
from agent.courier import main
from agent.errors import UnavailableError
from agent.wiring.courier import CourierSettings, courier_command
from agent.wiring.updating import run_job
from tests.fakes.http import serving
from tests.fakes.onnx_files import logistic, manifest_of
from tests.fakes.signed import Publisher

MODEL = logistic()


@pytest.fixture
def settings(tmp_path):
    folder = tmp_path / "starters" / "cpu-busy"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(MODEL)
    (folder / "manifest.json").write_bytes(manifest_of(MODEL))
    return CourierSettings(
        state_dir=tmp_path / "state", starters=tmp_path / "starters", lock_wait_s=0.2
    )


@pytest.fixture
def sent(tmp_path, capsys):
    """Return what runs the courier's door; gives its status, answer and words."""

    def sent(job, *, config):
        (tmp_path / "config.toml").write_text(config)
        files = ["--config", str(tmp_path / "config.toml")]
        status = main([job, *files, "--state-dir", str(tmp_path / "state")])
        printed = capsys.readouterr()
        answer = json.loads(printed.out)
        assert (answer["job"], answer["status"]) == (job, status)
        return status, answer, printed.err

    return sent


def lineups(state_dir):
    with SqliteRegistry.open(state_dir / "forewarn.db") as registry:
        return {lineup.task: lineup.active for lineup in registry.lineups()}


def test_standalone_prepares_once_and_updates_from_itself(settings):
    first = run_job("update", settings, clock=SystemClock())
    assert [one.task for one in first.admitted] == ["cpu-busy"]
    assert set(lineups(settings.state_dir)) == {"cpu-busy"}
    second = run_job("update", settings, clock=SystemClock())
    assert (second.admitted, second.refused) == ((), ())


def test_prepare_takes_nothing_in(settings):
    run_job("prepare", settings, clock=SystemClock())
    assert (settings.state_dir / "repository" / "metadata").is_dir()
    assert lineups(settings.state_dir) == {}


def test_it_updates_from_a_central_that_is_a_folder(sent, tmp_path):
    publisher = Publisher(tmp_path / "central", now=SystemClock().now())
    publisher.offer("cpu-busy", manifest_of(MODEL), MODEL)
    (tmp_path / "root.json").write_bytes(publisher.root)
    config = f"""
        [central]
        url = "{publisher.folder}"
        trust_root = "{tmp_path / "root.json"}"
    """
    status, answer, _ = sent("update", config=config)
    assert status == 0
    assert [one["task"] for one in answer["result"]["admitted"]] == ["cpu-busy"]
    assert set(lineups(tmp_path / "state")) == {"cpu-busy"}


def test_a_central_that_is_not_there_is_status_69_and_noted(sent, tmp_path):
    publisher = Publisher(tmp_path / "central", now=SystemClock().now())
    (tmp_path / "root.json").write_bytes(publisher.root)
    config = f"""
        [central]
        url = "http://127.0.0.1:9/"
        trust_root = "{tmp_path / "root.json"}"
    """
    status, answer, words = sent("update", config=config)
    assert status == 69
    assert "tried again at the next update" in answer["error"]
    assert words == f"courier: {answer['error']}\n"
    with SqliteRegistry.open(tmp_path / "state" / "forewarn.db") as registry:
        rows = registry._connection.execute("select name from events").fetchall()
    assert rows == [("update_failed",)]


@pytest.mark.parametrize(
    ("config", "status", "reason"),
    [
        ("", 4, "no central.url is configured"),
        ("[centrall]", 78, "centrall"),
        (
            '[central]\nurl = "/x"\ntrust_root = "/none"',
            78,
            "central.trust_root: /none",
        ),
        (
            (
                '[central]\nurl = "https://127.0.0.1"\nca_file = "/none"\n'
                'trust_root = "config.toml"'
            ),
            78,
            "central: ca_file",
        ),
        (
            (
                '[central]\nurl = "http://127.0.0.1"\ntoken = { env = "NONE" }\n'
                'trust_root = "config.toml"'
            ),
            78,
            "central.token: no variable NONE is set",
        ),
        (
            (
                '[central]\nurl = "http://127.0.0.1"\ntoken = { file = "/none" }\n'
                'trust_root = "config.toml"'
            ),
            78,
            "central.token: /none: No such file",
        ),
    ],
)
def test_what_the_operator_must_mend_has_its_own_status(sent, config, status, reason):
    got, answer, _ = sent("update", config=config)
    assert got == status
    assert reason in answer["error"]


def test_a_second_courier_waits_and_then_gives_up(settings, tmp_path):
    with state_lock(tmp_path / "state", name="courier", wait_s=0):
        holder = (tmp_path / "state" / "courier.lock").read_text().strip()
        with pytest.raises(
            UnavailableError, match=f"courier is at work, process {holder}"
        ):
            run_job("prepare", settings, clock=SystemClock())
    assert UnavailableError.exit_status == 75
    run_job("prepare", settings, clock=SystemClock())


def test_the_courier_is_found_by_starting_it_as_the_daemon_does():
    command = courier_command(config_path=None, state_dir=None, is_standalone=True)
    assert command == (sys.executable, "-m", "agent.courier", "update", "--standalone")


def test_the_courier_is_a_child_that_prints_one_line(tmp_path):
    command = courier_command(
        config_path=None, state_dir=tmp_path / "state", is_standalone=True
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [*command], capture_output=True, text=True, check=False
    )
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["status"] == done.returncode == 0
    assert json.loads(line)["result"]["refused"] == []
    assert set(lineups(tmp_path / "state")) == set(
        json.loads(line)["result"]["checked"]
    )


def test_a_refused_offer_is_told_and_is_no_failure(sent, tmp_path):
    publisher = Publisher(tmp_path / "central", now=SystemClock().now())
    publisher.offer("cpu-busy", manifest_of(MODEL, golden=[]), MODEL)
    (tmp_path / "root.json").write_bytes(publisher.root)
    secret = tmp_path / "token"
    secret.write_text("s3cret\n")
    with serving(publisher.folder) as url:
        config = f"""
            [central]
            url = "{url}"
            trust_root = "{tmp_path / "root.json"}"
            token = {{ file = "{secret}" }}
        """
        status, _, words = sent("update", config=config)
    assert status == 0
    assert words.startswith("courier: cpu-busy: golden: expected a vector")


def test_starting_the_courier_loads_nothing_that_networks():
    script = (
        "import sys; import agent.wiring.courier;"
        "bad = {'tuf', 'httpx', 'ssl', 'cryptography'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603 - as above
