"""The courier as a child process: one job, one line of JSON, an exit status."""

import functools
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.lock import state_lock
from agent.adapters.store.registry import SqliteRegistry
from agent.courier import main
from agent.errors import ConfigError, UnavailableError
from agent.wiring import courier as wiring
from agent.wiring import updating
from agent.wiring.anchor import vouched
from agent.wiring.courier import CourierSettings, courier_command
from agent.wiring.updating import imported, prepared, updated
from tests.fakes.http import QuietHandler, dripping_head, serving
from tests.fakes.onnx_files import logistic, manifest_of, sha256
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

    def sent(job, *more, config):
        (tmp_path / "config.toml").write_text(config)
        files = ["--config", str(tmp_path / "config.toml")]
        status = main([job, *more, *files, "--state-dir", str(tmp_path / "state")])
        printed = capsys.readouterr()
        answer = json.loads(printed.out)
        assert (answer["job"], answer["status"]) == (job, status)
        return status, answer, printed.err

    return sent


def lineups(state_dir):
    with SqliteRegistry.open(state_dir / "forewarn.db") as registry:
        return {lineup.task: lineup.active for lineup in registry.lineups()}


def test_standalone_prepares_once_and_updates_from_itself(settings):
    first = updated(settings, clock=SystemClock())
    assert [one.task for one in first.admitted] == ["cpu-busy"]
    assert set(lineups(settings.state_dir)) == {"cpu-busy"}
    second = updated(settings, clock=SystemClock())
    assert (second.admitted, second.refused) == ((), ())


def test_prepare_takes_nothing_in(settings):
    prepared(settings, clock=SystemClock())
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
    told, error = words.splitlines()
    assert " update_failed reason=" in told
    assert error == f"courier: {answer['error']}"
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
            prepared(settings, clock=SystemClock())
    assert UnavailableError.exit_status == 75
    prepared(settings, clock=SystemClock())


def test_the_courier_is_found_by_starting_it_as_the_daemon_does():
    command = courier_command(config_path=None, state_dir=None, is_standalone=True)
    assert command[0] == sys.executable
    assert command[-4:] == ("-m", "agent.courier", "update", "--standalone")


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
    refused, finished = words.splitlines()
    assert 'release_refused task=cpu-busy reason="golden: expected a vector' in refused
    assert " update_finished checked=1 admitted=0 refused=1 " in finished


def test_starting_the_courier_loads_nothing_that_networks():
    script = (
        "import sys; import agent.wiring.courier;"
        "bad = {'tuf', 'httpx', 'ssl', 'cryptography'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603 - as above


def doubts(settings):
    """Return the doubts of the releases at work, each of which is spoken of."""
    found = vouched(settings)
    with SqliteRegistry.open(settings.state_dir / "forewarn.db") as registry:
        at_work = {d for lineup in registry.lineups() for _, d in lineup.roles()}
    assert {*found.vouched, *found.doubts} == at_work
    return found.doubts


@pytest.fixture
def carried(tmp_path):
    """Return a repository on a stick, and the configuration that trusts its root."""
    publisher = Publisher(tmp_path / "stick", now=SystemClock().now())
    publisher.offer("cpu-busy", manifest_of(MODEL), MODEL)
    (tmp_path / "root.json").write_bytes(publisher.root)
    config = f'[central]\ntrust_root = "{tmp_path / "root.json"}"\n'
    return publisher.folder, config


def test_a_carried_repository_is_verified_kept_and_updated_from(
    sent, carried, tmp_path
):
    stick, config = carried
    status, answer, _ = sent("import", str(stick), config=config)
    assert status == 0
    assert [one["task"] for one in answer["result"]["admitted"]] == ["cpu-busy"]
    assert (tmp_path / "state" / "mirror" / "metadata" / "timestamp.json").is_file()
    assert not (tmp_path / "state" / "mirror.new").exists()
    shutil.rmtree(stick)
    status, answer, _ = sent("update", config=config)
    assert (status, answer["result"]["refused"]) == (0, [])


def test_a_host_with_a_central_keeps_no_copy_of_what_was_carried(
    sent, carried, tmp_path
):
    stick, config = carried
    status, answer, _ = sent("import", str(stick), config=f'{config}url = "/none"')
    assert (status, len(answer["result"]["admitted"])) == (0, 1)
    assert not list((tmp_path / "state").glob("mirror*"))


def test_what_strangers_signed_is_not_imported(sent, carried, tmp_path):
    _, config = carried
    other = Publisher(tmp_path / "other", now=SystemClock().now())
    status, answer, _ = sent("import", str(other.folder), config=config)
    assert status == 1
    assert "must sign it" in answer["error"]
    assert not list((tmp_path / "state").glob("mirror*"))
    assert lineups(tmp_path / "state") == {}


def test_an_import_that_fails_leaves_the_copy_before(sent, carried, tmp_path):
    stick, config = carried
    sent("import", str(stick), config=config)
    status, answer, _ = sent("import", str(tmp_path / "none"), config=config)
    assert (status, "No such file" in answer["error"]) == (1, True)
    status, answer, _ = sent("update", config=config)
    assert status == 0


def test_a_standalone_host_imports_nothing(settings):
    with pytest.raises(ConfigError, match=r"configure central\.trust_root"):
        imported(settings, clock=SystemClock(), source=settings.state_dir)


def test_what_is_signed_is_vouched_for(settings):
    updated(settings, clock=SystemClock())
    assert doubts(settings) == {}


def test_a_release_that_nobody_signed_is_doubted(settings, tmp_path):
    updated(settings, clock=SystemClock())
    forged = manifest_of(MODEL, version=2, title="forged")
    digest = sha256(forged)
    with SqliteRegistry.open(tmp_path / "state" / "forewarn.db") as registry:
        (lineup,) = registry.lineups()
        registry.admit(digest=digest, manifest=forged, at=SystemClock().now())
        registry.set_lineup(replace(lineup, active=digest))
    (reason,) = [doubts(settings)[digest]]
    assert "models/cpu-busy/2/manifest.json" in reason


def test_a_manifest_that_was_changed_in_the_database_is_doubted(settings, tmp_path):
    updated(settings, clock=SystemClock())
    with SqliteRegistry.open(tmp_path / "state" / "forewarn.db") as registry:
        registry._connection.execute("update releases set manifest = x'7b7d'")
    (reason,) = doubts(settings).values()
    assert "its manifest in the database was changed" in reason


def test_without_its_metadata_a_host_vouches_for_nothing_until_it_is_back(settings):
    updated(settings, clock=SystemClock())
    shutil.rmtree(settings.state_dir / "metadata")
    assert len(doubts(settings)) == 1
    updated(settings, clock=SystemClock())
    assert doubts(settings) == {}


def test_older_metadata_than_was_seen_vouches_for_nothing(settings):
    updated(settings, clock=SystemClock())
    with SqliteRegistry.open(settings.state_dir / "forewarn.db") as registry:
        floors = registry.floors()
        registry.set_floors([replace(each, version=9) for each in floors])
    (reason,) = doubts(settings).values()
    assert "rollback attack" in reason


def test_vouching_prints_the_doubts(sent, carried):
    stick, config = carried
    sent("import", str(stick), config=config)
    status, answer, _ = sent("vouch", config=config)
    assert (status, answer["doubts"]) == (0, {})
    assert len(answer["vouched"]) == 1


def test_an_update_ends_in_time_whatever_it_waits_for(sent, carried, monkeypatch):
    """A server may drip the head of its answer, which no limit of the fetcher sees."""
    _, config = carried
    short = functools.partial(CourierSettings, limit_s=0.5)
    monkeypatch.setattr(wiring, "CourierSettings", short)
    with dripping_head() as url:
        status, answer, _ = sent("update", config=f'{config}url = "{url}"')
    assert status in {69, 75}
    assert "not over after 0.5 s" in answer["error"]


def test_a_poll_with_nothing_new_asks_for_two_small_files(sent, carried):
    stick, config = carried
    asked = []

    class Noting(QuietHandler):
        def do_GET(self):  # noqa: N802 - the library's name
            asked.append(self.path)
            super().do_GET()

    with serving(stick, Noting) as url:
        sent("update", config=f'{config}url = "{url}"')
        asked.clear()
        sent("update", config=f'{config}url = "{url}"')
    assert asked == ["/metadata/2.root.json", "/metadata/timestamp.json"]


def test_what_was_changed_of_a_kept_document_is_fetched_again(sent, carried, tmp_path):
    stick, config = carried
    sent("import", str(stick), config=config)
    for path in (tmp_path / "state" / "documents").iterdir():
        path.write_bytes(b"{}")
    status, answer, _ = sent("import", str(stick), config=config)
    assert (status, answer["result"]["refused"]) == (0, [])


def test_a_task_that_waits_for_its_first_approval_is_no_finding(sent, tmp_path):
    publisher = Publisher(tmp_path / "central", now=SystemClock().now())
    publisher.publish("cpu-busy", release={}, approval={})
    (tmp_path / "root.json").write_bytes(publisher.root)
    config = f"""
        [central]
        url = "{publisher.folder}"
        trust_root = "{tmp_path / "root.json"}"
    """
    status, answer, _ = sent("update", config=config)
    assert (status, answer["result"]["refused"]) == (0, [])
    assert answer["result"]["checked"] == ["cpu-busy"]


def test_a_release_whose_work_has_ended_is_not_vouched_for(settings, tmp_path):
    updated(settings, clock=SystemClock())
    with SqliteRegistry.open(tmp_path / "state" / "forewarn.db") as registry:
        registry._connection.execute("update releases set state = 'rolled_back'")
    (reason,) = doubts(settings).values()
    assert "although its work has ended" in reason


def test_what_nobody_foresaw_is_one_line_too(sent, carried, monkeypatch):
    _, config = carried

    def broken(*_, **__):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(updating, "updated", broken)
    status, answer, _ = sent("update", config=f'{config}url = "/none"')
    assert status == 1
    assert answer["error"].startswith("ZeroDivisionError: by nothing; this is a bug")
