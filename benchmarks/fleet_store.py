"""Measures the fleet's database: reports a second, alone and in groups; reads.

A report tells of an hour of one task: three scorecards, two questions of the guard, a
fleet block, drift of 30 features, two events; `--samples N` adds labelled ones. Each
host sends in turn, so that every report changes what the last one of its host wrote.
Reads are of 10,000 hosts with two days each. One JSON line; PostgreSQL is left out,
and said to be, where none can be started.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from central.adapters.database import Database, SqlFleet, SqlReports
from central.ports.fleet import Arrival
from tests.fakes.postgres import empty_database, running
from tests.fakes.told import TASK, arrival, full_report

_GROUP = 50
_HOSTS = 500
_READ_HOSTS = 10_000
_READS = 3


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=0)
    parser.add_argument("--reports", type=int, default=2_000)
    parser.add_argument("--hosts", type=int, default=_READ_HOSTS)
    options = parser.parse_args()
    result: dict[str, object] = {"benchmark": "fleet_store", "group": _GROUP}
    result |= {"samples": options.samples, "reports": options.reports}
    for name, places in (("sqlite", _sqlite), ("postgresql", _postgresql)):
        with places() as url:
            result[name] = _measured(url, options)
    print(json.dumps(result))


def _measured(url: str, options: argparse.Namespace) -> dict[str, float]:
    arrivals = _arrivals(samples=options.samples)
    with Database.open(url) as database:
        kept = SqlReports(database)
        for _ in range(_HOSTS // _GROUP):
            kept.store_many([next(arrivals) for _ in range(_GROUP)])
        found = _rates(kept, "store", list(_groups(arrivals, options.reports // 4, 1)))
        groups = _groups(arrivals, options.reports // _GROUP, _GROUP)
        found |= _rates(kept, "store_many", list(groups))
        _fill(kept, hosts=options.hosts)
        return found | _reads(SqlFleet(database))


def _groups(
    arrivals: Iterator[Arrival], number: int, size: int
) -> Iterator[list[Arrival]]:
    return (list(islice(arrivals, size)) for _ in range(number))


def _rates(
    kept: SqlReports, name: str, groups: list[list[Arrival]]
) -> dict[str, float]:
    """Return reports a second, by the clock and by our own processor time."""
    began, cpu = time.perf_counter(), time.process_time()
    for group in groups:
        kept.store_many(group)
    total = sum(map(len, groups))
    return {
        f"{name}_per_s": round(total / (time.perf_counter() - began), 1),
        f"{name}_per_cpu_s": round(total / (time.process_time() - cpu), 1),
    }


def _fill(kept: SqlReports, *, hosts: int) -> None:
    for sequence in (1, 25):
        for first in range(0, hosts, 500):
            kept.store_many(
                [
                    arrival(full_report(sequence, host_id=f"read-{number:06d}"))
                    for number in range(first, first + 500)
                ]
            )


def _reads(fleet: SqlFleet) -> dict[str, float]:
    reads: dict[str, Callable[[], object]] = {
        "hosts": fleet.hosts,
        "line_ups": lambda: fleet.line_ups(TASK),
        "health": fleet.health,
        "totals": fleet.totals,
        "drift": lambda: fleet.drift(TASK),
        "evidence": lambda: fleet.evidence(TASK),
        "cards": fleet.cards,
    }
    return {f"read_{name}_ms": _took_ms(read) for name, read in reads.items()}


def _took_ms(read: Callable[[], object]) -> float:
    took = []
    for _ in range(_READS):
        began = time.perf_counter()
        read()
        took.append(time.perf_counter() - began)
    return round(min(took) * 1e3, 1)


def _arrivals(*, samples: int) -> Iterator[Arrival]:
    for turn in count(1):
        for number in range(_HOSTS):
            yield arrival(
                full_report(turn, host_id=f"host-{number:06d}", samples=samples)
            )


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/fleet.db"


@contextmanager
def _postgresql() -> Iterator[str]:
    with running() as server, empty_database(server) as url:
        yield url


if __name__ == "__main__":
    main()
