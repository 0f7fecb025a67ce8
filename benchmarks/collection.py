"""What one sample of this host costs: `python benchmarks/collection.py`, one JSON line.

Cold is as in a daemon that wakes every few seconds: before each sample other memory is
gone through and the process sleeps. Warm is one sample after the other. Both medians,
CPU time of this thread, user and system.
"""

import json
import os
import statistics
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from time import thread_time_ns

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from agent.adapters.host.host import LocalHost

_ROUNDS_COLD = 100
_ROUNDS_WARM = 500
_IDLE_S = 0.05
_DISTURBED_BYTES = 64 * 2**20
_START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    host = LocalHost()
    series = len(host.sample(_START).layout)
    print(
        json.dumps(
            {
                "benchmark": "collection",
                "cpu_us_per_sample": _median_us(host, rounds=_ROUNDS_COLD, cold=True),
                "cpu_us_warm": _median_us(host, rounds=_ROUNDS_WARM, cold=False),
                "series": series,
            }
        )
    )
    host.close()


def _median_us(host: LocalHost, *, rounds: int, cold: bool) -> float:
    other = np.zeros(_DISTURBED_BYTES // 8)
    idle = Event()
    taken = []
    for step in range(rounds):
        if cold:
            other += 1
            idle.wait(_IDLE_S)
        now = _START + timedelta(seconds=10 * step)
        start = thread_time_ns()
        host.sample(now)
        taken.append((thread_time_ns() - start) / 1000)
    return round(statistics.median(taken), 1)


if __name__ == "__main__":
    main()
