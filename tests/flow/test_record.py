"""Record: the samples of a live host, or of a ledger, as a trace."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.registry import SqliteRegistry
from agent.adapters.trace import read_trace
from agent.cli import main
from agent.core.sample import Sample
from agent.flows.record import chosen, readings, record
from tests.fakes.clock import FakeClock
from tests.fakes.commands import ROOT, eventually
from tests.fakes.host import ScriptedHost
from tests.fakes.ledger import INTERVAL, NOTHING, START, tick

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CPU = "system.cpu.utilization"
MEMORY = "system.memory.utilization"


class Waiting:
    """Turns the clock by what is waited for, and ends after so many waits."""

    def __init__(self, clock, *, ends_after=1_000):
        self.clock, self.left, self.waited = clock, ends_after, []

    def __call__(self, seconds):
        self.clock.turn(seconds * SECOND)
        if seconds:
            self.waited.append(seconds)
        self.left -= 1
        return self.left >= 0


def read_all(clock, **asked):
    host = ScriptedHost([{"m.x": number} for number in range(1_000)])
    waiting = Waiting(clock, **asked.pop("waiting", {}))
    found = list(readings(host, clock=clock, wait=waiting, every_s=10, **asked))
    return [(each.at, each.values[0]) for each in found], waiting


# --- when a sample is taken


def test_samples_come_at_whole_multiples_and_the_first_reading_is_no_row():
    found, _ = read_all(FakeClock(NOON + 3 * SECOND), for_s=30)
    assert found == [(NOON + 10 * n * SECOND, n) for n in (1, 2, 3)]


def test_a_recording_ends_when_its_time_is_over_without_waiting_for_more():
    _, waiting = read_all(FakeClock(NOON), for_s=20)
    assert waiting.waited == [10, 10]


def test_a_recording_without_an_end_ends_when_it_is_told():
    found, _ = read_all(FakeClock(NOON), waiting={"ends_after": 5})
    assert len(found) == 2  # each row asks twice: may it wait, may it go on


def test_a_recording_that_is_ended_while_it_waits_takes_no_sample_more():
    found, waiting = read_all(FakeClock(NOON), waiting={"ends_after": 4})
    assert (len(found), len(waiting.waited)) == (2, 3)


def test_a_clock_that_went_back_is_not_waited_for():
    clock = FakeClock(NOON)
    waiting = Waiting(clock, ends_after=7)

    def wait(seconds):
        if seconds and len(waiting.waited) == 2:
            clock.turn(timedelta(hours=-3))
        return waiting(seconds)

    host = ScriptedHost([{"m.x": 1}])
    found = [s.at for s in readings(host, clock=clock, wait=wait, every_s=10)]
    assert found[:2] == [NOON + 10 * SECOND, NOON + 20 * SECOND]
    assert found[2] < NOON
    assert max(waiting.waited) <= 10


# --- what is taken


def samples(*seconds, layout=("m.a", 'm.b{c="d"}', "n.a")):
    values = np.arange(len(layout), dtype=np.float32)
    return [
        Sample(at=NOON + s * SECOND, layout=layout, values=values + s) for s in seconds
    ]


@pytest.mark.parametrize(
    ("globs", "layout", "values"),
    [
        ([], ("m.a", 'm.b{c="d"}', "n.a"), [0, 1, 2]),
        (["m.*"], ("m.a", 'm.b{c="d"}'), [0, 1]),
        (["n.a", '*c="d"*'], ('m.b{c="d"}', "n.a"), [1, 2]),
        (["M.*"], (), []),
    ],
)
def test_a_glob_chooses_series_by_their_spelling(globs, layout, values):
    one, other = chosen(samples(0, 10), globs=globs)
    assert (one.layout, one.values.tolist()) == (layout, values)
    assert other.layout is one.layout


def test_a_layout_that_changes_is_chosen_from_again():
    found = [*samples(0), *samples(1, layout=("n.a", "m.a")), *samples(2)]
    layouts = [each.layout for each in chosen(found, globs=["*.a"])]
    assert layouts == [("m.a", "n.a"), ("n.a", "m.a"), ("m.a", "n.a")]


def test_samples_whose_time_does_not_grow_are_left_out_and_counted():
    kept, seen = [], []
    done = record(
        samples(0, 10, 5, 10, 20),
        append=lambda each: kept.append(each.at),
        on_row=lambda done: seen.append(done.rows),
    )
    assert kept == [NOON, NOON + 10 * SECOND, NOON + 20 * SECOND]
    assert (done.rows, done.left_out, done.lasted_s) == (3, 2, 20)
    assert seen == [1, 2, 3]


def test_nothing_recorded_lasts_no_time():
    done = record([], append=lambda each: None, on_row=lambda done: None)
    assert (done.rows, done.began_at, done.lasted_s) == (0, None, 0)


# --- the command


@pytest.fixture
def printed(capsys):
    def printed(*arguments):
        status = main(list(map(str, arguments)))
        out, err = capsys.readouterr()
        return SimpleNamespace(status=status, out=out, err=err)

    return printed


@pytest.fixture
def state_dir(tmp_path):
    """Return the state folder of a daemon that has kept two hours."""
    folder = tmp_path / "state"
    folder.mkdir()
    path = folder / "forewarn.db"
    with SqliteRegistry.open(path), SqliteLedger.open(path) as ledger:
        for number in range(720):
            ledger.add(tick(number, layout=("system.uptime", CPU)[: 1 + number // 9]))
        ledger.commit(NOTHING)
    return folder


@pytest.mark.parametrize("name", ["host.csv", "host.parquet"])
def test_what_the_daemon_kept_becomes_a_trace(state_dir, tmp_path, printed, name):
    path = tmp_path / name
    chosen = ("--series", "system.uptime")
    done = printed("record", path, "--from-store", "--state-dir", state_dir, *chosen)
    assert (done.status, done.err) == (0, "1 series; named in them: nothing\n")
    assert done.out == f"{path}: 720 rows of 1 series, 1 h 59 min\n"
    trace = read_trace(path)
    assert trace.instants == [START + n * INTERVAL for n in range(720)]
    np.testing.assert_array_equal(
        trace.values[:, 0], np.arange(720, dtype=np.float32) / 3
    )


def test_the_newest_of_what_the_daemon_kept_is_enough(state_dir, tmp_path, printed):
    since = START + 700 * INTERVAL
    done = printed(
        *("record", tmp_path / "t.csv", "--from-store", "--state-dir", state_dir),
        *("--since", since.isoformat(), "--json"),
    )
    assert json.loads(done.out) == {
        "path": str(tmp_path / "t.csv"),
        "rows": 20,
        "series": 2,
        "left_out": 0,
        "began_at": since.isoformat().replace("+00:00", "Z"),
        "ended_at": (since + 19 * INTERVAL).isoformat().replace("+00:00", "Z"),
    }


def kept_in(folder, layout, *numbers):
    path = folder / "forewarn.db"
    with SqliteRegistry.open(path), SqliteLedger.open(path) as ledger:
        for number in numbers:
            ledger.add(tick(number, layout=layout))
        ledger.commit(NOTHING)


def test_what_a_trace_tells_of_the_host_by_name_is_said(tmp_path, printed):
    devices = [f'system.disk.io{{device="sd{n}",direction="read"}}' for n in "abcdefg"]
    root = 'system.filesystem.utilization{mountpoint="/"}'
    kept_in(tmp_path, (*devices, root, CPU), 0, 1)
    done = printed(
        "record", tmp_path / "t.csv", "--from-store", "--state-dir", tmp_path
    )
    assert done.err == (
        "9 series; named in them: device sda, sdb, sdc, sdd, sde and 2 more; "
        "mountpoint /\n"
    )


def test_on_a_terminal_the_rows_are_counted(tmp_path):
    kept_in(tmp_path, (CPU,), 0, 1, 2)
    leading, following = os.openpty()
    command = ["record", tmp_path / "t.csv", "--from-store", "--state-dir", tmp_path]
    with os.fdopen(leading, "rb", buffering=0) as terminal:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "agent", *command],
            check=True,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=following,
            timeout=60,
        )
        os.close(following)
        shown = terminal.read(10_000).decode()
    assert shown.splitlines()[-1] == "\x1b[2K1 row of 1 series, 0.0 s"
    assert done.stdout.decode().endswith("t.csv: 3 rows of 1 series, 20 s\n")


def test_an_empty_ledger_makes_no_file(tmp_path, printed):
    path = tmp_path / "forewarn.db"
    with SqliteRegistry.open(path):
        pass
    out = tmp_path / "t.csv"
    done = printed("record", out, "--from-store", "--state-dir", tmp_path)
    assert (done.status, done.out) == (
        0,
        f"nothing was recorded, so there is no {out}\n",
    )
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--from-store", "--every", "1s"], 2, "expected neither --for nor --every"),
        (["--from-store", "--for", "1d"], 2, "expected neither --for nor --every"),
        (["--since", "1d"], 2, "--since: expected --from-store with it"),
        (["--every", "10"], 2, "expected a number and a unit"),
        (["--every", "500ms"], 2, 'expected at least 1s, got "500ms"'),
        (["--from-store", "--state-dir", "none"], 1, "expected a daemon's state"),
        (["--series", "none*", "--every", "1s"], 2, "none of these is a series here"),
    ],
)
def test_what_cannot_be_recorded_is_refused(tmp_path, printed, options, status, words):
    done = printed("record", tmp_path / "t.csv", *options)
    assert (done.status, done.out) == (status, "")
    assert words in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_live_host_is_recorded_and_replayed(tmp_path, printed):
    path = tmp_path / "t.csv"
    glob = ("--series", "system.cpu.utilization*", "--series", "none*")
    done = printed("record", path, "--for", "3s", "--every", "1s", *glob)
    plan, unknown, contents = done.err.splitlines()[-3:]
    assert plan == "one row every 1 s, for 3 s"
    assert unknown == "--series none*: no such series here yet"
    assert contents.endswith("series; named in them: nothing")
    assert (done.status, len(read_trace(path).instants_s)) == (0, 3)
    assert printed("replay", path, "--release", "cpu-saturation").status == 0


def test_a_task_whose_limit_needs_a_unit_is_left_out_where_it_is_lost(
    tmp_path, printed
):
    path = tmp_path / "t.csv"
    rows = "".join(f"{60 * n},0.1,0.2\n" for n in range(30))
    path.write_text(f"timestamp,{CPU},{MEMORY}.norm\n{rows}")
    lost = f"memory-pressure: {MEMORY} is normalised here: its unit is lost, so a limit"
    by_default = printed("replay", path)
    assert by_default.status == 0
    assert f"left out: {lost}" in by_default.err
    asked = printed("replay", path, "--release", "memory-pressure")
    assert (asked.status, asked.out) == (78, "")
    assert lost in asked.err
    said = ("--rename", f"{MEMORY}.norm={MEMORY}")
    assert printed("replay", path, "--release", "memory-pressure", *said).status == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_recording_that_is_ended_is_whole(tmp_path, name, number):
    path, rows = tmp_path / name, tmp_path / "t.csv"
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "agent", "record", path, "--every", "1s", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(
            lambda: rows.exists() and rows.read_bytes().count(b"\n") > 2, within_s=40
        )
        process.send_signal(number)
        told, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    trace = read_trace(path)
    assert process.returncode == 0
    assert json.loads(told)["rows"] == len(trace.instants_s) >= 2
    assert json.loads(told)["series"] == len(trace.layout) > 20
    assert not np.isnan(trace.values[:, trace.layout.index("system.uptime")]).any()
    assert [each.name for each in tmp_path.iterdir()] == [name]
