"""What the daemon costs with the three starter releases: one JSON line.

Runs `forewarn run --standalone` on this host in a folder of its own, lets it settle,
and reads /proc for so many minutes. Before it starts, the libraries are dropped from
the page cache, as after a reboot: how many of their pages count as resident depends on
how they came into the cache, not on this program.

    python benchmarks/footprint.py [--minutes 5] [--commit-every 60s] [--interval 10s]
"""

import argparse
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

KIB = 1024
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
STARTS = 5
SETTLE_S = 45.0
LONGEST_STEP_S = 61.0
FORGET_S = 60.0


def main() -> None:
    """Measure and print."""
    given = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="forewarn-footprint-") as folder:
        state = Path(folder) / "state"
        config = Path(folder) / "config.toml"
        config.write_text(
            f'[agent]\ninterval = "{given.interval}"\n'
            f'[store]\ncommit_every = "{given.commit_every}"\n',
            encoding="utf-8",
        )
        with _daemon(config, state):  # makes repository, ledger and line-up
            _wait_for_moments(state, more_than=0)
        # As after a night: every task is due again.
        time.sleep(LONGEST_STEP_S)  # noqa: TID251 - a benchmark waits
        firsts_ms = [_first_score_ms(config, state) for _ in range(STARTS)]
        _drop_from_page_cache()
        with _daemon(config, state) as process:
            time.sleep(SETTLE_S)  # noqa: TID251 - a benchmark waits
            figures = _measured(process.pid, seconds=60 * given.minutes)
    figures["start_to_first_score_ms"] = round(statistics.median(firsts_ms))
    settings = {"interval": given.interval, "commit_every": given.commit_every}
    print(json.dumps({"benchmark": "footprint", **settings, **figures}))


def _first_score_ms(config: Path, state: Path) -> float:
    """Return the time from exec to the first committed prediction, on a copy."""
    copy = shutil.copytree(state, state.with_name("copy"))
    known = _moments(copy)
    began = time.perf_counter()
    with _daemon(config, copy):
        _wait_for_moments(copy, more_than=known)
        first_ms = 1000 * (time.perf_counter() - began)
    shutil.rmtree(copy)
    return first_ms


def _measured(pid: int, *, seconds: float) -> dict[str, float]:
    """Return what the process costs over so many seconds, and what it holds then."""
    cpu_s, courier_s, written = _spent(pid)
    time.sleep(seconds)  # noqa: TID251 - a benchmark waits
    cpu_after_s, courier_after_s, written_after = _spent(pid)
    minutes = seconds / 60
    memory = _fields(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"))
    status = _fields(Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    return {
        "rss_mb": round(_kib(memory["Rss"]) / KIB, 1),
        "pss_mb": round(_kib(memory["Pss"]) / KIB, 1),
        "anon_mb": round(_kib(memory["Anonymous"]) / KIB, 1),
        "cpu_s_per_min": round((cpu_after_s - cpu_s) / minutes, 4),
        "courier_cpu_s_per_min": round((courier_after_s - courier_s) / minutes, 4),
        "write_kb_per_min": round((written_after - written) / KIB / minutes, 1),
        "threads": int(status["Threads"]),
        "minutes": minutes,
    }


def _spent(pid: int) -> tuple[float, float, int]:
    """Return CPU seconds of the process, of its ended children, and bytes written."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2]
    own, children = (
        [int(ticks) for ticks in stat.split()[a:b]] for a, b in ((11, 13), (13, 15))
    )
    io = _fields(Path(f"/proc/{pid}/io").read_text(encoding="ascii"))
    written = int(io["write_bytes"])
    return sum(own) / TICKS_A_SECOND, sum(children) / TICKS_A_SECOND, written


@contextmanager
def _daemon(config: Path, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = (sys.executable, "-m", "agent", "run", "--standalone")
    process = subprocess.Popen(
        [*command, "--config", str(config), "--state-dir", str(state)],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=FORGET_S)


def _wait_for_moments(state: Path, *, more_than: int) -> None:
    ends = time.perf_counter() + FORGET_S
    while _moments(state) <= more_than:
        if time.perf_counter() > ends:
            sys.exit("footprint: the daemon predicted nothing within a minute")
        time.sleep(0.005)  # noqa: TID251 - a benchmark waits


def _moments(state: Path) -> int:
    try:
        path = f"file:{state / 'forewarn.db'}?mode=ro"
        with closing(sqlite3.connect(path, uri=True)) as connection:
            (count,) = connection.execute("select count(*) from moments").fetchone()
            return int(count)
    except sqlite3.Error:
        return 0


def _drop_from_page_cache() -> None:
    """Let the kernel forget the libraries, where nobody else has them mapped."""
    os.sync()
    for path in Path(sysconfig.get_paths()["purelib"]).rglob("*.so*"):
        opened = os.open(path, os.O_RDONLY)
        os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(opened)


def _fields(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def _kib(text: str) -> int:
    return int(text.removesuffix(" kB"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--interval", default="10s")
    parser.add_argument("--commit-every", default="60s")
    return parser


if __name__ == "__main__":
    main()
