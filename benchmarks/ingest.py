"""What the server of central takes in: reports over loopback HTTP, to its limit.

Hosts keep a connection open each and send one report after another, as fast as they are
acknowledged, to a server in a process of its own. A report is what a host of three
tasks says in an hour; with `--samples`, with so many labelled samples of 30 features.

    python benchmarks/ingest.py [--database sqlite|postgresql] [--samples N]
                                [--hosts N] [--seconds S]

Prints one JSON line: reports a second by the wall; of those, how many for each second
of processor time that the server spends, which is what a core of its own would give;
the time from request to answer; and what a report weighs.
"""

import argparse
import json
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import msgspec
import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from agent.core.envelope import Labelled, LabelledRow, Seen, row_of
from agent.core.moment import BASELINE, Role
from central.flows.admit import digest
from central.wiring.fleet import opened_fleet
from tests.fakes.central import central_folder, packed, serving
from tests.fakes.postgres import empty_database, running
from tests.fakes.told import (
    ACTIVE,
    START,
    card_report,
    drift,
    full_report,
    line_up,
)

_TASKS = ("cpu-saturation", "memory-pressure", "filesystem-full")
_FEATURES = 30
_ROLES = (
    {"digest": BASELINE, "role": Role.BASELINE},
    {"digest": ACTIVE, "role": Role.ACTIVE},
)
_SETTINGS = """
[serve]
reports_a_minute = 1000000
[database]
url = "{url}"
"""


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=_DATABASES, default="sqlite")
    parser.add_argument("--samples", type=int, default=0)
    parser.add_argument("--hosts", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(_DATABASES[given.database](folder))
        print(json.dumps(_measured(folder, url, given)))


@contextmanager
def _sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'fleet.db'}"


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    with running() as server, empty_database(server) as url:
        yield url


_DATABASES = {"sqlite": _sqlite, "postgresql": _postgresql}


class _Host:
    """Sends one report after another on one connection; says how long each took."""

    def __init__(self, url: str, token: str, bodies: list[bytes]) -> None:
        place = urlsplit(url)
        self._line = socket.create_connection((place.hostname, place.port))
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = [_head(token, body) + body for body in bodies]
        self.took_s: list[float] = []
        self.trouble = ""

    def run(self, ends_at_s: float) -> None:
        for request in self._requests:
            began_s = time.monotonic()
            if began_s >= ends_at_s:
                return
            self._line.sendall(request)
            answer = b""
            while not answer.endswith(b"}"):
                answer += self._line.recv(4096)
            if b" 200 " not in answer[:20]:
                self.trouble = f"expected 200, got {answer!r}"
                return
            self.took_s.append(time.monotonic() - began_s)
        self.trouble = "expected reports to last, got none left: give fewer seconds"


def _head(token: str, body: bytes) -> bytes:
    return (
        "POST /api/v1/reports HTTP/1.1\r\nHost: central\r\n"
        f"Authorization: Bearer {token}\r\nContent-Encoding: gzip\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()


def _measured(folder: Path, url: str, given: argparse.Namespace) -> dict[str, object]:
    names = [f"host-{number:06}" for number in range(given.hosts)]
    # More than any of them sends at 1500 a second in all.
    count = int(1500 * given.seconds / given.hosts) + 10
    bodies = {name: _bodies(name, count, samples=given.samples) for name in names}
    central = central_folder(folder / "central", settings=_SETTINGS.format(url=url))
    with serving(central) as server:
        hosts = [
            _Host(server.url, token, bodies[name])
            for name, token in _tokens(central, names).items()
        ]
        process = psutil.Process(server.process.pid)
        cpu_s, wall_s = _run(hosts, process, seconds=given.seconds)
        rss = process.memory_info().rss
    took_s = np.array([each for host in hosts for each in host.took_s])
    some = bodies[names[0]][0]
    return {
        "benchmark": "ingest",
        "database": given.database,
        "hosts": given.hosts,
        "samples_a_report": given.samples,
        "report_bytes": len(some),
        "reports": len(took_s),
        "reports_a_second": round(len(took_s) / wall_s),
        "reports_a_second_and_core": round(len(took_s) / cpu_s),
        "server_cores": round(cpu_s / wall_s, 2),
        "answer_ms": {
            f"p{q}": round(float(np.percentile(took_s, q)) * 1000, 1) for q in (50, 99)
        },
        "server_rss_mb": round(rss / 1e6),
    }


def _run(
    hosts: list[_Host], process: psutil.Process, *, seconds: float
) -> tuple[float, float]:
    """Let all send for a while; return the server's processor time, and the wall's."""
    before, began_s = process.cpu_times(), time.monotonic()
    threads = [Thread(target=host.run, args=(began_s + seconds,)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if trouble := next((host.trouble for host in hosts if host.trouble), None):
        raise SystemExit(trouble)
    after, wall_s = process.cpu_times(), time.monotonic() - began_s
    return after.user + after.system - before.user - before.system, wall_s


def _tokens(folder: Path, names: list[str]) -> dict[str, str]:
    """Enrol hosts; return the token of each."""
    with opened_fleet(folder) as state:
        state.enrolment.add_join_token(
            digest("join"),
            name="benchmark",
            expires_at=START.replace(year=2999),
            uses=len(names),
        )
        for name in names:
            state.enrolment.enrol(
                name, join=digest("join"), token=digest(f"token-{name}"), now=START
            )
    return {name: f"token-{name}" for name in names}


def _bodies(host_id: str, count: int, *, samples: int) -> list[bytes]:
    rng = np.random.default_rng(0)
    rows = [_row(rng, number) for number in range(samples)]
    first = full_report(1, host_id=host_id)
    said = msgspec.structs.replace(
        first,
        line_ups=tuple(line_up(task) for task in _TASKS),
        scorecards=tuple(
            card_report(60, task=task, day=START.date(), **who)
            for task in _TASKS
            for who in _ROLES
        ),
        drift=tuple(drift(rows=60, task=task, features=_FEATURES) for task in _TASKS),
        labelled=_labelled(rows) if rows else None,
    )
    return [
        packed(msgspec.structs.replace(said, sequence=number))
        for number in range(1, count + 1)
    ]


def _labelled(rows: list[LabelledRow]) -> Labelled:
    events = sum(row.label == 1 for row in rows)
    quiet = len(rows) - events
    seen = Seen(
        task=_TASKS[0],
        events=events,
        quiet=9 * quiet,
        sent_events=events,
        sent_quiet=quiet,
    )
    return Labelled(
        scheme="halves-1", rows=tuple(rows), weights=(2.5,) * len(rows), seen=(seen,)
    )


def _row(rng: np.random.Generator, number: int) -> LabelledRow:
    return LabelledRow(
        task=_TASKS[0],
        release=ACTIVE,
        entity="",
        at=START,
        label=float(number % 10 == 0),
        baseline=(0.1,),
        active=(0.2,),
        features=row_of(rng.random(_FEATURES).astype(np.float32)),
    )


if __name__ == "__main__":
    main()
