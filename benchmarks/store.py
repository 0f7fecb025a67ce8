"""Measures the ledger: bytes written a minute, time to add, to commit, to refill.

A minute is six ticks of 100 series, 15 moments of 40 features with three predictions
each, 15 outcomes, 15 full scorecards, five tasks' memories, and one commit. After each
commit the files are synced, so that every page dirtied in a minute counts in that
minute, as it would if the minute took one: the kernel writes back after 30 s.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from agent.adapters.store.ledger import SqliteLedger
from agent.core.moment import (
    BASELINE,
    Moment,
    Outcome,
    OutcomeKind,
    Prediction,
    Resolved,
    Role,
)
from agent.core.sample import Sample
from agent.core.scorecard import Scorecard
from agent.ports import CardKey, Standing, TickRecord

_START = datetime(2026, 3, 1, tzinfo=UTC)
_LAYOUT = tuple(f"system.some.metric{{device=d{n}}}" for n in range(100))
_TICKS_A_MINUTE = 6
_MOMENTS_A_TICK = (3, 2, 3, 2, 3, 2)
_TASKS = ("disk-full", "memory-short", "load-high", "swap-busy", "network-quiet")
_DIGESTS = {Role.BASELINE: BASELINE, Role.ACTIVE: "a" * 64, Role.STANDBY: "b" * 64}
_HORIZON_TICKS = (90, 360, 360, 1080, 2160)
_VALUE_MEMORY_BYTES, _EVENT_MEMORY_BYTES = 5_000, 400
_MINUTES = 1_440
_WINDOW = timedelta(seconds=21_600)


def main() -> None:
    """Print one JSON line; an argument is the folder to write in."""
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=folder) as name:
        path = Path(name) / "state.db"
        with SqliteLedger.open(path) as ledger:
            result = _lived(ledger, path)
            result["window_refill_ms"] = _refilled(ledger)
        result["open_ms"] = _opened(path)
    print(json.dumps({"benchmark": "store"} | result))


def _lived(ledger: SqliteLedger, path: Path) -> dict[str, float]:
    """Return what a day costs; its first quarter, without outcomes yet, is left out."""
    added, committed, written = [], [], []
    cards, ticks = _cards(), _ticks()
    generator = np.random.default_rng(8)
    for minute in range(_MINUTES):
        before = _written_bytes()
        for _ in range(_TICKS_A_MINUTE):
            record = next(ticks)
            began = time.perf_counter()
            ledger.add(record)
            added.append(time.perf_counter() - began)
        for card in cards.values():
            _count(card, minute)
        standing = Standing(cards=cards, memories=_memories(generator))
        began = time.perf_counter()
        ledger.commit(standing)
        committed.append(time.perf_counter() - began)
        _sync(path)
        written.append(_written_bytes() - before)
    return {
        "write_kb_per_min": round(statistics.mean(written[_MINUTES // 4 :]) / 1024, 1),
        "add_us_per_tick": round(statistics.median(added) * 1e6, 2),
        "commit_ms": round(statistics.median(committed) * 1e3, 2),
        "commit_ms_p99": round(float(np.quantile(committed, 0.99)) * 1e3, 2),
        "file_mb_per_day": round(path.stat().st_size / 1e6, 1),
    }


def _refilled(ledger: SqliteLedger) -> float:
    since = _START + timedelta(minutes=_MINUTES) - _WINDOW
    took = []
    for _ in range(5):
        began = time.perf_counter()
        window = np.array([sample.values for sample in ledger.samples(since=since)])
        took.append(time.perf_counter() - began)
        if window.shape != (2160, 100):
            raise SystemExit(f"expected 2160 samples of 100 series, got {window.shape}")
    return round(statistics.median(took) * 1e3, 2)


def _opened(path: Path) -> float:
    began = time.perf_counter()
    with SqliteLedger.open(path) as ledger:
        ledger.open_moments()
    return round((time.perf_counter() - began) * 1e3, 1)


def _ticks() -> Iterator[TickRecord]:
    generator = np.random.default_rng(7)
    waiting: dict[int, list[Moment]] = {}
    number, tick = 0, 0
    while True:
        at = _START + timedelta(seconds=10 * tick)
        moments = []
        for _ in range(_MOMENTS_A_TICK[tick % _TICKS_A_MINUTE]):
            number += 1
            task = number % len(_TASKS)
            due = tick + _HORIZON_TICKS[task]
            moments.append(_moment(generator, number=number, task=task, at=at))
            waiting.setdefault(due, []).append(moments[-1])
        outcome = Outcome(kind=OutcomeKind.DID_NOT, resolved_at=at)
        yield TickRecord(
            sample=Sample(
                at=at,
                layout=_LAYOUT,
                values=generator.random(len(_LAYOUT), dtype=np.float32),
            ),
            moments=moments,
            resolved=[
                Resolved(moment=moment, outcome=outcome)
                for moment in waiting.pop(tick, [])
            ],
            events=[],
        )
        tick += 1


def _moment(
    generator: np.random.Generator, *, number: int, task: int, at: datetime
) -> Moment:
    return Moment(
        id=number,
        task=_TASKS[task],
        entity="/var/lib",
        at=at,
        due_at=at + timedelta(seconds=10 * _HORIZON_TICKS[task]),
        limit=0.9,
        origin=generator.random(),
        state=4,
        features=generator.random(40, dtype=np.float32),
        predictions=tuple(
            Prediction(
                role=role,
                digest=digest,
                values=(float(generator.random(dtype=np.float32)),),
            )
            for role, digest in _DIGESTS.items()
        ),
    )


def _cards() -> dict[CardKey, Scorecard]:
    return {
        CardKey(task, digest, role, _START.date()): Scorecard()
        for task in _TASKS
        for role, digest in _DIGESTS.items()
    }


def _count(card: Scorecard, minute: int) -> None:
    card.add_event(
        (minute % 100) / 100,
        baseline=0.1,
        happened=minute % 9 == 0,
        threshold=0.5,
        lead_s=60.0 * (minute % 60),
    )


def _memories(generator: np.random.Generator) -> dict[str, bytes]:
    """Return what four event tasks and one value task remember, all of it changed."""
    return {
        task: generator.bytes(_VALUE_MEMORY_BYTES if n == 0 else _EVENT_MEMORY_BYTES)
        for n, task in enumerate(_TASKS)
    }


def _sync(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        descriptor = os.open(path.with_name(name), os.O_RDWR)
        os.fsync(descriptor)
        os.close(descriptor)


def _written_bytes() -> int:
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


if __name__ == "__main__":
    main()
