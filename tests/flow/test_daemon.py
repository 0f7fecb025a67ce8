"""The daemon: signals, a changed configuration, a courier that fails, a tick that does.

It runs here in the main thread, as it does for real, with a beat of 50 ms; what a test
wants to happen, happens in the tick that it names.
"""

import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psutil
import pytest

import agent.daemon.daemon as daemon_module
from agent.adapters.clock import SystemClock
from agent.config import Agent, Central, Config, Duration, Store
from agent.core.event import EventName
from agent.core.pace import report_wait_s, update_wait_s
from agent.core.policy import Policy
from agent.daemon import errand
from agent.daemon.daemon import Daemon, Surroundings
from agent.daemon.errand import Errand
from agent.daemon.schedule import heard
from agent.daemon.trips import Job, Trips
from agent.errors import ConfigError, StateError
from agent.flows.tick import Ticker
from agent.wiring.scoring import Scoring
from tests.fakes.clock import FakeClock
from tests.fakes.commands import eventually
from tests.fakes.host import ScriptedHost
from tests.fakes.ledger import START
from tests.fakes.life import (
    ACTIVE,
    CPU,
    InSqlite,
    KeptEvidence,
    Life,
    manifest_of,
)
from tests.fakes.models import FixedModels
from tests.fakes.vouchers import FixedVoucher

LATER_S = 20
QUIET = [sys.executable, "-c", ""]
FAILS = [sys.executable, "-c", "raise SystemExit(75)"]
FINDS = [sys.executable, "-c", "raise SystemExit(3)"]
HANGS = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write("deaf")
time.sleep(60)
"""
SAYS = [sys.executable, "-c", "print(1)"]
LINGERS = (
    "import subprocess as s, sys;"
    "print(s.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)"
)
LEAVES = [sys.executable, "-c", LINGERS]
STAYS = "import sys, time; time.sleep(0.5);open(sys.argv[1], 'a').write(sys.argv[2])"
TELLS = "import sys; open(sys.argv[1], 'a').write('.')"


@pytest.fixture(autouse=True)
def bounded():
    """End a test in which nothing happens any more."""

    def give_up(number, frame):
        raise TimeoutError("the daemon did not end")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LATER_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def config_of(
    folder,
    *,
    interval="50ms",
    commit_every="0s",
    update_every="15m",
    report_every="1h",
):
    return Config(
        agent=Agent(interval=Duration(interval), state_dir=folder),
        store=Store(commit_every=Duration(commit_every)),
        central=Central(
            update_every=Duration(update_every), report_every=Duration(report_every)
        ),
    )


class Stage:
    """A daemon's surroundings, with a script.

    Attributes:
        at_tick: Number of a tick, from 1 -> what is done at its end.
        configs: What each reading of the configuration gives or raises.
    """

    def __init__(self, folder, *, courier=QUIET, limit_s=10.0, config=None):
        self.folder = folder
        self.bench = InSqlite(folder)
        self.bench.take_in(manifest_of(), ACTIVE)
        self.bench.line_up(task="cpu-busy", active=ACTIVE)
        self.configs = [config or config_of(folder)]
        self.at_tick, self.events, self.built = {}, [], []
        self.clock, self.ticks = SystemClock(), 0
        self.courier, self.reporter, self.limit_s = courier, QUIET, limit_s
        self.has_source, self.is_reporting, self.draw = True, False, 1.0
        self.models = FixedModels()
        self.host = ScriptedHost([{CPU: 0.5}])

    def configure(self):
        found = self.configs.pop(0) if len(self.configs) > 1 else self.configs[0]
        if isinstance(found, Exception):
            raise found
        return found

    def build(self, config):
        self.built.append(config)
        self.bench.reopen()
        ticker = Ticker(
            host=self.host,
            ledger=self.bench.ledger,
            models=self.models,
            voucher=FixedVoucher(),
            interval_s=float(config.agent.interval),
            commit_every_s=float(config.store.commit_every),
            is_allowed=lambda task: True,
            policy=Policy(),
            evidence=KeptEvidence(),
        )
        close = self.bench.ledger.close
        return Scoring(ticker=ticker, ledger=self.bench.ledger, close=close)

    def show(self, result):
        self.ticks += 1
        self.at_tick.get(self.ticks, lambda: None)()

    def jobs(self):
        return (
            Job(
                name="update",
                command=self.courier,
                is_wanted=lambda config: self.has_source,
                every_s=lambda config: config.central.update_every,
                pace=update_wait_s,
                is_first=True,
                limit_s=self.limit_s,
            ),
            Job(
                name="report",
                command=self.reporter,
                is_wanted=lambda config: self.is_reporting,
                every_s=lambda config: config.central.report_every,
                pace=report_wait_s,
                is_heard=True,
                limit_s=self.limit_s,
            ),
        )

    def daemon(self):
        return Daemon(
            Surroundings(
                configure=self.configure,
                build=self.build,
                jobs=self.jobs(),
                draw=lambda: self.draw,
                clock=self.clock,
                tell=self.events.append,
                show=self.show,
            )
        )

    def run(self):
        self.daemon().run()
        return self

    def until(self, is_so):
        """Let the daemon run until something is so, looked at after each tick."""
        self.show = lambda result: end() if is_so() else None
        return self.run()

    @property
    def names(self):
        return [event.name for event in self.events]

    def reason(self, name):
        return next(e.fields for e in self.events if e.name is name)


def send(number):
    return lambda: os.kill(os.getpid(), number)


end = send(signal.SIGTERM)


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def children():
    return psutil.Process().children()


# Signals.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_running_tick_with_all_ticks_committed(
    tmp_path, number
):
    stage = Stage(tmp_path, config=config_of(tmp_path, commit_every="10m"))
    stage.at_tick[4] = send(number)
    stage.run()
    assert stage.ticks == 4
    assert stage.bench.sample_count() == 4
    assert stage.names == [EventName.DAEMON_STARTED, EventName.DAEMON_STOPPED]
    assert children() == []


def test_afterwards_signals_do_what_they_did_before(stage):
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    stage.at_tick[1] = end
    stage.run()
    assert [signal.getsignal(number) for number in numbers] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_ticks_come_at_whole_multiples_of_the_interval(tmp_path):
    stage = Stage(tmp_path, config=config_of(tmp_path, interval="200ms"))
    stage.at_tick[5] = end
    stage.run()
    instants = [sample.at for sample in _samples(stage)][1:]
    phases = [instant.timestamp() % 0.2 for instant in instants]
    # Late by a little, never early, and never half a step away.
    assert all(phase < 0.1 for phase in phases), phases


def _samples(stage):
    stage.bench.reopen()
    found = list(stage.bench.ledger.samples(since=datetime(2000, 1, 1, tzinfo=UTC)))
    stage.bench.close()
    return found


def test_a_signal_that_comes_before_the_wait_cuts_it_short():
    with heard((signal.SIGUSR1,)) as signals:
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        signals.wait(None)
        assert signals.taken() == [signal.SIGUSR1, signal.SIGUSR1]
        assert signals.taken() == []
        signals.wait(0.0)


def test_a_flood_of_signals_neither_blocks_nor_gets_lost():
    with heard((signal.SIGUSR1,)) as signals:
        for _ in range(100_000):
            os.kill(os.getpid(), signal.SIGUSR1)
        assert len(signals.taken()) == 100_000
        signals.wait(None)


# The configuration.


def test_a_hangup_takes_over_a_changed_configuration(stage):
    changed = config_of(stage.folder, interval="20ms")
    stage.configs.append(changed)
    stage.at_tick = {3: send(signal.SIGHUP), 8: end}
    stage.run()
    assert stage.names == [
        EventName.DAEMON_STARTED,
        EventName.CONFIG_RELOADED,
        EventName.DAEMON_STOPPED,
    ]
    assert stage.built[1:] == [changed]
    assert len(_samples(stage)) == 8


def test_a_wrong_configuration_is_told_and_changes_nothing(stage):
    stage.configs += [ConfigError("agent.interval: expected 20ms to 10m, got 1h")]
    stage.at_tick = {3: send(signal.SIGHUP), 6: end}
    stage.run()
    assert EventName.CONFIG_RELOADED not in stage.names
    assert stage.reason(EventName.CONFIG_REFUSED) == {
        "reason": "agent.interval: expected 20ms to 10m, got 1h"
    }
    assert len(stage.built) == 1
    assert stage.ticks == 6


def test_the_state_folder_does_not_change_under_a_running_daemon(stage, tmp_path):
    stage.configs.append(config_of(tmp_path / "elsewhere"))
    stage.at_tick = {2: send(signal.SIGHUP), 4: end}
    stage.run()
    assert (
        "until the daemon is started anew"
        in (stage.reason(EventName.CONFIG_REFUSED)["reason"])
    )


def test_a_changed_configuration_is_heard_before_the_end(stage):
    stage.configs.append(config_of(stage.folder, interval="20ms"))
    stage.at_tick[2] = lambda: (send(signal.SIGHUP)(), end())
    stage.run()
    assert stage.names[1:] == [EventName.CONFIG_RELOADED, EventName.DAEMON_STOPPED]
    assert stage.ticks == 2


def test_a_reload_changes_how_often_the_courier_is_sent(tmp_path):
    log = tmp_path / "log"
    stage = Stage(tmp_path, courier=[sys.executable, "-c", TELLS, str(log)])
    stage.configs.append(config_of(tmp_path, update_every="200ms"))
    stage.at_tick[2] = send(signal.SIGHUP)

    def look():
        if log.exists() and len(log.read_text()) >= 3:
            end()

    stage.at_tick |= dict.fromkeys(range(3, 2000), look)
    stage.run()
    assert EventName.COURIER_FAILED not in stage.names


# The courier.


def test_a_courier_that_comes_back_is_no_event(tmp_path):
    log = tmp_path / "log"
    stage = Stage(tmp_path, courier=[sys.executable, "-c", TELLS, str(log)])
    stage.until(lambda: log.exists() and not children())
    assert stage.names == [EventName.DAEMON_STARTED, EventName.DAEMON_STOPPED]


def test_a_courier_that_fails_is_told_with_its_status(tmp_path):
    stage = Stage(tmp_path, courier=FAILS)
    stage.until(lambda: EventName.COURIER_FAILED in stage.names)
    assert stage.names.count(EventName.COURIER_FAILED) == 1
    assert stage.reason(EventName.COURIER_FAILED) == {"job": "update", "status": 75}


def test_findings_of_the_courier_are_no_failure(tmp_path):
    stage = Stage(tmp_path, courier=FINDS)
    came_back = []

    def look():
        if not children():
            came_back.append(True)
        return len(came_back) > 3

    stage.until(look)
    assert EventName.COURIER_FAILED not in stage.names


def test_a_failing_courier_goes_again_later_and_is_told_when_it_fails_otherwise(
    tmp_path,
):
    log = tmp_path / "log"
    changing = (
        "import sys; from pathlib import Path; log = Path(sys.argv[1]);"
        "before = log.read_text() if log.exists() else '';"
        "log.write_text(before + '.'); sys.exit(75 if len(before) < 2 else 1)"
    )
    stage = Stage(tmp_path, courier=[sys.executable, "-c", changing, str(log)])
    stage.draw = 1e-9  # a second later, the soonest there is
    stage.until(lambda: stage.names.count(EventName.COURIER_FAILED) == 2)
    failed = [e for e in stage.events if e.name is EventName.COURIER_FAILED]
    assert [event.fields["status"] for event in failed] == [75, 1]
    assert log.read_text() == "..."
    assert failed[1].at - failed[0].at > timedelta(seconds=1.9)


def test_without_a_source_no_courier_is_sent_until_there_is_one(tmp_path):
    log = tmp_path / "log"
    stage = Stage(
        tmp_path,
        courier=[sys.executable, "-c", TELLS, str(log)],
        config=config_of(tmp_path, update_every="100ms"),
    )
    stage.has_source = False

    def look():
        if stage.ticks == 10:
            assert not log.exists()
            stage.has_source = True

    plain = stage.show

    def show(result):
        plain(result)
        look()
        if log.exists():
            end()

    stage.show = show
    stage.run()
    assert stage.ticks > 10


def test_a_courier_that_takes_too_long_is_killed_and_told(tmp_path):
    stage = Stage(tmp_path, courier=HANGS, limit_s=0.3)
    stage.until(lambda: EventName.COURIER_FAILED in stage.names)
    assert stage.reason(EventName.COURIER_FAILED)["status"] == -signal.SIGKILL
    assert children() == []


def test_a_courier_that_cannot_be_started_is_told_and_the_ticks_go_on(tmp_path):
    stage = Stage(tmp_path, courier=[str(tmp_path / "not there")])
    stage.at_tick[3] = end
    stage.run()
    (failed,) = (e for e in stage.events if e.name is EventName.COURIER_FAILED)
    assert "No such file or directory" in failed.fields["error"]
    assert stage.ticks == 3


def test_no_courier_is_left_behind(tmp_path):
    stage = Stage(tmp_path, courier=HANGS)
    stage.at_tick[3] = end
    stage.run()
    assert children() == []
    assert stage.names[-1] is EventName.DAEMON_STOPPED


def test_a_courier_that_does_not_listen_is_not_left_behind_either(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(errand, "_GRACE_S", 0.2)
    deaf = tmp_path / "deaf"
    stage = Stage(tmp_path, courier=[sys.executable, "-c", STUBBORN, str(deaf)])
    stage.until(deaf.exists)
    assert children() == []
    assert stage.names[-1] is EventName.DAEMON_STOPPED


def test_a_failing_tick_does_not_keep_it_from_looking_after_the_courier(tmp_path):
    stage = Stage(tmp_path, courier=FAILS)
    stage.models.answers[ACTIVE] = RuntimeError("unheard of")
    tell = stage.events.append

    class Ending(list):
        def append(self, event):
            tell(event)
            if event.name is EventName.COURIER_FAILED:
                end()

    plain, stage.events = stage.events, Ending()
    stage.run()
    names = [event.name for event in plain]
    assert EventName.TICK_FAILED in names
    assert EventName.COURIER_FAILED in names


def test_an_errand_is_run_one_at_a_time_and_told_once():
    child = Errand(HANGS, limit_s=1)
    child.send(START)
    child.send(START)
    assert len(children()) == 1
    assert child.came_back(START + timedelta(seconds=1)) is None
    late = START + timedelta(seconds=1, microseconds=1)
    assert child.came_back(late) == -signal.SIGKILL
    assert child.came_back(late) is None
    child.end()


def test_an_errand_of_a_later_time_than_the_present_is_given_up():
    child = Errand(HANGS, limit_s=1000)
    child.send(START)
    assert child.came_back(START - timedelta(seconds=1)) == -signal.SIGKILL


def test_what_an_errand_printed_is_heard_where_somebody_listens():
    for is_heard, words in ((True, b"1\n"), (False, b"")):
        child = Errand(SAYS, limit_s=60, is_heard=is_heard)
        child.send(START)
        eventually(lambda child=child: child.came_back(START) is not None)
        assert child.words == words


def test_an_errand_that_leaves_its_pipe_to_another_is_not_waited_for():
    child = Errand(LEAVES, limit_s=60, is_heard=True)
    child.send(START)
    eventually(lambda: child.came_back(START) is not None)
    orphan = int(child.words)
    os.kill(orphan, signal.SIGKILL)


# Reports.


def test_a_report_is_sent_at_its_own_pace_beside_the_updates(tmp_path):
    log = tmp_path / "log"
    stage = Stage(tmp_path, config=config_of(tmp_path, report_every="1s"))
    stage.reporter = [sys.executable, "-c", TELLS, str(log)]
    stage.is_reporting, stage.draw = True, 1e-9
    stage.until(lambda: log.exists() and len(log.read_text()) == 2)
    assert EventName.COURIER_FAILED not in stage.names


def test_a_host_that_shares_nothing_starts_nothing(tmp_path):
    stage = Stage(tmp_path, config=config_of(tmp_path, report_every="1s"))
    stage.reporter = [str(tmp_path / "not there")]
    stage.draw = 1e-9
    stage.until(lambda: len(stage.built) and stage.bench.sample_count() > 25)
    assert EventName.COURIER_FAILED not in stage.names


def test_a_failed_report_is_told_by_its_job(tmp_path):
    stage = Stage(tmp_path, config=config_of(tmp_path, report_every="1s"))
    stage.reporter, stage.is_reporting, stage.draw = FAILS, True, 1e-9
    stage.until(lambda: EventName.COURIER_FAILED in stage.names)
    assert stage.reason(EventName.COURIER_FAILED) == {"job": "report", "status": 75}


def test_one_courier_at_a_time_and_none_starves(tmp_path):
    log = tmp_path / "log"
    stage = Stage(
        tmp_path, config=config_of(tmp_path, report_every="1s", update_every="1s")
    )
    stage.courier = [sys.executable, "-c", STAYS, str(log), "u"]
    stage.reporter = [sys.executable, "-c", STAYS, str(log), "r"]
    stage.is_reporting, stage.draw = True, 1e-9
    most = []

    def look():
        most.append(len(children()))
        told = log.read_text() if log.exists() else ""
        return told.count("r") > 1 and told.count("u") > 1

    stage.until(look)
    assert max(most) == 1


def test_the_next_report_waits_for_as_long_as_central_asks(tmp_path):
    says = 'import sys; print(\'{"job": "report", "after_s": 4000}\'); sys.exit(75)'
    stage = Stage(tmp_path, config=config_of(tmp_path, report_every="1s"))
    trips = Trips(
        replace(stage.jobs()[1], command=[sys.executable, "-c", says]),
        draw=lambda: 1e-9,
    )
    trips.begin(START)
    how = eventually(lambda: trips.came_back(START))
    assert trips.ended(how)
    assert trips.wait_s(stage.configs[0]) == pytest.approx(4001)
    stage.bench.close()


# Ticks and upkeep that fail.


def test_a_tick_that_raises_is_told_and_the_next_goes_on(stage):
    stage.models.answers[ACTIVE] = RuntimeError("unheard of")

    class Mending(list):
        def append(self, event):
            super().append(event)
            if event.name is EventName.TICK_FAILED:
                stage.models.answers[ACTIVE] = 0.5

    stage.events = Mending()
    stage.at_tick[3] = end
    stage.run()
    assert stage.names == [
        EventName.DAEMON_STARTED,
        EventName.TICK_FAILED,
        EventName.DAEMON_STOPPED,
    ]
    fields = {"error": "RuntimeError: unheard of"}
    assert stage.reason(EventName.TICK_FAILED) == fields
    assert stage.bench.moments()


def test_parts_that_cannot_be_built_are_built_at_a_later_tick(stage):
    build, refusals = stage.build, [StateError("state.db: opening: full")] * 2

    def refuse(config):
        if refusals:
            raise refusals.pop()
        return build(config)

    stage.build = refuse
    stage.at_tick[2] = end
    stage.run()
    assert stage.names.count(EventName.TICK_FAILED) == 2
    assert stage.bench.sample_count() == 2


def test_events_of_a_tick_reach_the_journal(stage):
    stage.host = ScriptedHost([{CPU: 0.5}], failures={1: {"disk": "gone"}})
    stage.at_tick[4] = end
    stage.run()
    assert EventName.COLLECTOR_FAILED in stage.names
    assert EventName.COLLECTOR_RECOVERED in stage.names


def test_a_wrong_configuration_at_the_start_is_the_callers_to_tell(stage):
    stage.configs = [ConfigError("agent: expected a table")]
    with pytest.raises(ConfigError):
        stage.run()


def test_upkeep_trims_what_is_too_old_and_tells_it(tmp_path, monkeypatch):
    monkeypatch.setattr(daemon_module, "_UPKEEP_S", 0.1)
    stage = Stage(tmp_path)
    Life(stage.bench, ScriptedHost([{CPU: 0.5}])).ticks(*range(-10_000_000, -9_999_990))
    stage.until(lambda: EventName.STORE_TRIMMED in stage.names)
    assert stage.reason(EventName.STORE_TRIMMED)["samples"] == 10


def test_upkeep_of_nothing_old_is_no_event(tmp_path, monkeypatch):
    monkeypatch.setattr(daemon_module, "_UPKEEP_S", 0.05)
    stage = Stage(tmp_path)
    stage.at_tick[6] = end
    stage.run()
    assert stage.names == [EventName.DAEMON_STARTED, EventName.DAEMON_STOPPED]


def test_upkeep_waits_for_parts_that_cannot_be_built(tmp_path, monkeypatch):
    monkeypatch.setattr(daemon_module, "_UPKEEP_S", 0.02)
    stage = Stage(tmp_path)
    refusals = []

    def refuse(config):
        refusals.append(config)
        if len(refusals) == 5:
            end()
        raise StateError("state.db: opening: full")

    stage.build = refuse
    stage.run()
    assert set(stage.names[1:-1]) == {EventName.TICK_FAILED}
    stage.bench.close()


def test_a_disk_that_is_full_at_the_end_is_told(tmp_path):
    seldom = config_of(tmp_path, interval="20ms", commit_every="10m")
    stage = Stage(tmp_path, config=seldom)
    stage.at_tick = {2: stage.bench.break_commits, 90: end}
    stage.run()
    assert stage.names[-2:] == [EventName.COMMIT_FAILED, EventName.DAEMON_STOPPED]


def test_upkeep_that_fails_is_told_and_the_ticks_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(daemon_module, "_UPKEEP_S", 0.1)
    stage = Stage(tmp_path)
    build = stage.build

    def without_trim(config):
        made = build(config)

        def refuse(**_):
            raise StateError("state.db: trimming: disk I/O error")

        monkeypatch.setattr(made.ledger, "trim", refuse)
        return made

    stage.build = without_trim
    stage.until(lambda: EventName.COMMIT_FAILED in stage.names)
    assert stage.reason(EventName.COMMIT_FAILED) == {
        "reason": "upkeep: state.db: trimming: disk I/O error"
    }


# The clock.


def test_a_clock_that_goes_back_an_hour_does_not_stop_the_ticks(stage, monkeypatch):
    """APScheduler would wait until the old time has come again."""
    shift = [timedelta()]

    class Shifted(datetime):
        @classmethod
        def now(cls, tz=None):
            return SystemClock().now() - shift[0]

    class Clock:
        def now(self):
            return Shifted.now(UTC)

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Shifted)
    stage.clock = Clock()
    stage.at_tick = {
        3: lambda: shift.__setitem__(0, timedelta(hours=1)),
        7: end,
    }
    stage.run()
    assert stage.ticks == 7
    assert EventName.CLOCK_WENT_BACK in stage.names


def test_a_clock_that_goes_back_a_little_leaves_the_jobs_as_they_are(stage):
    clock = FakeClock(START)
    stage.clock = clock
    daemon = stage.daemon()
    clock.turn(timedelta(milliseconds=-50))
    assert not daemon._has_set_jobs_anew()
    stage.bench.close()


# What is kept.


def test_what_came_to_pass_around_the_ticks_is_kept_with_them(stage):
    stage.configs.append(ConfigError("no such key"))
    stage.at_tick[2] = send(signal.SIGHUP)
    stage.at_tick[5] = end
    stage.run()
    assert stage.bench.events() == ["daemon_started", "config_refused"]


def test_a_reload_while_ticks_wait_to_be_written_is_refused_and_nothing_is_lost(stage):
    def look():
        if EventName.CONFIG_REFUSED in stage.names:
            stage.bench.mend_commits()
            end()
        elif EventName.COMMIT_FAILED in stage.names:
            send(signal.SIGHUP)()

    stage.at_tick = {1: stage.bench.break_commits} | dict.fromkeys(range(2, 300), look)
    stage.run()
    refused = stage.reason(EventName.CONFIG_REFUSED)
    assert "ticks wait to be written" in refused["reason"]
    assert len(stage.built) == 1
    assert stage.bench.sample_count() == stage.ticks


def test_an_end_with_ticks_that_could_not_be_written_says_so(stage):
    def look():
        if EventName.COMMIT_FAILED in stage.names:
            end()

    stage.at_tick = {1: stage.bench.break_commits} | dict.fromkeys(range(2, 300), look)
    stage.run()
    reasons = [e.fields.get("reason") for e in stage.events]
    assert "what was held back is lost" in reasons
