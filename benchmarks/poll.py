"""What an update costs: `python benchmarks/poll.py`, one JSON line a case.

The courier is started as the daemon starts it, against a repository on loopback: when
nothing is new, and when a model of 20 MB is. CPU is of the courier and all its
children, user and system; peak memory is of the courier itself, and of the largest of
its children (the trial, which holds the model).
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from onnx import helper, numpy_helper

from agent.adapters.clock import SystemClock
from agent.wiring.courier import courier_command
from tests.fakes import onnx_files
from tests.fakes.http import QuietHandler, serving
from tests.fakes.onnx_files import manifest_of
from tests.fakes.signed import Publisher

_ROUNDS = 7
_TABLE_ROWS = 5_000_000
_LOOK_S = 0.002
_KIB = 1024


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        publisher = Publisher(place / "central", now=SystemClock().now())
        small = onnx_files.logistic()
        publisher.offer("cpu-busy", manifest_of(small), small)
        with _served(publisher.folder) as (url, asked):
            config = _config(place, url=url, root=publisher.root)
            _polled(config)
            _print_nothing_new(config, asked)
            large = _large()
            limits = {"latency_ms": 50, "memory_mb": 256}
            manifest = manifest_of(large, version=2, limits=limits)
            publisher.offer("cpu-busy", manifest, large)
            asked.clear()
            _print_large(config, asked, size=len(large))


def _print_nothing_new(config: Path, asked: list[str]) -> None:
    polls = []
    for _ in range(_ROUNDS):
        asked.clear()
        polls.append(_polled(config))
    print(
        json.dumps(
            {
                "benchmark": "poll with nothing new",
                "cpu_s": round(statistics.median(p["cpu_s"] for p in polls), 3),
                "peak_mb": round(max(p["peak_mb"] for p in polls), 1),
                "gets": asked,
            }
        )
    )


def _print_large(config: Path, asked: list[str], *, size: int) -> None:
    poll = _polled(config)
    print(
        json.dumps(
            {
                "benchmark": "update with a large model",
                "model_mb": round(size / 1e6, 1),
                "cpu_s": round(poll["cpu_s"], 3),
                "peak_mb": round(poll["peak_mb"], 1),
                "peak_mb_of_the_trial": round(poll["peak_child_mb"], 1),
                "admitted": len(poll["answer"]["result"]["admitted"]),
                "refused": [r["reason"] for r in poll["answer"]["result"]["refused"]],
                "gets": len(asked),
            }
        )
    )


def _polled(config: Path) -> dict[str, Any]:
    """Run the courier once; return what it cost and what it said."""
    command = courier_command(config_path=config, state_dir=None, is_standalone=False)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = subprocess.Popen(
        [os.environ.get("POLL_PYTHON", command[0]), *command[1:]],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
    )
    peak_kib = 0
    status = Path(f"/proc/{child.pid}/status")
    done = Event()
    reader = Thread(target=lambda: (child.wait(), done.set()))
    reader.start()
    while not done.wait(_LOOK_S):
        peak_kib = max(peak_kib, _peak_kib(status))
    reader.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    stdout = child.stdout
    return {
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_mb": peak_kib * _KIB / 1e6,
        "peak_child_mb": after.ru_maxrss * _KIB / 1e6,
        "answer": json.loads(stdout.read()) if stdout else {},
    }


def _peak_kib(status: Path) -> int:
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return 0
    return next((int(x.split()[1]) for x in lines if x.startswith("VmHWM:")), 0)


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - the library's name
            asked.append(self.path)
            super().do_GET()

    with serving(folder, Handler) as url:
        yield url, asked


def _config(place: Path, *, url: str, root: bytes) -> Path:
    (place / "root.json").write_bytes(root)
    path = place / "config.toml"
    path.write_text(
        f'[agent]\nstate_dir = "{place / "state"}"\n'
        f'[central]\nurl = "{url}"\ntrust_root = "{place / "root.json"}"\n'
    )
    return path


def _large() -> bytes:
    """Return a model of 20 MB: a logistic one that looks up 0 in a long table."""
    table = numpy_helper.from_array(np.zeros((_TABLE_ROWS, 1), np.float32), "table")
    row = numpy_helper.from_array(np.zeros(1, np.int64), "row")
    weights = numpy_helper.from_array(np.ones((2, 1), np.float32), "weights")
    return onnx_files.model(
        [
            helper.make_node("Gather", ["table", "row"], ["offset"]),
            helper.make_node("MatMul", ["features", "weights"], ["product"]),
            helper.make_node("Add", ["product", "offset"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["probability"]),
        ],
        initializers=[table, row, weights],
    )


if __name__ == "__main__":
    main()
