"""Reports by the commands and the courier: a real ledger, a real socket, one state."""

import functools
import json
import tarfile

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.identity import host_id
from agent.adapters.lock import state_lock
from agent.cli import main as forewarn
from agent.courier import main as courier
from agent.wiring import courier as wiring
from agent.wiring.courier import CourierSettings
from agent.wiring.updating import updated
from tests.fakes.central_http import (
    CentralServer,
    receipt_for,
    says,
    stores_and_hangs_up,
)
from tests.fakes.http import dripping_head
from tests.fakes.onnx_files import logistic, manifest_of
from tests.fakes.signed import Publisher

MODEL = logistic()


@pytest.fixture(scope="module")
def publisher(tmp_path_factory):
    publisher = Publisher(
        tmp_path_factory.mktemp("repository"), now=SystemClock().now()
    )
    publisher.offer("cpu-busy", manifest_of(MODEL), MODEL)
    return publisher


class Host:
    """A host with a state folder, whose central is `url`."""

    def __init__(self, folder, publisher, capsys):
        self.folder, self.state = folder, folder / "state"
        self.config = folder / "config.toml"
        self.root = folder / "root.json"
        self.root.write_bytes(publisher.root)
        self._capsys = capsys
        self.configure(publisher.folder)
        central = wiring.Central(url=str(publisher.folder), trust_root=self.root)
        updated(
            CourierSettings(state_dir=self.state, central=central), clock=SystemClock()
        )
        capsys.readouterr()

    def configure(self, url, *, more="", central=""):
        self.config.write_text(
            f'[agent]\nstate_dir = "{self.state}"\n'
            f'[central]\nurl = "{url}"\ntrust_root = "{self.root}"\n{central}\n{more}'
        )

    def courier(self, *arguments):
        """Run the courier as the daemon does; return its status, answer and words."""
        status = courier(["report", *arguments, "--config", str(self.config)])
        printed = self._capsys.readouterr()
        return status, json.loads(printed.out), printed.err

    def run(self, *arguments):
        """Run a command; return its status, and what it prints."""
        status = forewarn([*map(str, arguments), "--config", str(self.config)])
        printed = self._capsys.readouterr()
        return status, printed.out, printed.err

    def waiting(self):
        _, out, _ = self.run("report", "list", "--json")
        return [each["sequence"] for each in json.loads(out)]


@pytest.fixture
def host(tmp_path, publisher, capsys):
    return Host(tmp_path, publisher, capsys)


@pytest.fixture
def central(host):
    with CentralServer() as central:
        host.configure(central.url)
        yield central


# --- the courier's round


def test_a_round_cuts_what_is_due_and_sends_it(host, central):
    status, answer, words = host.courier()
    assert (status, answer["status"]) == (0, 0)
    assert answer["result"]["cut"] == 1
    assert answer["result"]["sent"]["sent"] == [1]
    assert " report_sent sequence=1 " in words
    assert central.stored[host_id(), 1]["sequence"] == 1
    assert host.waiting() == []


def test_a_round_that_comes_too_soon_says_nothing_new(host, central):
    host.courier()
    _, answer, _ = host.courier()
    assert (answer["result"]["cut"], answer["result"]["sent"]) == (None, None)
    assert len(central.visits) == 1


def test_a_round_sends_one_at_most_and_who_asks_gets_it_all(host, central):
    central.script = [says(500)] * 3
    for _ in range(3):
        assert host.courier("--now")[0] == 69
    assert host.waiting() == [1, 2, 3]
    assert host.courier()[1]["result"]["sent"]["sent"] == [1]
    assert host.courier()[1]["result"]["sent"]["sent"] == [2]
    host.courier("--now")
    assert (host.waiting(), central.sequences) == ([], [1, 2, 3, 4])


def test_an_answer_that_was_lost_doubles_nothing(host, central):
    central.script = [stores_and_hangs_up]
    status, answer, words = host.courier()
    assert (status, "report_failed" in words) == (69, True)
    assert "after_s" not in answer
    assert host.courier()[1]["result"]["sent"]["sent"] == [1]
    assert central.sequences == [1]


def test_how_long_central_asks_to_wait_is_handed_on(host, central):
    central.script = [says(429, {"error": "too many"}, Retry_After="90")]
    status, answer, _ = host.courier()
    assert (status, answer["status"], answer["after_s"]) == (75, 75, 90.0)
    assert host.waiting() == [1]


def test_a_revoked_host_is_the_operators_and_loses_nothing(host, central):
    central.script = [says(403, {"error": "revoked"})]
    status, answer, words = host.courier()
    assert status == 78
    assert "a host that is not revoked" in answer["error"]
    assert "report_failed" in words
    assert host.waiting() == [1]


def test_a_host_that_lost_its_state_goes_on_after_what_central_knows(host, central):
    for number in (1, 2, 3):
        central.stored[host_id(), number] = {"sequence": number, "old": True}
    _, answer, words = host.courier()
    assert answer["result"]["sent"]["sent"] == []
    assert host.courier()[1]["result"]["sent"]["sent"] == [4]
    assert " reports_renumbered count=1 first=4" in words
    host.courier("--now")
    assert central.sequences == [1, 2, 3, 4, 5]


def test_an_update_at_work_does_not_keep_reports_from_leaving(host, central):
    with state_lock(host.state, name="courier", wait_s=0):
        assert host.courier()[0] == 0
    assert central.sequences == [1]


def test_two_reports_at_once_do_not_meet(host, central, monkeypatch):
    hasty = functools.partial(CourierSettings, lock_wait_s=0.1)
    monkeypatch.setattr(wiring, "CourierSettings", hasty)
    with state_lock(host.state, name="report", wait_s=0):
        status, answer, _ = host.courier()
    assert (status, "another report is at work" in answer["error"]) == (75, True)


def test_a_round_ends_in_time_whatever_it_waits_for(host, monkeypatch):
    short = functools.partial(CourierSettings, limit_s=0.5)
    monkeypatch.setattr(wiring, "CourierSettings", short)
    with dripping_head() as url:
        host.configure(url)
        status, answer, _ = host.courier()
    assert status == 75
    assert answer["error"].endswith("tried again at the next report")
    assert host.waiting() == [1]


def test_what_nobody_takes_over_the_network_is_cut_and_waits(host):
    status, answer, _ = host.courier()
    assert (status, answer["result"]["sent"]) == (0, None)
    assert host.waiting() == [1]


def test_a_host_that_shares_nothing_says_nothing(host, central):
    host.configure(central.url, more='[sharing]\nlevel = "nothing"')
    status, answer, _ = host.courier()
    assert (status, answer["result"]["cut"], central.visits) == (0, None, [])


def test_what_waited_before_sharing_was_forbidden_does_not_leave(
    host, central, tmp_path
):
    central.script = [says(500)]
    host.courier()
    host.configure(central.url, more='[sharing]\nlevel = "nothing"')
    host.courier()
    status, _, words = host.run("export", tmp_path / "reports.tar")
    assert (status, 'got "nothing"' in words) == (78, True)
    assert (len(central.visits), host.waiting()) == (1, [1])


@pytest.mark.parametrize("way", ["courier", "export"])
def test_what_waited_when_the_level_was_lowered_does_not_leave(
    host, central, tmp_path, way
):
    central.script = [says(500)]
    sharing = '[sharing]\nlevel = "{}"\nhost_name = {}\n'
    host.configure(central.url, more=sharing.format("samples", "true"))
    host.courier()
    host.configure(central.url, more=sharing.format("summaries", "false"))
    if way == "courier":
        _, answer, words = host.courier("--now")
        assert answer["result"]["sent"]["sent"] == [2]
        assert " reports_dropped count=1 first=1 last=1 policy=sharing" in words
        (got,) = central.stored.values()
        assert (got["labelled"], got["host_name"]) == (None, None)
    else:
        host.run("export", tmp_path / "reports.tar")
        assert host.waiting() == [2]


# --- the command


def test_report_sends_now_and_says_what_became_of_it(host, central):
    status, out, words = host.run("report")
    assert (status, out, words) == (0, "sent: 1; none waits\n", "")


def test_report_as_json_is_the_couriers_answer(host, central):
    status, out, _ = host.run("report", "--json")
    assert (status, json.loads(out)["result"]["sent"]["sent"]) == (0, [1])


def test_report_tells_what_was_refused_for_good(host, central):
    central.script = [says(413, {"error": "2,000,001 bytes"})]
    status, out, words = host.run("report")
    assert status == 3
    assert words.startswith("report 1 refused for good: status 413: 413 ")
    assert out == "sent: none; none waits\n"
    _, out, _ = host.run("report", "list")
    assert "refused  status 413" in out
    _, out, _ = host.run("status")
    assert "! central refused 1 reports for good" in out


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (says(503, Retry_After="7"), 75, "; it asks for 7 s of rest"),
        (says(502), 69, "expected status 200, got 502 Bad Gateway"),
        (says(401), 78, "enrol it by `forewarn enroll`"),
    ],
)
def test_report_ends_by_who_must_act(host, central, answer, status, words):
    central.script = [answer]
    found, _, told = host.run("report")
    assert (found, words in told) == (status, True)
    assert host.waiting() == [1]


def test_report_without_a_way_out_says_which_there_is(host):
    status, _, words = host.run("report")
    assert (status, "`forewarn export` writes" in words) == (78, True)
    host.config.write_text(f'[agent]\nstate_dir = "{host.state}"')
    status, _, words = host.run("report")
    assert (status, "name a central by `forewarn enroll`" in words) == (4, True)


def test_a_preview_shows_what_would_leave_and_changes_nothing(host, central):
    status, out, words = host.run("report", "preview", "--json")
    assert status == 0
    assert words.startswith('report 1, sharing.level "summaries": ')
    assert ", packed " in words
    assert len(central.visits) == 0
    host.run("report")
    shown, sent = json.loads(out), central.stored[host_id(), 1]
    assert set(shown) == set(sent)
    for changing in ("window", "health"):
        shown.pop(changing), sent.pop(changing)
    assert shown == sent


def test_a_preview_for_people_is_the_same_on_many_lines(host):
    _, out, _ = host.run("report", "preview")
    assert json.loads(out)["sequence"] == 1
    assert out.count("\n") > 10


def test_a_preview_of_nothing_says_so(host):
    host.configure("/none", more='[sharing]\nlevel = "nothing"')
    status, out, words = host.run("report", "preview")
    assert (status, out) == (0, "")
    assert words == 'sharing.level is "nothing": no report leaves this host\n'


def test_status_says_how_it_stands_with_the_reports(host, central):
    assert "reports: summaries, 0 wait\n" in host.run("status")[1]
    central.script = [says(500)]
    host.run("report")
    _, out, _ = host.run("status", "--json")
    reports = json.loads(out)["reports"]
    assert reports["waiting"] == 1
    assert "expected status 200, got 500" in reports["failure"]
    host.run("report")
    _, out, _ = host.run("status")
    assert "reports: summaries, 0 wait; last acknowledged at 2" in out


# --- the air gap


@pytest.fixture
def carried(host, tmp_path):
    """Return an archive of the reports of a host that has no network."""
    host.courier()
    stick = tmp_path / "stick"
    stick.mkdir()
    status, out, _ = host.run("export", stick, "--json")
    assert status == 0
    return json.loads(out)


def test_what_is_exported_waits_until_the_receipt_is_there(host, carried, tmp_path):
    assert carried["sequences"] == [1, 2] == host.waiting()
    with tarfile.open(carried["path"]) as archive:
        assert archive.getnames() == ["manifest.json", "1.json.gz", "2.json.gz"]
        receipt = receipt_for(archive)
    (tmp_path / "receipt.json").write_text(json.dumps(receipt))
    status, out, _ = host.run("import", tmp_path / "receipt.json")
    assert (status, out) == (0, "2 reports acknowledged, 0 wait\n")
    assert host.waiting() == []
    status, out, _ = host.run("import", tmp_path / "receipt.json")
    assert (status, out) == (0, "0 reports acknowledged, 0 wait\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"host_id": "f" * 32}, "expected one for this host"),
        (
            {"received": [{"sequence": 1, "sha256": "0" * 64}]},
            "report 1: expected digest",
        ),
        ({"received": [{"sequence": 1}]}, "missing required field `sha256`"),
        ({"received": None}, "Expected `array`, got `null`"),
    ],
)
def test_a_receipt_for_something_else_deletes_nothing(
    host, carried, tmp_path, change, words
):
    with tarfile.open(carried["path"]) as archive:
        receipt = receipt_for(archive) | change
    (tmp_path / "receipt.json").write_text(json.dumps(receipt))
    status, _, told = host.run("import", tmp_path / "receipt.json")
    assert (status, words in told) == (1, True)
    assert host.waiting() == [1, 2]


def test_an_export_that_cannot_be_written_leaves_no_half_file(host, tmp_path):
    status, _, words = host.run("export", tmp_path / "none" / "reports.tar")
    assert (status, "expected a place that this user can write to" in words) == (
        1,
        True,
    )
    assert not list(tmp_path.glob("**/*unfinished*"))


def test_an_export_is_no_repository_and_a_repository_no_receipt(
    host, carried, publisher
):
    status, _, words = host.run("import", carried["path"])
    assert (status, "expected a repository" in words) == (1, True)
    status, out, _ = host.run("import", publisher.folder)
    assert (status, "on offer" in out) == (0, True)
