"""Reports from the daemon's process to a central on loopback; what a signal costs."""

import json
import signal
import subprocess
import sys

import psutil
import pytest

from agent.adapters.clock import SystemClock
from tests.fakes.central_http import (
    CentralServer,
    says,
    stores_and_hangs_up,
    stores_and_stays_silent,
)
from tests.fakes.commands import (
    ROOT,
    document,
    eventually,
    forewarn,
    rows_of,
    running,
)
from tests.fakes.onnx_files import logistic, manifest_of
from tests.fakes.signed import Publisher

MODEL = logistic()
CONFIG = """
[agent]
interval = "200ms"
state_dir = "{state}"
[central]
url = "{url}"
trust_root = "{root}"
update_every = "30d"
report_every = "{every}"
[store]
commit_every = "200ms"
[sharing]
level = "{level}"
"""


class Site:
    """A host whose central is on loopback."""

    def __init__(self, folder):
        self.folder, self.state = folder, folder / "state"
        self.config, self.journal = folder / "config.toml", folder / "journal"
        publisher = Publisher(folder / "repository", now=SystemClock().now())
        publisher.offer("cpu-busy", manifest_of(MODEL), MODEL)
        (folder / "root.json").write_bytes(publisher.root)
        self.repository = publisher.folder

    def configure(self, url, *, every="1s", level="summaries"):
        text = CONFIG.format(
            state=self.state,
            url=url,
            root=self.folder / "root.json",
            every=every,
            level=level,
        )
        self.config.write_text(text)

    @property
    def options(self):
        return "--config", self.config

    def daemon(self):
        return running(*self.options, journal=self.journal)

    def waiting(self):
        listed = json.loads(forewarn("report", "list", "--json", *self.options).stdout)
        return [each["sequence"] for each in listed if each["state"] == "waiting"]

    def courier(self):
        """Start the courier as `forewarn report` does."""
        command = [sys.executable, "-m", "agent.courier", "report", "--now"]
        return subprocess.Popen(  # noqa: S603 - our own program
            [*command, *map(str, self.options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        )


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.fixture
def central(site):
    with CentralServer(site.repository) as server:
        site.configure(server.url)
        yield server


def test_the_daemon_reports_and_what_fails_on_the_way_comes_later(site, central):
    central.script = [None, says(503, Retry_After="1"), stores_and_hangs_up, None]
    with site.daemon() as daemon:
        eventually(lambda: len(central.stored) >= 4, within_s=40)
        assert daemon.stop() == 0
    numbers = central.sequences
    assert numbers == list(range(1, len(numbers) + 1))
    told = daemon.journal
    assert " report_sent sequence=1 " in told
    assert " report_failed reason=" in told
    assert "courier_failed job=report status=75" in told
    for number in numbers[1:]:
        host = next(iter(central.stored))[0]
        before, report = (central.stored[host, n] for n in (number - 1, number))
        assert before["window"]["end"] == report["window"]["start"]


def test_a_host_that_shares_nothing_is_silent(site, central):
    site.configure(central.url, level="nothing")
    with site.daemon() as daemon:
        eventually(
            lambda: (
                (site.state / "forewarn.db").exists()
                and rows_of(site.state, "select count(*) from samples")[0][0] > 15
            )
        )
        assert daemon.stop() == 0
    assert [visit.method for visit in central.visits if visit.method == "POST"] == []
    assert rows_of(site.state, "select * from spool") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_courier_that_is_ended_in_the_middle_of_a_send_loses_nothing(
    site, central, number
):
    assert forewarn("update", *site.options).returncode == 0
    central.script = [stores_and_stays_silent]
    courier = site.courier()
    try:
        eventually(lambda: central.stored)
        courier.send_signal(number)
        assert courier.wait(timeout=10) == -number
    finally:
        courier.kill()
        courier.communicate()
    assert site.waiting() == [1]
    assert document("report", *site.options)["result"]["sent"]["sent"] == [1, 2]
    assert (site.waiting(), central.sequences) == ([], [1, 2])


def test_a_daemon_that_ends_in_the_middle_of_a_send_leaves_no_child_and_no_loss(
    site, central
):
    central.script = [stores_and_stays_silent]
    with site.daemon() as daemon:
        eventually(lambda: central.stored, within_s=30)
        children = psutil.Process(daemon.process.pid).children(recursive=True)
        assert daemon.stop() == 0
        assert not [each for each in children if each.is_running()]
    assert site.waiting()[:1] == [1]
    assert forewarn("report", *site.options).returncode == 0
    assert site.waiting() == []
    assert central.sequences == list(range(1, len(central.sequences) + 1))
