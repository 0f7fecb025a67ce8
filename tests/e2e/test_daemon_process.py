"""The daemon as a process: a signed central, signals, a second one, what it leaves."""

import fcntl
import hashlib
import os
import pty
import re
import select
import signal
import socket
import struct
import termios
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from threading import Event

import psutil
import pytest

from agent.adapters.clock import SystemClock
from tests.fakes.commands import (
    counts,
    document,
    eventually,
    forewarn,
    rows_of,
    running,
)
from tests.fakes.onnx_files import SERIES, logistic, manifest_of
from tests.fakes.signed import Publisher

CONFIG = """
[agent]
interval = "200ms"
[store]
commit_every = "{commit_every}"
[central]
url = "{url}"
trust_root = "{root}"
update_every = "30d"
"""
# What is true at once, and what never is: an outcome of each kind.
CONDITIONS = {"cpu-always": ">= 0", "cpu-never": ">= 2"}


@pytest.fixture(scope="module")
def central(tmp_path_factory):
    """Return the folder of a signed repository with two tasks of a short horizon."""
    folder = tmp_path_factory.mktemp("central")
    publisher = Publisher(folder / "repository", now=SystemClock().now())
    for name, condition in CONDITIONS.items():
        model = logistic([len(name), -1])  # two models, two files
        target = {"kind": "event", "series": SERIES, "condition": condition}
        manifest = manifest_of(
            model,
            task=name,
            target=target | {"within": "1s", "onset": False},
            score_every="200ms",
            missing="skip",
            min_coverage=0.3,  # a busy machine drops ticks
            features=[f"last_over_time({SERIES}[2s])", f"last_over_time({SERIES}[1s])"],
        )
        publisher.offer(name, manifest, model)
    (folder / "root.json").write_bytes(publisher.root)
    return folder


class Site:
    """A host with its configuration, its state folder and its journal."""

    def __init__(self, folder, central):
        self.state = folder / "state"
        self.config = folder / "config.toml"
        self.journal = folder / "journal"
        self._central = central
        self.configure()

    def configure(self, *, commit_every="200ms", url=None):
        text = CONFIG.format(
            commit_every=commit_every,
            url=self._central / "repository" if url is None else url,
            root=self._central / "root.json",
        )
        self.config.write_text(text)

    @property
    def options(self):
        return "--config", self.config, "--state-dir", self.state

    def daemon(self, **streams):
        return running(*self.options, journal=self.journal, **streams)

    def outcomes(self):
        """Return how many outcomes there are by kind; none before the database."""
        if not (self.state / "forewarn.db").exists():
            return {}
        return counts(self.state)["outcomes"]

    def models(self):
        return sorted((self.state / "models").glob("*.onnx"))


@pytest.fixture
def site(tmp_path, central):
    return Site(tmp_path, central)


def is_alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_predictions_get_outcomes_and_status_agrees_with_sqlite(site):
    with site.daemon() as daemon:
        eventually(lambda: {"happened", "did_not"} <= set(site.outcomes()))
        before = counts(site.state)
        found = document("status", *site.options)
        after = counts(site.state)
        assert found["is_well"], found["findings"]
        assert found["is_running"]
        assert found["cost"]["pid"] == daemon.process.pid
        for key in ("samples", "moments"):
            assert before[key] <= found["ledger"][key] <= after[key]
        for kind in ("happened", "did_not"):
            of = [each["outcomes"][kind] for each in (before, found["ledger"], after)]
            assert of == sorted(of)
        assert daemon.stop() == 0
    found = document("status", *site.options, status=3)
    ledger = found["ledger"]
    assert {key: ledger[key] for key in counts(site.state)} == counts(site.state)
    assert (found["is_running"], found["cost"]) == (False, None)
    scored = {card["task"]: card["skill"] for card in found["scorecards"]}
    assert scored["cpu-always"]["happened"] == ledger["outcomes"]["happened"]
    assert scored["cpu-never"]["happened"] == 0


def test_sigterm_commits_what_was_held_back(site):
    site.configure(commit_every="1h")
    with site.daemon() as daemon:
        eventually(lambda: site.models() and site.outcomes())
        held = counts(site.state)["samples"]
        Event().wait(0.5)
        assert counts(site.state)["samples"] == held
        ends_at = SystemClock().now()
        assert daemon.stop() == 0
    assert daemon.journal.splitlines()[-1].endswith("daemon_stopped")
    assert counts(site.state)["samples"] > held
    ((last,),) = rows_of(site.state, "select max(at) from samples")
    at = datetime.fromtimestamp(last / 1e6, UTC)
    assert at > ends_at - timedelta(seconds=1)


def test_a_courier_on_its_way_goes_with_the_daemon(site):
    assert forewarn("update", *site.options).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        site.configure(url=f"http://{host}:{port}/")
        with site.daemon() as daemon:
            children = psutil.Process(daemon.process.pid).children
            courier = eventually(children)[0]
            silent.accept()[0].close()  # it is past its start
            assert daemon.stop() == 0
            assert not is_alive(courier)


def test_a_second_daemon_leaves_the_first_alone(site):
    with site.daemon() as daemon:
        second = forewarn("run", *site.options)
        pid = daemon.process.pid
        assert (second.returncode, second.stdout, second.stderr) == (
            75,
            "",
            f"forewarn: {site.state}: another daemon is at work, process {pid}\n",
        )
        assert daemon.process.poll() is None


def test_sighup_takes_a_good_configuration_and_keeps_the_last_from_a_bad_one(site):
    with site.daemon() as daemon:
        good = site.config.read_text()
        site.config.write_text(good + "\n[agentt]\n")
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: daemon.has_told("config_refused"))
        assert f"{site.config}:11: key " in daemon.journal
        samples = counts(site.state)["samples"]
        eventually(lambda: counts(site.state)["samples"] > samples)
        assert "config_reloaded" not in daemon.journal
        site.config.write_text(good.replace('"200ms"', '"300ms"'))
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: daemon.has_told("config_reloaded"))
        samples = counts(site.state)["samples"]
        eventually(lambda: counts(site.state)["samples"] > samples + 6)
        assert daemon.stop() == 0
    instants = [at for (at,) in rows_of(site.state, "select at from samples")]
    # The middle one: a busy host may come late to some, and the next is shorter.
    steps = [after - before for before, after in pairwise(instants[-7:])]
    assert 0.25 < median(steps) / 1e6 < 1


def tampered(site):
    """Let a site take in its models, then change a byte of one; return its file."""
    with site.daemon() as daemon:
        eventually(site.outcomes)
        daemon.stop()
    model = site.models()[0]
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.chmod(0o640)
    model.write_bytes(content)
    return model


def test_a_tampered_model_is_set_aside_fetched_again_and_scores_again(site):
    model = tampered(site)
    ((start,),) = rows_of(site.state, "select max(id) from moments")
    scored = _SCORED.format(start)
    with site.daemon() as daemon:
        eventually(lambda: daemon.has_told("release_unusable"))
        eventually(lambda: rows_of(site.state, scored) == [(2,)])
        assert daemon.stop() == 0
    assert hashlib.sha256(model.read_bytes()).hexdigest() == model.stem
    (aside,) = (site.state / "models" / "aside").iterdir()
    assert aside.name == f"{model.stem}.1"


def test_a_tampered_model_leaves_the_baseline_and_is_named(site, tmp_path):
    model = tampered(site)
    site.configure(url=tmp_path / "gone")
    with site.daemon() as daemon:
        eventually(lambda: daemon.has_told("release_unusable"))
        assert f"model {model.stem[:12]}: expected sha256 {model.stem}" in (
            daemon.journal
        )
        ((start, *_),) = rows_of(site.state, "select max(id) from moments")
        eventually(
            lambda: rows_of(
                site.state,
                f"select count(*) from moments where id > {start + 10}",  # noqa: S608
            )[0][0]
        )
        found = document("status", *site.options, status=3)
        text = forewarn("status", *site.options)
    finding, *_ = found["findings"]  # and that central is not there
    (task,) = {each for each in CONDITIONS if finding.startswith(each)}
    assert " does not work, the baseline speaks (release_unusable at " in finding
    assert f": model {model.stem[:12]}: expected sha256 {model.stem}, got " in finding
    assert text.stdout.splitlines()[:2] == [
        f"forewarn {found['agent']}: not well",
        f"  ! {finding}",
    ]
    newest = dict(rows_of(site.state, "select task, max(id) from moments group by 1"))
    roles = {
        name: {role for (role,) in rows_of(site.state, _ROLES.format(newest[name]))}
        for name in CONDITIONS
    }
    (other,) = CONDITIONS.keys() - {task}
    assert roles == {task: {"baseline"}, other: {"active", "baseline"}}


_SCORED = (
    "select count(distinct task) from predictions join moments as m on m.id = moment"
    " where role = 'active' and m.id > {}"
)
_ROLES = "select role from predictions where moment = {}"


def test_a_killed_daemon_leaves_what_was_committed_and_the_next_goes_on(site):
    with site.daemon() as daemon:
        eventually(site.outcomes)
        assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    left = counts(site.state)
    found = document("status", *site.options, status=3)
    assert {key: found["ledger"][key] for key in left} == left
    with site.daemon() as daemon:
        eventually(lambda: counts(site.state)["samples"] > left["samples"])
        assert daemon.stop() == 0


# --- on a terminal


def drawn(site, *, columns, lines):
    """Return what a daemon draws on a terminal of so many columns, redraw by redraw."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    shown = b""
    try:
        with site.daemon(stdout=theirs) as daemon:
            while shown.count(b"\r") < lines:
                assert select.select([ours], [], [], 20)[0], daemon.journal
                shown += os.read(ours, 4096)
            daemon.stop()
    finally:
        os.close(theirs)
        os.close(ours)
    return shown.decode().split("\r\x1b[2K")


def test_on_a_terminal_one_line_is_drawn_over_and_over(site):
    nothing, *redraws, last = drawn(site, columns=200, lines=20)
    assert nothing == ""
    assert last
    pattern = re.compile(
        r"\d\d:\d\d:\d\d \| (no prediction yet|cpu-always [\d.]+ %  cpu-never [\d.]+ %)"
        r" \| \d+ open, \d+ resolved, \d+ happened"
        r"( \| Brier 0\.\d{4}, baseline 0\.\d{4})?"
        r" \| own ([\d.]+ % CPU, )?\d+ MB"
    )
    # An event takes the line away first and stands alone: nothing is glued to it.
    lines = [line for line in redraws if line]
    assert [line for line in lines if not pattern.fullmatch(line)] == []
    assert any("Brier" in line for line in redraws)


def test_a_narrow_terminal_gets_what_fits(site):
    _, *redraws, _ = drawn(site, columns=40, lines=6)
    assert max(map(len, redraws)) < 40
    assert not any("\n" in line for line in redraws)


def test_without_a_terminal_nothing_is_drawn(site, tmp_path):
    path = tmp_path / "stdout"
    with path.open("wb") as stdout, site.daemon(stdout=stdout) as daemon:
        eventually(site.outcomes)
        daemon.stop()
    assert path.read_bytes() == b""
    assert Path(site.journal).read_text().count("\n") < 12
