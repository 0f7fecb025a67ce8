"""The program as an operator has it: commands, a daemon, and what SQLite says."""

import csv
import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

ROOT = Path(__file__).parents[2]
STARTERS = sorted(path.name for path in (ROOT / "agent" / "starters").iterdir())
START_S = 1_714_564_800  # 2024-05-01T12:00:00Z
CPU = "system.cpu.utilization"
MEMORY = "system.memory.utilization"
FILESYSTEM = 'system.filesystem.utilization{mountpoint="%s"}'


def forewarn(*arguments, **options):
    """Run one command in a process of its own; return what came of it."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "agent", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
        **options,
    )


def document(*arguments, status=0):
    """Return what a command prints with --json."""
    done = forewarn(*arguments, "--json")
    assert (done.returncode, done.stderr) == (status, ""), done
    return json.loads(done.stdout)


def rows_of(state_dir, query):
    """Return what plain SQLite answers from a state folder."""
    path = f"file:{state_dir}/forewarn.db?mode=ro"
    with closing(sqlite3.connect(path, uri=True, timeout=5)) as connection:
        return connection.execute(query).fetchall()


def counts(state_dir):
    """Return how many rows plain SQLite counts, in the words of `status --json`."""
    ((samples, moments, resolved),) = rows_of(
        state_dir,
        "select (select count(*) from samples), (select count(*) from moments),"
        " (select count(*) from outcomes)",
    )
    kinds = rows_of(state_dir, "select kind, count(*) from outcomes group by kind")
    return {
        "samples": samples,
        "moments": moments,
        "open": moments - resolved,
        "outcomes": dict(kinds),
    }


def trace_file(path, *, rows=1_000, interval_s=10):
    """Write a recorded host: a busy time now and then, and /var fills up."""
    header = ["timestamp", CPU, MEMORY, FILESYSTEM % "/", FILESYSTEM % "/var"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for n in range(rows):
            cpu = 0.95 if n // 60 % 5 == 4 else 0.3 + 0.05 * math.sin(n / 10)
            var = round(min(1.0, 0.6 + n * 0.0006), 4)
            writer.writerow([START_S + n * interval_s, round(cpu, 4), 0.6, 0.5, var])
    return path


def eventually(answer, *, within_s=20.0):
    """Return the first true answer; fail if none comes in time."""
    ends_at = monotonic() + within_s
    while not (found := answer()):
        assert monotonic() < ends_at, f"nothing within {within_s} s"
        Event().wait(0.05)
    return found


class Daemon:
    """`forewarn run` in a process of its own, its journal in a file."""

    def __init__(self, *arguments, journal, stdout=subprocess.DEVNULL):
        self._journal = journal
        self._from = journal.stat().st_size if journal.exists() else 0
        environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
        with journal.open("ab") as file:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "agent", "run", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=file,
                cwd=ROOT,
                env=environment,
            )

    @property
    def journal(self):
        """What this daemon and its children wrote, one line an event."""
        return self._journal.read_bytes()[self._from :].decode()

    def has_told(self, words):
        """Return whether the journal holds the words; fail if the daemon is gone."""
        told = words in self.journal
        assert told or self.process.poll() is None, self.journal
        return told

    def stop(self, number=signal.SIGTERM):
        """End it by a signal and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


@contextmanager
def running(*arguments, journal, stdout=subprocess.DEVNULL):
    """Yield a daemon that began to collect; it is gone afterwards."""
    daemon = Daemon(*arguments, journal=journal, stdout=stdout)
    try:
        eventually(lambda: daemon.has_told("daemon_started"), within_s=30)
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait()
