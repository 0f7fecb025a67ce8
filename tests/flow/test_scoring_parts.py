"""What a daemon needs before its first tick, and what the last one left it."""

import sys
import threading
from contextlib import closing

import psutil
import pytest

from agent.adapters.runtime.mark import left_at
from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.registry import SqliteRegistry
from agent.adapters.voucher import CourierVoucher
from agent.config import Agent, Central, Config, Duration, Guard
from agent.core.event import EventName
from agent.core.lineup import LineUp
from agent.core.policy import Policy
from agent.errors import NotEnrolledError, StateError
from agent.wiring.policy import guard_policy
from agent.wiring.scoring import get_ready, has_source, recovered, scoring
from agent.wiring.vouching import voucher_of
from tests.fakes.ledger import START
from tests.fakes.life import ACTIVE, manifest_of

QUIET = [sys.executable, "-c", ""]
HANGS = [sys.executable, "-c", "import time; time.sleep(60)"]
NO_COURIER = ["/nonexistent/courier"]


@pytest.fixture
def config(tmp_path):
    return Config(agent=Agent(state_dir=tmp_path))


@pytest.fixture
def at_work(config):
    """Return the configuration of a host that has a line-up."""
    with SqliteRegistry.open(config.agent.state_dir / "forewarn.db") as registry:
        registry.admit(digest=ACTIVE, manifest=manifest_of(), at=START)
        registry.set_lineup(LineUp(task="cpu-busy", active=ACTIVE))
    return config


# The site's policy.


def test_a_site_that_says_nothing_of_the_guard_has_the_policy_of_the_guard():
    assert guard_policy(Guard()) == Policy()


def test_each_word_of_a_site_reaches_the_guard():
    said = Guard(
        alpha=0.01,
        margin=0.2,
        block=Duration("1h"),
        min_blocks=3,
        promotion=50.0,
        judge_for=Duration("2d"),
        episodes=9,
        false_alarms=7.0,
        strict=True,
    )
    assert guard_policy(said) == Policy(
        alpha=0.01,
        margin=0.2,
        block_s=3600.0,
        min_blocks=3,
        promotion=50.0,
        least_s=172_800.0,
        least_episodes=9,
        false_alarms=7.0,
        is_strict=True,
    )


# Enrolment.


def test_a_host_without_anything_to_start_from_is_not_enrolled(config):
    with pytest.raises(NotEnrolledError, match="nothing was imported"):
        get_ready(config, courier=NO_COURIER, is_standalone=False)


def test_a_host_that_was_brought_its_releases_needs_no_central_and_no_courier(at_work):
    assert not get_ready(at_work, courier=NO_COURIER, is_standalone=False)


def test_a_courier_that_makes_nothing_fit_is_told(config):
    with pytest.raises(StateError, match="could not be made ready, the courier ended"):
        get_ready(config, courier=QUIET, is_standalone=True)


@pytest.mark.parametrize("what", ["central", "mirror", "standalone"])
def test_where_a_courier_can_look(config, tmp_path, what):
    assert not has_source(config, is_standalone=False)
    if what == "mirror":
        (tmp_path / "mirror").mkdir()
    if what == "central":
        config = Config(agent=config.agent, central=Central(url="https://a.example"))
    assert has_source(config, is_standalone=what == "standalone")


# What the last daemon left.


def test_without_a_mark_the_database_is_not_touched(config, tmp_path):
    assert recovered(config, now=START) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_mark_is_acted_upon_once(at_work, tmp_path):
    (tmp_path / "running").write_text(f"{ACTIVE}\n")
    (event,) = recovered(at_work, now=START)
    assert event.name is EventName.RELEASE_CRASHED
    assert recovered(at_work, now=START) == ()


def test_what_goes_wrong_keeps_no_daemon_from_starting(at_work, tmp_path):
    (tmp_path / "running").write_text(f"{ACTIVE}\n")
    for _ in range(2):
        (tmp_path / "running").write_text(f"{ACTIVE}\n")
        events = recovered(at_work, now=START)  # staged: its life does not allow it
    (event,) = events
    assert event.name is EventName.COMMIT_FAILED
    assert event.fields["reason"] == (
        f"after the crash of {ACTIVE[:12]}: no release that is staged can be breached"
    )
    assert left_at(tmp_path / "running") is None


def test_a_damaged_database_keeps_no_daemon_from_starting(config, tmp_path):
    (tmp_path / "running").write_text(f"{ACTIVE}\n")
    (tmp_path / "forewarn.db").write_bytes(b"not a database" * 100)
    (event,) = recovered(config, now=START)
    assert event.name is EventName.COMMIT_FAILED


# The parts.


def test_parts_that_are_closed_leave_no_child_no_thread_and_no_file(at_work):
    process, threads = psutil.Process(), threading.active_count()
    files = process.num_fds()
    parts = scoring(at_work, voucher=CourierVoucher(HANGS))
    assert len(process.children()) == 1
    parts.close()
    assert process.children() == []
    assert (threading.active_count(), process.num_fds()) == (threads, files)


def test_parts_that_cannot_be_built_leave_nothing_either(at_work, tmp_path):
    (tmp_path / "running").symlink_to("elsewhere")
    files = psutil.Process().num_fds()
    with pytest.raises(StateError, match="running: expected a file to write to"):
        scoring(at_work, voucher=CourierVoucher(HANGS))
    assert psutil.Process().children() == []
    assert psutil.Process().num_fds() == files


def test_only_a_folder_with_a_database_is_vouched_for_ahead(at_work, tmp_path):
    def children_for(state_dir, config_path=None):
        given = {"config_path": config_path, "state_dir": state_dir}
        with closing(voucher_of(**given, is_standalone=True)):
            return len(psutil.Process().children())

    assert children_for(tmp_path) == 1
    assert children_for(tmp_path / "elsewhere") == 0
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[agentt]\n")
    assert children_for(tmp_path, wrong) == 0


def test_a_folder_with_a_line_up_is_left_as_it_is(at_work):
    path = at_work.agent.state_dir / "forewarn.db"
    get_ready(at_work, courier=NO_COURIER, is_standalone=False)
    with SqliteLedger.open(path) as ledger:
        assert [lineup.active for lineup in ledger.lineups()] == [ACTIVE]
